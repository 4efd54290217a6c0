"""The window of an objective, rolling or calendar, as PromQL over the recordings. Pure.

Prometheus has no ranges of changing length, so a calendar period is found by a label: every recorded hour has the label
of its period, and of all hours within the longest length of a period, only those of the present period are used. The
rules compute local time themselves, with the clock changes written into them, so that a period begins on time while the
operator is down.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from math import gcd
from zoneinfo import ZoneInfo

from ninefold.domain.schedules.calendar import Calendar, period
from ninefold.kube.fields import duration, seconds, zone
from ninefold.reliability.servicelevelobjective.recording import corrections
from ninefold.reliability.servicelevelobjective.recording.series import (
    HOUR,
    MINUTE,
    OVERLAP,
    SHORT_LIMIT,
    STEP,
    RecordedSeries,
    minutes_of,
    tiles_of,
)
from ninefold.reliability.servicelevelobjective.resource import Window

FIRST_YEAR, LAST_YEAR = 2025, 2036
"""The years for which rules contain clock changes. Independent of the time of compilation, so that rules stay equal."""
DAY = 86_400
FIRST_MONDAY = 4 * DAY
"""The first Monday of Unix time, in seconds."""

_LONGEST = {"Week": 7 * DAY + HOUR, "Month": 31 * DAY + HOUR, "Quarter": 92 * DAY + HOUR}
"""The longest length of a period: an hour more than its days if clocks are set back in it."""


@dataclass(frozen=True)
class Rolling:
    """A window that ends now."""

    series: RecordedSeries
    length: int
    """Seconds."""

    @property
    def short(self) -> bool:
        """Whether the window is a sum of minutes, without hours."""
        return self.length <= SHORT_LIMIT

    def amount(self, what: str, series: RecordedSeries | None = None) -> str:
        """Events ("events") or bad events ("errors") in the window, in the unit of the window."""
        series = series or self.series
        edges = self._edges(series, what) if series.stretches else []
        if self.short:
            return _sum(series, minutes_of(series, what, self.length, *edges))
        # The oldest of these hours began before the window: the amount up to then is that of the hour so far at that
        # time.
        before = f"-1 * {series(f'slo:{what}:hour')} offset {duration(self.length)}"
        if series.stretches:
            before += f" * (1 - ({corrections.leaving(series.stretches, self.length)}))"
        return _sum(series, series.total(*tiles_of(series, what, self.length), before, *edges))

    def _edges(self, series: RecordedSeries, what: str) -> list[str]:
        """The amounts to add at the edges of excluded time, and at the edges of the window inside excluded time."""
        unit = MINUTE if self.short else series.tile
        # The samples of a short window end two minutes early, and begin two minutes later.
        distance = self.length - (STEP - OVERLAP if self.short else 0)
        of, gone = series.recording(what, unit), corrections.leaving(series.stretches, distance)
        # A sum lags equally at both ends of its window, which matters only if one end is excluded.
        ahead = MINUTE if self.short else -corrections.LAG
        before = f"{of.rate} offset {duration(self.length)}"
        return [
            *corrections.edges(series.stretches, of, lambda at: at + distance, self.length),
            f"-1 * {of.rate} * {ahead} / {unit} * ({gone})",
            f"{before} * {ahead} / {unit} * ({corrections.inside(series.stretches)}) * (1 - ({gone}))",
        ]

    def coverage(self) -> str:
        """The share of the window that has data, 0 to 1."""
        if self.short:
            name = self.series("slo:events:rate5m")
            covered = self.series.total(f"count_over_time({name}[{duration(self.length)}:1m])", f"{name} * 0")
            return f"clamp_max({covered} / {self.length // MINUTE}, 1)"
        covered = self.series.total(*tiles_of(self.series.without(()), "coverage", self.length))
        return f"clamp_max({covered} / {self.length // self.series.tile}, 1)"

    def exhaustion(self, left: str, burn: str) -> str:
        """Seconds until the budget is spent, from its share left and a burn rate above 1."""
        return f"{left} * {self.length} / {burn}"


@dataclass(frozen=True)
class PeriodWindow:
    """A calendar period, from its beginning until now."""

    series: RecordedSeries
    calendar: Calendar
    label: str
    """The label of the hours with their period."""

    short = False

    @property
    def local_time(self) -> str:
        """The name of the recording of local time, in seconds as if it were UTC."""
        return f"slo:local_time:{self.label}"

    def amount(self, what: str, series: RecordedSeries | None = None) -> str:
        """As for a rolling window."""
        series = series or self.series
        whole, begun = tiles_of(series, what, _LONGEST[self.calendar.period])
        edges = self._edges(series, what) if series.stretches else []
        return _sum(series, series.total(f"({whole} and on ({self.label}) {self.marks()})", begun, *edges))

    def _edges(self, series: RecordedSeries, what: str) -> list[str]:
        """As for a rolling window; the beginning is fixed."""
        of = series.recording(what, series.tile)
        begins = [at for occurrence in series.stretches if (at := self._ends(occurrence.after)) < occurrence.until]
        gone = [
            f"{of.rate} * {corrections.LAG} / {of.unit} * ({corrections.between(at, self._ends(at))})" for at in begins
        ]
        return [*corrections.edges(series.stretches, of, self._ends), *gone]

    def _ends(self, at: int) -> int:
        """When the period that contains a moment ends, both in Unix seconds."""
        return int(period(self.calendar, datetime.fromtimestamp(at, UTC)).end.timestamp())

    def coverage(self) -> str:
        """The share of the whole period that has passed with data, 0 to 1."""
        tiles = DAY // self.series.tile
        days = {
            "Week": "7",
            "Month": f"days_in_month({self._now})",
            "Quarter": f"(90 + (month({self._now}) > bool 3) + (month({self._now}) > bool 6))",
        }[self.calendar.period]
        scale = f"/ {7 * tiles}" if days == "7" else f"/ on () group_left () ({days} * {tiles})"
        return f"clamp_max({self.amount('coverage', self.series.without(()))} {scale}, 1)"

    def exhaustion(self, left: str, burn: str) -> str:
        """As for a rolling window; the budget grows with the period if its traffic stays constant."""
        day = f"day_of_month({self._now}) - 1"
        elapsed = {
            "Week": f"(({self._now} - {FIRST_MONDAY}) % {7 * DAY})",
            "Month": f"(({day}) * {DAY} + {self._now} % {DAY})",
            "Quarter": f"(((month({self._now}) - 1) % 3 * 30.5 + {day}) * {DAY} + {self._now} % {DAY})",
        }[self.calendar.period]
        return f"{left} / ({burn} - 1) * on () group_left () {elapsed}"

    def marks(self, when: str = "") -> str:
        """A single series with the period as a label: the present period, or the period at the offset `when`."""
        now = f"{self._now}{when}"
        number = {
            "Week": f"floor(({now} - {FIRST_MONDAY}) / {7 * DAY})",
            "Month": f"year({now}) * 100 + month({now})",
            "Quarter": f"year({now}) * 10 + ceil(month({now}) / 3)",
        }[self.calendar.period]
        return f'count_values("{self.label}", {number})'

    @property
    def _now(self) -> str:
        return self.series.single(self.local_time)


ObjectiveWindow = Rolling | PeriodWindow


def _sum(series: RecordedSeries, text: str) -> str:
    """PromQL that is never below 0, even if excluded time was recorded at other moments than it is read at."""
    return f"clamp_min({text}, 0)" if series.stretches else text


def of(window: Window, series: RecordedSeries, label: str) -> ObjectiveWindow:
    """The window as PromQL; `label` is the label of its hours if it is a calendar period."""
    if window.calendar is not None:
        return PeriodWindow(series, window.calendar, label)
    return Rolling(series, seconds(window.rolling or ""))


def longest(window: Window) -> int:
    """The longest length of the window in seconds."""
    return _LONGEST[window.calendar.period] if window.calendar else window.length


def tile(calendars: Sequence[Calendar]) -> int:
    """The longest part of an hour, in seconds, of which every local midnight is a multiple."""
    return gcd(HOUR, *(offset for calendar in calendars for _, offset in _offsets(_zone(calendar))))


def local_time(calendar: Calendar) -> str:
    """PromQL of the local time as if it were UTC, correct from `FIRST_YEAR` to `LAST_YEAR`."""
    (_, first), *changes = _offsets(_zone(calendar))
    text, offset = "time()", first
    if first:
        text += f" {_signed(first)}"
    for at, after in changes:
        text += f" {_signed(after - offset)} * (time() >= bool {at})"
        offset = after
    return f"vector({text})"


def _zone(calendar: Calendar) -> ZoneInfo:
    return zone(calendar.time_zone, "spec.window.calendar.timeZone")


def _signed(value: int) -> str:
    return f"{'-' if value < 0 else '+'} {abs(value)}"


@cache
def _offsets(where: ZoneInfo) -> list[tuple[int, int]]:
    """The clock changes and the offset from UTC after each, both in seconds; the first offset from the beginning."""
    start, end = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC)
    found = [(int(start.timestamp()), _offset(where, start))]
    for day in _days(start, end):
        if _offset(where, day) != found[-1][1]:
            found += _changes(where, day - timedelta(days=1), day)
    return found


def _days(start: datetime, end: datetime) -> Iterator[datetime]:
    while start < end:
        start += timedelta(days=1)
        yield start


def _changes(where: ZoneInfo, early: datetime, late: datetime) -> list[tuple[int, int]]:
    """The change between two moments, to the second."""
    before = _offset(where, early)
    first, last = int(early.timestamp()), int(late.timestamp())
    while last - first > 1:
        middle = (first + last) // 2
        if _offset(where, datetime.fromtimestamp(middle, UTC)) == before:
            first = middle
        else:
            last = middle
    return [(last, _offset(where, datetime.fromtimestamp(last, UTC)))]


def _offset(where: ZoneInfo, at: datetime) -> int:
    """Seconds east of UTC."""
    east = at.astimezone(where).utcoffset()
    assert east is not None  # noqa: S101 - the time is aware
    return int(east.total_seconds())
