"""How much happened in a window, from the recordings alone. Pure.

Every value is a ratio of two such amounts, so each event counts the same whenever it happened. There are two ways to
add up slo:…:rate5m, the mean over the last 5 minutes; both are exact at the present moment:

- up to 6 h: the last 5 minutes exactly, plus one-minute samples of the 5 m mean before that. The samples end 2 minutes
  ago: they overlap the exact part just enough that an error is never counted late.
- longer: means of whole hours, which tile time without gap or overlap, plus the hour that has begun.

The cost does not depend on the number of raw series, and hardly on the evaluation interval. Nothing depends on
`@ end()`, so the evaluation of a rule over a range, as in a backfill, gives the same values.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.recording import corrections
from ninefold.reliability.servicelevelobjective.recording.corrections import MaskedRecording, Stretch

STEP = 300
"""Events are counted over 5 m, so no window can be shorter."""
HOUR, MINUTE = 3_600, 60
SHORT_LIMIT = 6 * HOUR
NO_VALUE = "none"
"""The value of a label of groupBy on series that lack it."""
OVERLAP = 120
"""The seconds by which minute samples overlap the last 5 minutes; see above."""


class RecordedSeries:
    """The recordings of an objective: a single series, or a series for each combination of its `groups`."""

    def __init__(self, slo_id: str, groups: Sequence[str] = (), tile: int = HOUR) -> None:
        # PromQL quotes strings like JSON.
        self._matcher = f"slo_id={json.dumps(slo_id)}"
        # Recordings from before the objective had these groups belong to no group.
        self._grouped = tuple(f'{label}!=""' for label in groups)
        self._labels = tuple(groups)
        self.groups = ", ".join(groups)
        self.by = ", ".join(("slo_id", *groups))
        self.tile = tile
        """The length of an "hour" in seconds; shorter if the offset of a time zone has a part of an hour."""
        self.tile_name = f"rate{duration(tile)}"
        self.stretches: tuple[Stretch, ...] = ()
        """Time that does not count in windows."""

    def __call__(self, name: str, *matchers: str) -> str:
        """A selector of a recording with a series for each group."""
        return f"{name}{{{','.join((self._matcher, *self._grouped, *matchers))}}}"

    def single(self, name: str) -> str:
        """A selector of a recording with a single series, whatever groups there are."""
        return f"{name}{{{self._matcher}}}"

    def aggregate(self, function: str) -> str:
        """The beginning of an aggregation of the user's series: "sum", "sum by (region) "."""
        return f"{function} by ({self.groups}) " if self.groups else function

    def named(self, text: str, function: str = "sum") -> str:
        """An aggregation by the groups in which each of their labels has a value: "none" if the user's series have no
        such
        label."""
        if not self._labels:
            return text
        for label in self._labels:
            text = f'label_replace({text}, "{label}", "{NO_VALUE}", "{label}", "")'
        return f"{self.aggregate(function)}({text})"

    def total(self, *parts: str) -> str:
        """The sum of vectors, in which a missing sample counts as 0. Without any sample there is no sum.

        `or` drops a series with the labels of a series further left, so each part gets its own label.
        """
        first, *others = parts
        marked = (f'label_replace({part}, "part", "{n}", "", "")' for n, part in enumerate(others, 2))
        return f"sum by ({self.by}) ({' or '.join((first, *marked))})"

    def kept(self, text: str) -> str:
        """A recording that is 0 at a time that does not count."""
        return f"({text} * (1 - ({corrections.inside(self.stretches)})))" if self.stretches else text

    def recording(self, what: str, unit: int) -> MaskedRecording:
        """Where to read the recordings of a moment, for a sum in units of this many seconds."""
        rate, hour = self(f"slo:{what}:rate5m"), self(f"slo:{what}:hour")
        return MaskedRecording(rate, hour, unit, self.tile if unit == self.tile else 0)

    def and_component(self) -> RecordedSeries:
        """These series with a series for each component of a composite."""
        return self._but(by=f"{self.by}, component")

    def without(self, stretches: Sequence[Stretch]) -> RecordedSeries:
        """These series without these stretches of time."""
        return self._but(stretches=tuple(stretches))

    def _but(self, **changed: object) -> RecordedSeries:
        made = RecordedSeries.__new__(RecordedSeries)
        made.__dict__.update(self.__dict__, **changed)
        return made


def tile_mean(series: RecordedSeries, name: str) -> str:
    """The mean of a 5 m recording over the last hour (tile); minutes without data count as 0.

    The millisecond leaves the sample at a full hour to the hour that begins with it, as in `so_far`, also if the
    evaluation is at the full hour.
    """
    length = series.tile
    return f"sum_over_time({series(name)}[{duration(length)}:1m] offset 1ms) / {length // MINUTE}"


def so_far(series: RecordedSeries, name: str) -> str:
    """The amount since the last full hour (tile), in units of its mean: one-minute samples, and the seconds since.

    A subquery does not know the evaluation time. Therefore each sample of the last hour has the number of its hour as a
    label, and only samples of the present hour are used.
    """
    number = f'count_values("part", floor(vector(time() / {series.tile})))'
    marked = f"{series(name)} * on () group_left (part) {number}"
    minutes = f"(sum_over_time(({marked})[{duration(series.tile)}:1m]) and on (part) {number}) * {MINUTE}"
    return f"{series.total(minutes, f'{series(name)} * (time() % {MINUTE})')} / {series.tile}"


def in_alert_window(series: RecordedSeries, what: str, window: int) -> tuple[str, int]:
    """The events ("events") or bad events ("errors") in a window of an alert, and the unit: seconds per 1.

    The window is as long as its name says or shorter, by 2 minutes or (above 6 h) by up to an hour: an alert neither
    starts nor ends late.
    """
    if window == STEP:
        return series(f"slo:{what}:rate5m"), STEP
    if window <= SHORT_LIMIT:
        edges = corrections.edges(series.stretches, series.recording(what, MINUTE), lambda at: at + window - STEP)
        return minutes_of(series, what, window - OVERLAP, *edges), MINUTE
    # The oldest hour is a whole hour, so it leaves the window as a whole.
    edges = corrections.edges(
        series.stretches, series.recording(what, series.tile), lambda at: at // series.tile * series.tile + window
    )
    # Minute samples contain a part of the last five minutes; this addition is certain to contain the rest.
    unseen = f"{series(f'slo:{what}:rate5m')} * {STEP - OVERLAP} / {series.tile}"
    return series.total(*tiles_of(series, what, window - series.tile), unseen, *edges), series.tile


def minutes_of(series: RecordedSeries, what: str, window: int, *more: str) -> str:
    """The events in a window of up to 6 h, in units of a minute, and whatever more there is."""
    name = series(f"slo:{what}:rate5m")
    older = f"sum_over_time({series.kept(name)}[{duration(window - STEP)}:1m] offset {duration(OVERLAP)})"
    return series.total(f"{name} * {STEP // MINUTE}", older, *more)


def tiles_of(series: RecordedSeries, what: str, window: int) -> tuple[str, str]:
    """The parts of the events in a longer window, in units of a tile: whole tiles, and the present tile."""
    tile = series.kept(series(f"slo:{what}:{series.tile_name}"))
    whole = f"sum_over_time({tile}[{duration(window)}:{duration(series.tile)}])"
    return whole, series.kept(series(f"slo:{what}:hour"))
