"""Time that does not count, in the rules of an objective. Pure.

Every correction works in two ways, and either is enough if the other came too late:

- in recordings: while it is active, all rates are recorded as 0, so that coverage stays and the data are Idle;
- in sums over windows: its minutes and hours are left out, whatever was recorded in them.

The recordings are means over 5 minutes. After a correction a mean still contains events of it, so the mask lasts a
little longer; on both sides it also hides some traffic outside the correction. That traffic is replaced by the mean
just before and just after, so that the excluded time is exactly as long as written, to the minute.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

STEP, MINUTE, DAY = 300, 60, 86_400
SEAM = STEP + MINUTE
"""How long, in seconds, a mean may contain earlier events: its length, and the delay of the evaluation that reads
it."""
LAG = 120
"""The seconds by which a mean over 5 m, summed minute by minute, lags: half its length, less half a minute."""
DELAY = 5 * MINUTE
"""How old the last evaluation may be at a given moment."""
SETTLED = 2 * DAY
"""How far ahead windows contain occurrences. Later occurrences are only masked; the rules are renewed daily."""


@dataclass(frozen=True, slots=True, order=True)
class Occurrence:
    """Time that does not count, in Unix seconds, from `start` until before `end`."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Corrections:
    """All occurrences for an objective, as far back as its longest window and as far ahead as rules must last alone."""

    occurrences: tuple[Occurrence, ...] = ()
    today: int = 0
    """A midnight in Unix seconds: the day for which the rules are written."""


NONE = Corrections()


@dataclass(frozen=True, slots=True)
class Stretch:
    """An occurrence in whole minutes, with the time after it in which means still contain its events."""

    after: int
    """The last minute whose mean counts: the start."""
    end: int
    until: int
    """The last minute whose mean does not count."""

    @property
    def clear(self) -> int:
        """The first minute after it whose mean counts, and contains no earlier events."""
        return self.until + MINUTE

    @property
    def lost(self) -> int:
        """The seconds of traffic after the end that no later mean counts."""
        return self.until - self.end - LAG


def stretches(occurrences: Iterable[Occurrence], seam: int) -> list[Stretch]:
    """The occurrences in order; occurrences that touch, including the time after them, become one."""
    found: list[Stretch] = []
    for occurrence in sorted(occurrences):
        after, end = occurrence.start // MINUTE * MINUTE, -(-occurrence.end // MINUTE) * MINUTE
        if found and after < found[-1].clear:
            after, end = found[-1].after, max(end, found[-1].end)
            del found[-1]
        found.append(Stretch(after, end, end + seam))
    return found


def active(these: Sequence[Stretch]) -> str:
    """PromQL that is 1 while events must not be recorded, and has no value otherwise."""
    spans = " or ".join(f"vector(time()) > {occurrence.after} < {occurrence.clear}" for occurrence in these)
    return f"vector(1) and on () ({spans})"


def inside(these: Sequence[Stretch]) -> str:
    """A scalar: 1 at a time that does not count, otherwise 0."""
    return " + ".join(
        f"(time() > bool {occurrence.after}) * (time() < bool {occurrence.clear})" for occurrence in these
    )


def leaving(these: Sequence[Stretch], distance: int) -> str:
    """A scalar: 1 while the time `distance` ago does not count, otherwise 0."""
    return " + ".join(between(occurrence.after + distance - 1, occurrence.until + distance) for occurrence in these)


@dataclass(frozen=True, slots=True)
class MaskedRecording:
    """Selectors of a mean over 5 m (`rate`) and of its sum since the last full hour (`hour`)."""

    rate: str
    hour: str
    unit: int
    """The seconds that a value of 1 represents in the sum: a minute, or a tile."""
    tile: int = 0
    """The length of an "hour" in seconds; 0 if the sum consists of minutes."""

    def so_far(self, at: int) -> str:
        """The sum since the full hour, at a constant time. Right after the full hour, the minutes are read instead,
        since
        the last evaluation may have been before it."""
        since = at % self.tile
        if since < DELAY:
            return f"sum_over_time({self.rate}[{since // MINUTE + 1}m:1m] @ {at}) * {MINUTE} / {self.unit}"
        return f"{self.hour} @ {at}"


def edges(
    these: Sequence[Stretch], of: MaskedRecording, expires: Callable[[int], int], distance: int | None = None
) -> list[str]:
    """Parts of a sum without these stretches: what it lacks at their edges, and what it counts there in addition.

    A minute is in the sum until `expires(minute)`; `distance` is how long ago its window began, if it moves.
    """
    found = []
    for occurrence in these:
        early, ended, left = str(LAG), expires(occurrence.after), occurrence.after + (distance or 0)
        if distance is not None and ended < left:
            # Samples that end early leave early: the rest of the traffic right before the start replaces them.
            early, ended = f"({early} + ({left - LAG} - time()) * (time() >= bool {ended}))", left
        before = f"{of.rate} @ {occurrence.after} * {early} / {of.unit}"
        # While the beginning of a moving window passes the traffic right after the end, that traffic goes with it.
        gone = occurrence.end + distance if distance is not None else 0
        lost = f"({occurrence.lost} - (time() - {gone}) * (time() > bool {gone}))" if gone else str(occurrence.lost)
        later = f"{of.rate} @ {occurrence.clear} * {lost} / {of.unit}"
        if of.tile:
            before += f" + {of.so_far(occurrence.after)}"
            later += f" - {of.so_far(occurrence.until)}"
        found.append(f"({before}) * ({between(occurrence.after, ended)})")
        found.append(f"({later}) * ({between(occurrence.clear - 1, expires(occurrence.until))})")
    return found


def between(after: int, before: int) -> str:
    """A scalar: 1 after `after` and before `before`, otherwise 0."""
    return f"(time() > bool {after}) * (time() < bool {before})"
