"""Time that does not count, in the rules of an objective. Pure.

Every correction works in two ways, and either alone is enough where the other came too late:

- as events are recorded: while it is active all rates are recorded as 0, so that coverage stays and the data are Idle;
- as windows are added up: the minutes and hours of it are left out, whatever was recorded in them.

What is recorded is the mean over 5 minutes. After a correction it still holds events of it, so that the mask stays a
little longer; on both sides it takes some of the traffic beside it along. That much is given back from the mean just
before and just after, so that the time left out is as long as was written, to the minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

STEP, MINUTE, DAY = 300, 60, 86_400
SEAM = STEP + MINUTE
"""Seconds for which a mean may hold events of before: its own length, and the delay of the evaluation it is read at."""
LAG = 120
"""Seconds by which a mean over 5 m, summed up minute by minute, is behind: half of it, less half a minute."""
DELAY = 5 * MINUTE
"""How old the last evaluation may be at a given moment."""
SETTLED = 2 * DAY
"""How far ahead occurrences stand in the windows. Those further ahead are only masked; the rules are renewed daily."""


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """Time that does not count, in Unix seconds, from `start` until before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """All that concern an objective, as far back as one of its windows and as far ahead as rules must hold alone."""

    occurrences: tuple[Occurrence, ...] = ()
    today: int = 0
    """A midnight in Unix seconds: the day that the rules are written for."""


NONE = Corrections()


@dataclass(frozen=True, slots=True)
class Stretch:
    """An occurrence in whole minutes, with the time after it in which its events may still be seen."""

    after: int
    """The last minute whose mean counts: the start."""
    end: int
    until: int
    """The last minute whose mean does not count."""

    @property
    def clear(self) -> int:
        """The first minute after it whose mean counts, and holds nothing of before."""
        return self.until + MINUTE

    @property
    def lost(self) -> int:
        """Seconds of traffic after the end that no mean after it counts."""
        return self.until - self.end - LAG


def stretches(occurrences: Iterable[Occurrence], seam: int) -> list[Stretch]:
    """In order; those that meet, their seams included, are one."""
    found: list[Stretch] = []
    for occurrence in sorted(occurrences):
        after, end = occurrence.start // MINUTE * MINUTE, -(-occurrence.end // MINUTE) * MINUTE
        if found and after < found[-1].clear:
            after, end = found[-1].after, max(end, found[-1].end)
            del found[-1]
        found.append(Stretch(after, end, end + seam))
    return found


def active(these: Sequence[Stretch]) -> str:
    """PromQL that is 1 while events are not to be recorded, and nothing else."""
    spans = " or ".join(f"vector(time()) > {one.after} < {one.clear}" for one in these)
    return f"vector(1) and on () ({spans})"


def inside(these: Sequence[Stretch]) -> str:
    """A scalar: 1 at a time that does not count, else 0."""
    return " + ".join(f"(time() > bool {one.after}) * (time() < bool {one.clear})" for one in these)


def leaving(these: Sequence[Stretch], distance: int) -> str:
    """A scalar: 1 while the time `distance` ago does not count, else 0."""
    return " + ".join(between(one.after + distance - 1, one.until + distance) for one in these)


@dataclass(frozen=True, slots=True)
class MaskedRecording:
    """A mean over 5 m (`rate`) and what was added up of it since the last full hour, as selectors."""

    rate: str
    hour: str
    unit: int
    """Seconds that 1 stands for in the sum: a minute, or a tile."""
    tile: int = 0
    """The length of an "hour" in seconds; 0 where the sum is made of minutes."""

    def so_far(self, at: int) -> str:
        """What had happened since the full hour, at a constant time. Read right after the hour it is the minutes that
        are asked for: the last evaluation may have been before it."""
        since = at % self.tile
        if since < DELAY:
            return f"sum_over_time({self.rate}[{since // MINUTE + 1}m:1m] @ {at}) * {MINUTE} / {self.unit}"
        return f"{self.hour} @ {at}"


def edges(
    these: Sequence[Stretch], of: MaskedRecording, expires: Callable[[int], int], distance: int | None = None
) -> list[str]:
    """What a sum without these stretches still lacks at their edges, and what it has too much there: parts of it.

    A minute stands in the sum until `expires(minute)`; `distance` is how long ago its window began, if it moves.
    """
    found = []
    for one in these:
        early, ended, left = str(LAG), expires(one.after), one.after + (distance or 0)
        if distance is not None and ended < left:
            # Samples that end early leave early: what is left of the traffic right before the start stands in for them.
            early, ended = f"({early} + ({left - LAG} - time()) * (time() >= bool {ended}))", left
        before = f"{of.rate} @ {one.after} * {early} / {of.unit}"
        # While the beginning of a moving window passes the traffic right after the end, that traffic goes with it.
        gone = one.end + distance if distance is not None else 0
        lost = f"({one.lost} - (time() - {gone}) * (time() > bool {gone}))" if gone else str(one.lost)
        later = f"{of.rate} @ {one.clear} * {lost} / {of.unit}"
        if of.tile:
            before += f" + {of.so_far(one.after)}"
            later += f" - {of.so_far(one.until)}"
        found.append(f"({before}) * ({between(one.after, ended)})")
        found.append(f"({later}) * ({between(one.clear - 1, expires(one.until))})")
    return found


def between(after: int, before: int) -> str:
    """A scalar: 1 after the one moment and before the other, else 0."""
    return f"(time() > bool {after}) * (time() < bool {before})"
