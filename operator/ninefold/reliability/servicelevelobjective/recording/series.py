"""How much happened in a window, from the recordings alone. Pure.

Every figure is a ratio of two such amounts, so each event counts the same whenever it happened. Two ways of adding
up slo:…:rate5m, the mean over the last 5 minutes; both are sharp at the present moment:

- up to 6 h: the last 5 minutes exactly, plus one-minute samples of the 5 m mean before that. The samples end 2 minutes
  ago: they overlap the exact part just so much that an error is never counted late.
- longer: means of whole hours, which tile time without gap or overlap, plus the hour that has begun.

The cost does not depend on the number of raw series, and hardly on the interval of evaluation. Nothing depends on
`@ end()`, so that evaluating a rule over a range, as a backfill does, gives the same.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.recording import corrections
from ninefold.reliability.servicelevelobjective.recording.corrections import MaskedRecording, Stretch

STEP = 300
"""Events are counted over 5 m, so that no window can be finer."""
HOUR, MINUTE = 3_600, 60
SHORT_LIMIT = 6 * HOUR
NO_VALUE = "none"
"""The value of a label of groupBy on series that lack it."""
OVERLAP = 120
"""Seconds by which minute samples overlap the last 5 minutes; see above."""


class RecordedSeries:
    """The recordings of one objective: one series, or one for each combination of its `groups`."""

    def __init__(self, slo_id: str, groups: Sequence[str] = (), tile: int = HOUR) -> None:
        # Strings are quoted in PromQL as in JSON.
        self._matcher = f"slo_id={json.dumps(slo_id)}"
        # What was recorded before the objective had these groups belongs to none of them.
        self._grouped = tuple(f'{label}!=""' for label in groups)
        self._labels = tuple(groups)
        self.groups = ", ".join(groups)
        self.by = ", ".join(("slo_id", *groups))
        self.tile = tile
        """The length of an "hour" in seconds; shorter where a time zone is off by a part of an hour."""
        self.tile_name = f"rate{duration(tile)}"
        self.stretches: tuple[Stretch, ...] = ()
        """Time that does not count in windows."""

    def __call__(self, name: str, *matchers: str) -> str:
        """A selector of what is recorded for each group."""
        return f"{name}{{{','.join((self._matcher, *self._grouped, *matchers))}}}"

    def single(self, name: str) -> str:
        """A selector of what is recorded once, whatever groups there are."""
        return f"{name}{{{self._matcher}}}"

    def aggregate(self, function: str) -> str:
        """The beginning of an aggregation of what the user has: "sum", "sum by (region) "."""
        return f"{function} by ({self.groups}) " if self.groups else function

    def named(self, text: str, function: str = "sum") -> str:
        """What is aggregated by the groups, each label of theirs with a value: "none" where the user's series have no
        such label."""
        if not self._labels:
            return text
        for label in self._labels:
            text = f'label_replace({text}, "{label}", "{NO_VALUE}", "{label}", "")'
        return f"{self.aggregate(function)}({text})"

    def total(self, *parts: str) -> str:
        """The sum of vectors; where one has no data it counts as nothing. Without any data there is no sum.

        `or` leaves out what has the labels of something further left, so each part gets one of its own.
        """
        first, *others = parts
        marked = (f'label_replace({part}, "part", "{n}", "", "")' for n, part in enumerate(others, 2))
        return f"sum by ({self.by}) ({' or '.join((first, *marked))})"

    def kept(self, text: str) -> str:
        """What is recorded, 0 at a time that does not count."""
        return f"({text} * (1 - ({corrections.inside(self.stretches)})))" if self.stretches else text

    def recording(self, what: str, unit: int) -> MaskedRecording:
        """Where to read what was recorded at a moment, for a sum in units of so many seconds."""
        rate, hour = self(f"slo:{what}:rate5m"), self(f"slo:{what}:hour")
        return MaskedRecording(rate, hour, unit, self.tile if unit == self.tile else 0)

    def and_component(self) -> RecordedSeries:
        """The same with a series for each component of a composite."""
        return self._but(by=f"{self.by}, component")

    def without(self, stretches: Sequence[Stretch]) -> RecordedSeries:
        """The same without these stretches of time."""
        return self._but(stretches=tuple(stretches))

    def _but(self, **changed: object) -> RecordedSeries:
        made = RecordedSeries.__new__(RecordedSeries)
        made.__dict__.update(self.__dict__, **changed)
        return made


def tile_mean(series: RecordedSeries, name: str) -> str:
    """The mean of a 5 m recording over the last hour (tile); minutes without data count as nothing.

    The millisecond leaves a full hour's own sample to the hour that begins with it, as `so_far` has it, also when the
    evaluation falls on the full hour.
    """
    length = series.tile
    return f"sum_over_time({series(name)}[{duration(length)}:1m] offset 1ms) / {length // MINUTE}"


def so_far(series: RecordedSeries, name: str) -> str:
    """What happened since the last full hour (tile), in units of its mean: one-minute samples, and the seconds since.

    A subquery cannot know when it is asked for. So each sample of the last hour carries the number of its hour as a
    label, and those of the present one are taken.
    """
    number = f'count_values("part", floor(vector(time() / {series.tile})))'
    marked = f"{series(name)} * on () group_left (part) {number}"
    minutes = f"(sum_over_time(({marked})[{duration(series.tile)}:1m]) and on (part) {number}) * {MINUTE}"
    return f"{series.total(minutes, f'{series(name)} * (time() % {MINUTE})')} / {series.tile}"


def in_alert_window(series: RecordedSeries, what: str, window: int) -> tuple[str, int]:
    """The events ("events") or bad events ("errors") in a window of an alert, and the unit: seconds per 1.

    The window is as named or a little shorter, by 2 minutes or (above 6 h) up to an hour: an alert neither starts
    nor ends late.
    """
    if window == STEP:
        return series(f"slo:{what}:rate5m"), STEP
    if window <= SHORT_LIMIT:
        edges = corrections.edges(series.stretches, series.recording(what, MINUTE), lambda at: at + window - STEP)
        return minutes_of(series, what, window - OVERLAP, *edges), MINUTE
    # The oldest hour is a whole one, so that it goes with all that it holds.
    edges = corrections.edges(
        series.stretches, series.recording(what, series.tile), lambda at: at // series.tile * series.tile + window
    )
    # Minute samples have seen the last five minutes in part; so much more is sure to hold all of them.
    unseen = f"{series(f'slo:{what}:rate5m')} * {STEP - OVERLAP} / {series.tile}"
    return series.total(*tiles_of(series, what, window - series.tile), unseen, *edges), series.tile


def minutes_of(series: RecordedSeries, what: str, window: int, *more: str) -> str:
    """The events in a window of up to 6 h, in units of a minute, and whatever more there is."""
    name = series(f"slo:{what}:rate5m")
    older = f"sum_over_time({series.kept(name)}[{duration(window - STEP)}:1m] offset {duration(OVERLAP)})"
    return series.total(f"{name} * {STEP // MINUTE}", older, *more)


def tiles_of(series: RecordedSeries, what: str, window: int) -> tuple[str, str]:
    """The parts of the events in a longer window, in units of a tile: whole tiles, and the one that has begun."""
    tile = series.kept(series(f"slo:{what}:{series.tile_name}"))
    whole = f"sum_over_time({tile}[{duration(window)}:{duration(series.tile)}])"
    return whole, series.kept(series(f"slo:{what}:hour"))
