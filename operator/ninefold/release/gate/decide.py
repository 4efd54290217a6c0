"""From what each source says to one decision: the most severe, with all that closes the gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Note
from ninefold.release.gate.opinion import CLOSED, SEVERITY, Opinion, told
from ninefold.release.gate.status import MAX_CLOSURES, Closure, Decision, GateStatus


@dataclass(frozen=True)
class Decided:
    """The fields of a GateStatus, by their names."""

    decision: Decision
    because: str
    message: str
    closures: list[Closure]
    passes: str
    pace: str | None
    since: datetime
    until: str | None
    unknown_since: datetime | None


def decide(opinions: Sequence[Opinion], old: GateStatus, now: datetime, passes: str) -> Decided:
    """`passes` says what passes all the same; there must be an opinion."""
    decisive = max(opinions, key=lambda opinion: (SEVERITY.index(opinion.decision), bool(opinion.message)))
    return Decided(
        decision=decisive.decision,
        because=decisive.because[:320],
        message=_message(decisive, opinions, passes)[:2048],
        closures=_closures(opinions)[:MAX_CLOSURES],
        passes=passes,
        pace=_pace(opinions),
        since=old.since if old.since and old.decision == decisive.decision else now,
        until=_until(opinions),
        unknown_since=min((each.unknown_since for each in opinions if each.unknown_since), default=None),
    )


def turned(old: GateStatus, new: GateStatus) -> tuple[Note, ...]:
    """The event of a gate that has closed or opened."""
    was, now = old.decision in CLOSED, new.decision in CLOSED
    if was == now:
        return ()
    if now:
        return (Note("Warning", "Closed", f"{new.decision}: {new.message}"),)
    return (Note("Normal", "Opened", f"{new.decision}: change of pod templates passes again."),)


def moments(opinions: Iterable[Opinion]) -> list[datetime]:
    """When a source says something else by the clock alone, or has not been known for too long."""
    return [moment for each in opinions for moment in (each.stale_at, each.changes) if moment]


def _pace(opinions: Iterable[Opinion]) -> str | None:
    """The slowest; None at full pace."""
    slowest = min((each.pace for each in opinions), default=100)
    return str(slowest) if slowest < 100 else None


def _closures(opinions: Sequence[Opinion]) -> list[Closure]:
    """All that closes the gate now, the most severe first, and then what is to come."""
    closed = sorted((each for each in opinions if each.closed), key=lambda each: -SEVERITY.index(each.decision))
    present = [
        Closure.model_validate(
            {
                "decision": each.decision,
                "because": each.because[:320],
                "message": each.message[:1024],
                "until": each.ends,
                "approvals": each.approvals,
                "calendar": each.calendar or None,
            }
        )
        for each in closed
    ]
    coming = [closure for each in opinions for closure in each.later]
    return [*present, *sorted(coming, key=lambda closure: str(closure.from_))]


def _until(opinions: Iterable[Opinion]) -> str | None:
    """When all that closes it is predicted to be over; None where one cannot tell."""
    ends = [each.until for each in opinions if each.closed]
    known = [moment for moment in ends if moment]
    return rfc3339(max(known)) if known and len(known) == len(ends) else None


def _message(decisive: Opinion, opinions: Sequence[Opinion], passes: str) -> str:
    if not decisive.closed:
        return decisive.message
    others = [opinion.because for opinion in opinions if opinion is not decisive and opinion.closed]
    return told(decisive.message, others, passes).strip()
