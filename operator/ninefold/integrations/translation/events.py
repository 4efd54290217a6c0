"""Queries that other tools run over each window, converted to recordings over 5m and their averages. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from ninefold.integrations.translation import queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.meaning import Meaning, WindowMeaning
from ninefold.kube.fields import duration


class EventQuery(NamedTuple):
    """A query, and the field that holds it."""

    node: Node
    name: str | None
    query: str


def counted(sides: Mapping[str, EventQuery], seconds: int = queries.BASE) -> dict[str, str]:
    """The two sides of a ratio in events per second; over a window of `seconds` the ratio is unchanged."""
    meanings = {key: queries.meant(side.query) for key, side in sides.items()}
    grows = {meant.per_window for meant in meanings.values() if meant is not None and not meant.zero}
    if len(grows) > 1:
        _unlike(sides, meanings, seconds)
    named = [judged(sides[key], meant, seconds) for key, meant in meanings.items() if meant is not None]
    same = len(grows) <= 1 and not any(named)
    made: dict[str, str] = {}
    for key, side in sides.items():
        made[key] = side.query if len(grows) > 1 else queries.per_second(side.query, seconds)
        if (meant := meanings[key]) is not None:
            _scaled(side, made[key], meant, seconds, same=same)
    return made


def _scaled(side: EventQuery, made: str, meant: Meaning, seconds: int, *, same: bool) -> None:
    """Report a changed unit; `same` says that the ratio is the same over every window."""
    ratio = "the ratio is the same" if same else f"over {duration(seconds)} the ratio is unchanged"
    cure = "no action is needed" if same else "see the remark about what is lost"
    if made.startswith("(") and made.endswith(f"/ {seconds}") and made != side.query:
        side.node.changed(
            side.name,
            f"the query is divided by the {seconds} seconds of {duration(seconds)}",
            f"events are counted per second, and {ratio}; constants in it still apply to such a window",
            cure,
        )
    elif made != side.query:
        side.node.changed(side.name, "increase becomes rate", f"events are counted per second, and {ratio}", cure)
    elif meant.why == "last_over_time":
        side.node.changed(
            side.name,
            "the recording is read as events per second",
            "slo:events:rate5m and minimumErrors count in its unit",
            "no action is needed if it is a rate; otherwise divide it by the seconds that it counts over",
        )
    elif not meant.counters and not meant.per_window:
        side.node.changed(
            side.name,
            "the query does not count events per second",
            "slo:events:rate5m and minimumErrors count in its unit",
            "divide it by the seconds of the window, or take a rate",
        )


def shifted(side: EventQuery) -> None:
    """Report a query whose offset is as long as its window."""
    side.node.lost(
        side.name,
        "offset {{.window}} becomes an offset of 5m",
        "the old tool uses an offset as long as each window, and Ninefold always 5m",
        "write a fixed offset, such as offset 5m",
    )


def share(side: EventQuery) -> None:
    """Report an error ratio that does not add up over time."""
    meant = queries.meant(side.query)
    if meant is not None and queries.share(side.query) is None:
        judged(side, meant, instead=_TRAFFIC if meant.why == "/" else "")


def judged(side: EventQuery, meant: Meaning, seconds: int = queries.BASE, instead: str = "") -> bool:
    """Report a query that does not add up over time, and what to write instead; returns whether it reported one."""
    base = duration(seconds)
    if meant.kind is WindowMeaning.GUARDED:
        side.node.lost(
            side.name,
            f"`{meant.why}` applies once to each window, whatever its length",
            f"here it applies to each {base}, also within longer alert windows",
            "leave it out, and write alerting.minimumErrors or minimumTraffic if it guards against low traffic",
        )
    elif meant.kind is WindowMeaning.MOMENTARY:
        side.node.lost(
            side.name,
            f"`{meant.why}` is read once, at the end of each window",
            f"here it is read for each {base}, also within longer alert windows",
            "write a number instead, or count the series' value at each moment with your own rule",
        )
    elif meant.kind is WindowMeaning.JUDGED or (
        meant.kind is WindowMeaning.LEVEL and meant.why not in ("", "last_over_time")
    ):
        side.node.lost(
            side.name,
            f"`{meant.why}` {'' if meant.counters else 'reads gauges and '}does not add up over time",
            f"Ninefold records it over {base} and averages that over longer windows, which gives another value",
            instead or _INSTEAD.get(meant.why, _COUNTERS if meant.counters else _GAUGES),
        )
    else:
        return False
    return True


_COUNTERS = "write counters, or sums of their rates; add spec.timeSlices to count each slice as good or bad"
_GAUGES = (
    "write indicator.gauge with badAbove or badBelow, or indicator.boolean for a gauge of 0 and 1; add spec.timeSlices "
    "to count each slice as good or bad"
)
_TRAFFIC = "write errorRatio.traffic with the events that it is a share of, or indicator.ratio with both counters"
_INSTEAD = {
    "/": "write indicator.errorRatio for a share, or the two counters of the ratio",
    "abs": "leave it out, and write the larger side of the difference first, so it is never below 0",
    "irate": "write rate: irate reads only the last two samples of a window",
    "histogram_quantile": "write indicator.latency with the histogram and the threshold",
    "histogram_fraction": "write indicator.latency with the histogram and the threshold",
}


def _unlike(sides: Mapping[str, EventQuery], meanings: Mapping[str, Meaning | None], seconds: int) -> None:
    first = next(key for key, meant in meanings.items() if meant is not None and meant.per_window)
    other = next(key for key, meant in meanings.items() if key != first)
    sides[first].node.lost(
        sides[first].name,
        f"{first} grows with the window and {other} does not",
        f"their ratio depends on the length of the window; it is the same over {duration(seconds)} only",
        "write rate on both sides, or increase on both",
    )
