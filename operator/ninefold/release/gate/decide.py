"""Merges the opinions of a gate's sources into one decision: the most severe, with every closure. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Note
from ninefold.release.gate.opinion import CLOSED, SEVERITY, Opinion, compose_refusal
from ninefold.release.gate.status import MAX_CLOSURES, Closure, Decision, GateStatus


@dataclass(frozen=True)
class Decided:
    """The decision of a gate, in fields named as in GateStatus."""

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
    """Returns the most severe decision. `passes` is the sentence on what passes a closed gate; `opinions` must not be
    empty."""
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
        unknown_since=min((opinion.unknown_since for opinion in opinions if opinion.unknown_since), default=None),
    )


def turned(old: GateStatus, new: GateStatus) -> tuple[Note, ...]:
    """Returns the event of a gate that has closed or opened; nothing if it did neither."""
    was, now = old.decision in CLOSED, new.decision in CLOSED
    if was == now:
        return ()
    if now:
        return (Note("Warning", "Closed", f"{new.decision}: {new.message}"),)
    return (Note("Normal", "Opened", f"{new.decision}: changes of pod templates pass again."),)


def moments(opinions: Iterable[Opinion]) -> list[datetime]:
    """The moments at which a source changes its opinion by the clock alone, or has been unknown for too long."""
    return [moment for opinion in opinions for moment in (opinion.stale_at, opinion.changes) if moment]


def _pace(opinions: Iterable[Opinion]) -> str | None:
    """The slowest pace of all opinions; None at full pace."""
    slowest = min((opinion.pace for opinion in opinions), default=100)
    return str(slowest) if slowest < 100 else None


def _closures(opinions: Sequence[Opinion]) -> list[Closure]:
    """Every closure: those that close the gate now, the most severe first, then those to come."""
    closed = sorted(
        (opinion for opinion in opinions if opinion.closed), key=lambda opinion: -SEVERITY.index(opinion.decision)
    )
    present = [
        Closure.model_validate(
            {
                "decision": opinion.decision,
                "because": opinion.because[:320],
                "message": opinion.message[:1024],
                "until": opinion.ends,
                "approvals": opinion.approvals,
                "calendar": opinion.calendar or None,
            }
        )
        for opinion in closed
    ]
    coming = [closure for opinion in opinions for closure in opinion.later]
    return [*present, *sorted(coming, key=lambda closure: str(closure.from_))]


def _until(opinions: Iterable[Opinion]) -> str | None:
    """When every closure is predicted to be over; None if the end of any closure is unknown."""
    ends = [opinion.until for opinion in opinions if opinion.closed]
    known = [moment for moment in ends if moment]
    return rfc3339(max(known)) if known and len(known) == len(ends) else None


def _message(decisive: Opinion, opinions: Sequence[Opinion], passes: str) -> str:
    if not decisive.closed:
        return decisive.message
    others = [opinion.because for opinion in opinions if opinion is not decisive and opinion.closed]
    return compose_refusal(decisive.message, others, passes).strip()
