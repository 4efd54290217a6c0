"""When corrections are active, and which objectives they apply to. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ninefold.domain.schedules import recurrence
from ninefold.domain.schedules.span import Span
from ninefold.domain.selectors.objectives import selects
from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

MOST = 64
"""How many past occurrences the rules of an objective contain, and how many future ones."""

_FIELD = "spec.recurring"


def occurrences(correction: Correction, first: datetime, last: datetime) -> list[Span]:
    """The occurrences that overlap the time from `first` until before `last`, in order. Raises Stalled for an invalid
    recurrence."""
    once, recurring = correction.spec.once, correction.spec.recurring
    if once is not None:
        span = Span(once.start, once.end)
        return [span] if span.touches(first, last) else []
    assert recurring is not None  # noqa: S101 - the model requires exactly one
    return recurrence.spans(recurring, first, last, _FIELD)


def verified(correction: Correction) -> None:
    """Raises Stalled for a recurrence that is invalid, never occurs, or has too many occurrences before its
    creation."""
    recurring, created = correction.spec.recurring, correction.metadata.creation_timestamp
    if recurring is None:
        return
    if not recurrence.ever(recurring, _FIELD):
        raise Stalled("InvalidRecurrence", f"{_FIELD}.rrule: this never occurs: {recurring.rrule}")
    if created is None:
        return
    before = occurrences(correction, created - timedelta(days=400), created)
    if len(before) > MOST:
        raise Stalled(
            "TooManyOccurrences",
            f"{_FIELD}.start: {len(before)} occurrences lie before the creation of the correction, and at most {MOST} "
            "can be excluded afterwards: write a later start",
        )


def applies(correction: Correction, slo: ServiceLevelObjective) -> bool:
    """Whether the correction applies to an objective."""
    if correction.key.namespace != slo.key.namespace:
        return False
    wanted = correction.spec.objectives.wire()
    metadata = {"name": slo.metadata.name, "labels": slo.metadata.labels}
    return selects(wanted, {"metadata": metadata, "spec": {"service": slo.spec.service}})
