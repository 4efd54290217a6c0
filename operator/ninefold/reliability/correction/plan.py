"""Plans a Correction: when it is active, and how much of each objective's window it excludes. The rules of the
objectives put it into effect. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.domain.schedules.calendar import period
from ninefold.domain.schedules.span import Span
from ninefold.domain.selectors.objectives import MAX_OBJECTIVES
from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Note, Plan, Verdict
from ninefold.reliability.correction.occurrences import occurrences, verified
from ninefold.reliability.correction.resource import (
    CorrectedObjective,
    Correction,
    CorrectionSpan,
    CorrectionStatus,
)
from ninefold.reliability.servicelevelobjective.resource import Window

RECHECK = timedelta(hours=1)
"""How often to reconcile while nothing begins or ends: windows move on."""
_AHEAD = timedelta(days=400)
"""How far ahead to look for the next occurrence."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The objectives that the correction applies to and their windows, sorted by name, and the names without an
    objective."""

    objectives: Sequence[tuple[str, Window]]
    missing: Sequence[str] = ()


def plan(correction: Correction, observed: Observed, now: datetime) -> Plan[CorrectionStatus]:
    """Raises Stalled for an invalid recurrence."""
    verified(correction)
    coming = occurrences(correction, now, now + _AHEAD)
    current = next((_span(span) for span in coming if span.start <= now), None)
    later = next((_span(span) for span in coming if span.start > now), None)
    status = correction.status.model_copy(
        update={
            "active": current is not None,
            "current": current,
            "next": later,
            "objective_count": len(observed.objectives),
            "objectives": [
                CorrectedObjective(name=name, share=f"{100 * taken(correction, window, now):.1f} %")
                for name, window in observed.objectives[:MAX_OBJECTIVES]
            ],
        }
    )
    changes = [now + RECHECK, *([current.until] if current else ()), *([later.from_] if later else ())]
    return Plan(
        status=status,
        ready=_ready(observed, status),
        events=_events(correction, status),
        due=min(changes),
    )


def taken(correction: Correction, window: Window, now: datetime) -> float:
    """The share of a window that does not count, 0 to 1: of the present rolling window, or of the whole calendar
    period."""
    if window.calendar is not None:
        whole = period(window.calendar, now)
        start, end = whole.start, whole.end
    else:
        start, end = now - timedelta(seconds=window.length), now
    within, covered = timedelta(), start
    for span in occurrences(correction, start, end):
        begin, finish = max(span.start, covered), min(span.end, end)
        within, covered = within + max(finish - begin, timedelta()), max(covered, finish)
    return within / (end - start)


def _span(span: Span) -> CorrectionSpan:
    return CorrectionSpan.model_validate({"from": span.start, "until": span.end})


def _ready(observed: Observed, status: CorrectionStatus) -> Verdict:
    if observed.missing:
        return Verdict(
            "False",
            "ObjectiveMissing",
            f"There is no ServiceLevelObjective {observed.missing[0]} in this namespace: create it, or change "
            "spec.objectives.",
        )
    if not observed.objectives:
        return Verdict(
            "False",
            "NoObjectives",
            "No ServiceLevelObjective of this namespace is selected: create one, or change spec.objectives.",
        )
    if status.current:
        return Verdict("True", "Active", f"Nothing counts until {rfc3339(status.current.until)}.")
    if status.next:
        return Verdict("True", "Scheduled", f"Nothing will count from {rfc3339(status.next.from_)} on.")
    return Verdict("True", "Over", "The correction is over. Its time stays excluded as long as it is in a window.")


def _events(correction: Correction, status: CorrectionStatus) -> tuple[Note, ...]:
    if correction.status.active == status.active:
        return ()
    if status.current:
        text = f"Nothing counts until {rfc3339(status.current.until)}: {correction.spec.reason}"
        return (Note("Normal", "CorrectionBegan", text),)
    return (Note("Normal", "CorrectionEnded", "Events count again."),)
