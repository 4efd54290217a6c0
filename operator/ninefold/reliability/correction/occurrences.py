"""When corrections are, and which objectives they are about. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ninefold.domain.schedules import recurrence
from ninefold.domain.schedules.span import Span
from ninefold.domain.selectors.objectives import selects
from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

MOST = 64
"""How many occurrences an objective's rules hold of the past, and how many of what is to come."""

_FIELD = "spec.recurring"


def occurrences(correction: Correction, first: datetime, last: datetime) -> list[Span]:
    """Those that touch the time from `first` until before `last`, in order. Raises Stalled for what cannot be read."""
    once, recurring = correction.spec.once, correction.spec.recurring
    if once is not None:
        span = Span(once.start, once.end)
        return [span] if span.touches(first, last) else []
    assert recurring is not None  # noqa: S101 - the model holds exactly one
    return recurrence.spans(recurring, first, last, _FIELD)


def verified(correction: Correction) -> None:
    """Raises Stalled for a recurrence that cannot be read, never is, or was too often before it was written down."""
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
            f"{_FIELD}.start: {len(before)} occurrences lie before the correction was made, and {MOST} can be taken "
            "out afterwards: write a later start",
        )


def applies(correction: Correction, slo: ServiceLevelObjective) -> bool:
    """Whether it is about this objective."""
    if correction.key.namespace != slo.key.namespace:
        return False
    wanted = correction.spec.objectives.wire()
    metadata = {"name": slo.metadata.name, "labels": slo.metadata.labels}
    return selects(wanted, {"metadata": metadata, "spec": {"service": slo.spec.service}})
