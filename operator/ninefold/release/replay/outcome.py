"""Sums up a replay: how often and how long a gate was closed, and which releases it would have stopped. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.release.gate.opinion import CLOSED, most_severe
from ninefold.release.gate.status import Decision
from ninefold.release.replay.gate import Admission, GateReplay, ReplayedDecision


@dataclass(frozen=True, slots=True)
class Closing:
    """One period in which the gate was closed without a break; `end` is None if the gate is still closed when history
    ends."""

    begin: datetime
    end: datetime | None
    seconds: float
    decision: Decision
    """The most severe decision of the period."""
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """A reason why the gate was closed; several reasons may apply at once."""

    because: str
    times: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Releases:
    """How many releases there were, by what the gate would have done and by their outcome."""

    all: int
    bad: int
    stopped: int
    stopped_bad: int

    @property
    def precision(self) -> float | None:
        """The share of stopped releases that went bad."""
        return self.stopped_bad / self.stopped if self.stopped else None

    @property
    def recall(self) -> float | None:
        """The share of bad releases that were stopped."""
        return self.stopped_bad / self.bad if self.bad else None


@dataclass(frozen=True, slots=True)
class ReplayOutcome:
    """One gate from `begin` to `end`. Shares are of that time, 0 to 1."""

    gate: str
    closed: float
    unknown: float
    """The share of time with data missing, open or closed."""
    closings: list[Closing]
    reasons: list[Reason]
    admissions: list[Admission]
    releases: Releases


Stretch = tuple[datetime, datetime, ReplayedDecision]


def outcome(replay: GateReplay, begin: datetime, end: datetime) -> ReplayOutcome:
    """Sums up a replay from `begin` to `end`. The time before `begin` only filled the gate's memory."""
    stretches = list(_stretches(replay.standings, begin, end))
    closings = list(_closings(stretches, end))
    admitted = [admission for admission in replay.admissions if begin <= admission.at < end]
    length = (end - begin).total_seconds()
    return ReplayOutcome(
        gate=str(replay.key),
        closed=sum(closing.seconds for closing in closings) / length,
        unknown=sum(_seconds(first, last) for first, last, decided in stretches if decided.unknown) / length,
        closings=closings,
        reasons=_reasons(stretches),
        admissions=admitted,
        releases=Releases(
            all=len(admitted),
            bad=sum(admission.record.bad for admission in admitted),
            stopped=sum(admission.verdict == "Stopped" for admission in admitted),
            stopped_bad=sum(admission.verdict == "Stopped" and admission.record.bad for admission in admitted),
        ),
    )


def _stretches(standings: Sequence[ReplayedDecision], begin: datetime, end: datetime) -> Iterator[Stretch]:
    """Yields each decision with the time in which it was in force, cut to the time between `begin` and `end`."""
    for number, decided in enumerate(standings):
        last = standings[number + 1].at if number + 1 < len(standings) else end
        first, last = max(decided.at, begin), min(last, end)
        if first < last:
            yield first, last, decided


def _closings(stretches: Sequence[Stretch], end: datetime) -> Iterator[Closing]:
    together: list[Stretch] = []
    for stretch in [*stretches, None]:
        if stretch is not None and stretch[2].decision in CLOSED:
            together.append(stretch)
        elif together:
            yield _closing(together, end)
            together = []


def _closing(together: Sequence[Stretch], end: datetime) -> Closing:
    first, last = together[0][0], together[-1][1]
    return Closing(
        begin=first,
        end=last if last < end else None,
        seconds=_seconds(first, last),
        decision=most_severe(decided.decision for _, _, decided in together),
        because=tuple(dict.fromkeys(because for _, _, decided in together for because in decided.because)),
    )


def _reasons(stretches: Sequence[Stretch]) -> list[Reason]:
    """Returns the reasons, those that lasted longest first."""
    times, lasted = dict[str, int](), dict[str, timedelta]()
    before: tuple[str, ...] = ()
    for first, last, decided in stretches:
        for because in decided.because:
            times[because] = times.get(because, 0) + (because not in before)
            lasted[because] = lasted.get(because, timedelta()) + (last - first)
        before = decided.because
    reasons = [Reason(because, times[because], lasted[because].total_seconds()) for because in times]
    return sorted(reasons, key=lambda reason: (-reason.seconds, reason.because))


def _seconds(first: datetime, last: datetime) -> float:
    return (last - first).total_seconds()
