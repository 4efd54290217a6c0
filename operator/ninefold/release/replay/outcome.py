"""What a replay comes to: how often and how long a gate was closed, and what it would have stopped. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.release.gate.opinion import CLOSED, most_severe
from ninefold.release.gate.status import Decision
from ninefold.release.replay.gate import Admission, GateReplay, ReplayedDecision


@dataclass(frozen=True, slots=True)
class Closing:
    """One time that the gate was closed on end; `end` is None where it still is when history ends."""

    begin: datetime
    end: datetime | None
    seconds: float
    decision: Decision
    """The most severe of that time."""
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """One of those who closed it; several may at once."""

    because: str
    times: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Releases:
    """How many releases there were, by what the gate would have done and what came of them."""

    all: int
    bad: int
    stopped: int
    stopped_bad: int

    @property
    def precision(self) -> float | None:
        """The share of those stopped that went bad."""
        return self.stopped_bad / self.stopped if self.stopped else None

    @property
    def recall(self) -> float | None:
        """The share of those that went bad that were stopped."""
        return self.stopped_bad / self.bad if self.bad else None


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """One gate from `begin` to `end`. Shares are of that time, 0 to 1."""

    gate: str
    closed: float
    unknown: float
    """The time with data missing, open or closed."""
    closings: list[Closing]
    reasons: list[Reason]
    admissions: list[Admission]
    releases: Releases


Stretch = tuple[datetime, datetime, ReplayedDecision]


def outcome(replay: GateReplay, begin: datetime, end: datetime) -> ReplayOutcome:
    """What was before `begin` has only filled the gate's memory."""
    stretches = list(_stretches(replay.standings, begin, end))
    closings = list(_closings(stretches, end))
    admitted = [each for each in replay.admissions if begin <= each.at < end]
    length = (end - begin).total_seconds()
    return ReplayOutcome(
        gate=str(replay.key),
        closed=sum(each.seconds for each in closings) / length,
        unknown=sum(_seconds(first, last) for first, last, one in stretches if one.unknown) / length,
        closings=closings,
        reasons=_reasons(stretches),
        admissions=admitted,
        releases=Releases(
            all=len(admitted),
            bad=sum(each.record.bad for each in admitted),
            stopped=sum(each.verdict == "Stopped" for each in admitted),
            stopped_bad=sum(each.verdict == "Stopped" and each.record.bad for each in admitted),
        ),
    )


def _stretches(standings: Sequence[ReplayedDecision], begin: datetime, end: datetime) -> Iterator[Stretch]:
    """From when to when each word counted, as far as it lies between `begin` and `end`."""
    for number, one in enumerate(standings):
        last = standings[number + 1].at if number + 1 < len(standings) else end
        first, last = max(one.at, begin), min(last, end)
        if first < last:
            yield first, last, one


def _closings(stretches: Sequence[Stretch], end: datetime) -> Iterator[Closing]:
    together: list[Stretch] = []
    for each in [*stretches, None]:
        if each is not None and each[2].decision in CLOSED:
            together.append(each)
        elif together:
            yield _closing(together, end)
            together = []


def _closing(together: Sequence[Stretch], end: datetime) -> Closing:
    first, last = together[0][0], together[-1][1]
    return Closing(
        begin=first,
        end=last if last < end else None,
        seconds=_seconds(first, last),
        decision=most_severe(one.decision for _, _, one in together),
        because=tuple(dict.fromkeys(each for _, _, one in together for each in one.because)),
    )


def _reasons(stretches: Sequence[Stretch]) -> list[Reason]:
    """Those that took longest first."""
    times, lasted = dict[str, int](), dict[str, timedelta]()
    before: tuple[str, ...] = ()
    for first, last, one in stretches:
        for because in one.because:
            times[because] = times.get(because, 0) + (because not in before)
            lasted[because] = lasted.get(because, timedelta()) + (last - first)
        before = one.because
    found = [Reason(because, times[because], lasted[because].total_seconds()) for because in times]
    return sorted(found, key=lambda reason: (-reason.seconds, reason.because))


def _seconds(first: datetime, last: datetime) -> float:
    return (last - first).total_seconds()
