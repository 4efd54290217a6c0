"""The agreement with customers: its state, the credits that follow, and the record of breaches. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_FLOOR, Decimal

from ninefold.domain.measurements.measurement import Measurement
from ninefold.domain.schedules.calendar import Calendar, period
from ninefold.domain.schedules.span import Span
from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Note
from ninefold.reliability.servicelevelobjective.resource import Agreement, ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import AgreementStatus, Breach

RECORDED = 24
"""How many breaches a status keeps."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A period that is over, and its share of bad events; None if Prometheus has no data of it."""

    span: Span
    error_ratio: float | None


def calendar_of(slo: ServiceLevelObjective) -> Calendar | None:
    """The calendar of the agreement; None if its window is rolling, or if there is no agreement."""
    agreement = slo.spec.agreement
    return (agreement.window or slo.spec.window).calendar if agreement else None


def unjudged(slo: ServiceLevelObjective, now: datetime) -> Span | None:
    """The period to judge next: the oldest period that has ended since the last judged one; None if there is none."""
    calendar, status = calendar_of(slo), slo.status.agreement
    if calendar is None or status is None or status.measured_until is None:
        return None
    span = period(calendar, status.measured_until)
    return span if span.end <= now else None


def stands(
    slo: ServiceLevelObjective, figure: Measurement | None, ended: Ended | None, now: datetime
) -> tuple[AgreementStatus | None, tuple[Note, ...]]:
    """The status of the agreement, and the Events about it."""
    agreement = slo.spec.agreement
    if agreement is None:
        return None, ()
    before = slo.status.agreement or AgreementStatus(breaches=[])
    ratio = figure.agreed_error_ratio if figure else None
    calendar = calendar_of(slo)
    if calendar is None:
        breaches = _rolling(agreement, before.breaches, ratio, now)
        until = None
    else:
        breaches, until = _periodic(agreement, before, ended, period(calendar, now))
    status = AgreementStatus(
        achieved=_achieved(before, agreement, ratio),
        breached=before.breached if ratio is None else _breached(agreement, ratio),
        credit=before.credit if ratio is None else _percent(credit(agreement, ratio)),
        measured_until=until,
        breaches=breaches[-RECORDED:],
    )
    return status, (*_notes(agreement, before, status), *_unmeasured(ended))


def credit(agreement: Agreement, error_ratio: float) -> Decimal:
    """The credit in percent of the bill: the largest credit whose bound was missed, otherwise 0."""
    good = _good(error_ratio)
    return max((Decimal(step.percent) for step in agreement.credits if good < Decimal(step.below)), default=Decimal(0))


def _rolling(agreement: Agreement, breaches: Sequence[Breach], ratio: float | None, now: datetime) -> list[Breach]:
    """The breaches of a rolling window: each lasts from the moment the promise is missed until it is kept again."""
    found = list(breaches)
    going_on = found[-1] if found and found[-1].until is None else None
    if ratio is None:
        return found
    if not _breached(agreement, ratio):
        if going_on:
            found[-1] = going_on.model_copy(update={"until": now})
        return found
    if going_on is None:
        return [*found, _breach(agreement, ratio, now, None)]
    if _good(ratio) < Decimal(going_on.achieved) - Decimal("0.01"):
        found[-1] = _breach(agreement, ratio, going_on.since, None)
    return found


def _periodic(
    agreement: Agreement, before: AgreementStatus, ended: Ended | None, present: Span
) -> tuple[list[Breach], datetime]:
    """The breaches of calendar periods, and until when periods are judged: each once, when it is over. Periods before
    the
    operator first saw the agreement are not judged."""
    found = list(before.breaches)
    if ended is None:
        return found, before.measured_until or present.start
    if ended.error_ratio is not None and _breached(agreement, ended.error_ratio):
        found.append(_breach(agreement, ended.error_ratio, ended.span.start, ended.span.end))
    return found, ended.span.end


def _breach(agreement: Agreement, ratio: float, since: datetime, until: datetime | None) -> Breach:
    return Breach(since=since, until=until, achieved=_text(ratio), credit=_percent(credit(agreement, ratio)))


def _breached(agreement: Agreement, error_ratio: float) -> bool:
    return _good(error_ratio) < Decimal(agreement.objective)


def _good(error_ratio: float) -> Decimal:
    # Where all events are bad, sums of floats may be a last digit above 1.
    return 100 - 100 * Decimal(repr(min(error_ratio, 1.0)))


def _text(error_ratio: float) -> str:
    """The good share in percent, cut and not rounded: a missed promise never looks kept."""
    return f"{_good(error_ratio).quantize(Decimal('0.001'), ROUND_FLOOR):f}"


def _percent(value: Decimal) -> str:
    return f"{value.normalize():f} %"


def _achieved(before: AgreementStatus, agreement: Agreement, ratio: float | None) -> str | None:
    """The shown share, unless it differs by a hundredth of a percent or is on the other side of the promise."""
    if ratio is None:
        return before.achieved
    fresh = _text(ratio)
    if before.achieved is None or before.breached != _breached(agreement, ratio):
        return fresh
    return fresh if abs(Decimal(fresh) - Decimal(before.achieved)) >= Decimal("0.01") else before.achieved


def _notes(agreement: Agreement, before: AgreementStatus, after: AgreementStatus) -> tuple[Note, ...]:
    if before.breached == after.breached:
        return ()
    if after.breached:
        text = f"Customers get {after.achieved} % where {agreement.objective} % is promised: credit {after.credit}."
        return (Note("Warning", "AgreementBreached", text),)
    text = f"Customers get {after.achieved} % again; {agreement.objective} % is promised."
    return (Note("Normal", "AgreementKept", text),)


def _unmeasured(ended: Ended | None) -> tuple[Note, ...]:
    if ended is None or ended.error_ratio is not None:
        return ()
    text = f"Prometheus has no data of the period that ended at {rfc3339(ended.span.end)}: the period is not judged."
    return (Note("Warning", "AgreementNotMeasured", text),)
