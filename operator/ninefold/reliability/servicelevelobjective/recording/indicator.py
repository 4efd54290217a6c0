"""The recordings that every other rule of an objective reads: all events and bad events per second, over 5 m. Pure.

`slo:events:rate5m` is absent where the total has no series; `slo:errors:rate5m` is 0 where the bad events have none,
for each group, and never above the events. `slo:counted:rate5m` has the counted value, and `slo:indicator_excess:ratio`
how many times it exceeds the events.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.recording import bounds, composite, promql
from ninefold.reliability.servicelevelobjective.recording.series import STEP, RecordedSeries
from ninefold.reliability.servicelevelobjective.resource import (
    ErrorRatio,
    Gauge,
    Indicator,
    Latency,
    Ratio,
)
from ninefold.reliability.servicelevelobjective.target import Target

Rule = dict[str, Any]

_SCALE = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60), None: Decimal(1)}
UNITS = {
    "milliseconds": Decimal("0.001"),
    "microseconds": Decimal("0.000001"),
    "nanoseconds": Decimal("0.000000001"),
    "minutes": Decimal(60),
    "hours": Decimal(3_600),
    "days": Decimal(86_400),
}
"""Units of histograms other than seconds, each in seconds."""
_ENDINGS = {
    **{f"_{unit}": unit for unit in UNITS},
    **dict.fromkeys(("_ms", "_msec", "_msecs", "_millis"), "milliseconds"),
    **dict.fromkeys(("_us", "_usec", "_usecs", "_micros"), "microseconds"),
    **dict.fromkeys(("_ns", "_nsec", "_nsecs", "_nanos"), "nanoseconds"),
    **dict.fromkeys(("_min", "_mins"), "minutes"),
}
"""The unit by the end of a histogram's name."""
_TOLERANCE = "1.001"
"""Two counters in one query may come from different scrapes: a ratio up to this value is not a fault."""
FIELD = "spec.indicator"
RECENT = 120
"""How far alerts look back, in seconds, to see whether failures continue: two scrapes at 60 s."""
_RECENT = ("slo:births:", "slo:events:", "slo:counted:")
"""The recordings of those seconds."""


@dataclass(frozen=True, slots=True)
class Base:
    """The first rules of an objective, in order, and the expressions among them that the user wrote."""

    rules: list[Rule]
    written: tuple[str, ...] = field(default=())
    reads: str = ""
    """The name of the objective whose recordings replace the raw series; "" if these rules read the raw series."""
    recent: Base | None = None
    """The same for the last two minutes, for alerts that use them; None if the indicator does not count counters."""


def base(target: Target, series: RecordedSeries) -> Base:
    """The first rules of an indicator. Raises Stalled for PromQL that is invalid in its field."""
    indicator = target.indicator
    if indicator.composite is not None:
        return Base([*composite.rules(indicator.composite, target.key.namespace, series)])
    if not target.slice_length:
        writer = _Writer(indicator, series, "rate5m", f"{STEP // 60}m")
        return Base([*writer.rules()], writer.written, recent=_recent(indicator, series))
    writer = _Writer(indicator, series, "slice", duration(target.slice_length))
    worst = f"{target.slice_budget.normalize():f}"
    errors, events = series("slo:errors:slice"), series("slo:events:slice")
    bad = series("slo:bad:slice")
    rules = [
        *writer.rules(),
        record("slo:bad:slice", f"{errors} > bool {worst} * ({events} > 0)"),
        record("slo:events:rate5m", f"count_over_time({bad}[5m:1m]) / 5 or {events} * 0"),
        record("slo:errors:rate5m", f"sum_over_time({bad}[5m:1m]) / 5 or {series('slo:events:rate5m')} * 0"),
    ]
    return Base(rules, writer.written)


def _recent(indicator: Indicator, series: RecordedSeries) -> Base | None:
    if indicator.ratio is None and indicator.latency is None:
        return None
    writer = _Writer(indicator, series, "recent", f"{RECENT // 60}m")
    return Base([rule for rule in writer.rules() if rule["record"].startswith(_RECENT)], writer.written)


def record(name: str, expression: str, **labels: str) -> Rule:
    return {"record": name, "expr": expression, **({"labels": labels} if labels else {})}


class _Writer:
    """Writes the recordings of one indicator over ranges of one length."""

    def __init__(self, indicator: Indicator, series: RecordedSeries, name: str, length: str) -> None:
        self._indicator = indicator
        self._series = series
        self._length = length
        self._name = name
        self._sum = series.aggregate("sum")
        self._on = f"on ({series.groups})"
        self.events, self.counted = series(f"slo:events:{name}"), series(f"slo:counted:{name}")
        self.written: tuple[str, ...] = ()

    def rules(self) -> Iterator[Rule]:
        indicator = self._indicator
        if indicator.ratio is not None:
            yield from self._ratio(indicator.ratio)
        elif indicator.latency is not None:
            yield from self._latency(indicator.latency)
        elif indicator.error_ratio is not None:
            yield from self._error_ratio(indicator.error_ratio)
        elif indicator.gauge is not None:
            yield from self._gauge(indicator.gauge)
        else:
            assert indicator.boolean is not None  # noqa: S101 - the model holds exactly one
            yield from self._boolean(indicator.boolean.selector)

    def _ratio(self, ratio: Ratio) -> Iterator[Rule]:
        total = self._rate(ratio.total, "ratio.total")
        name = "bad" if ratio.bad is not None else "good"
        counted = self._rate(ratio.bad or ratio.good or "", f"ratio.{name}")
        self.written = (total, counted)
        if ratio.births == "Counted":
            bad = ratio.bad or ""
            born = promql.births(bad, ratio.total, self._length, self._series.groups, f"{FIELD}.ratio")
            born = self._series.named(born)
            self.written = (*self.written, born)
            yield self._record("births", born)
            # A recording has its own labels, so `or` keeps both. Events that are born bad are also missing from all
            # events.
            births = self._series(f"slo:births:{self._name}")
            total, counted = (f"{self._sum}({births} or {rate})" for rate in (total, counted))
        yield self._record("events", total)
        yield self._record("counted", counted)
        yield self._record("errors", self._at_most_all() if ratio.bad is not None else self._all_but())
        yield self._excess(f"{self.counted} / {self.events}")

    def _latency(self, latency: Latency) -> Iterator[Rule]:
        name, matchers = promql.histogram(latency.histogram, f"{FIELD}.latency.histogram")
        check_unit(name, latency.threshold)
        if latency.buckets == "Native":
            yield from self._native(f"{name}{{{matchers}}}", latency)
            return
        labels = ",".join(filter(None, (matchers, f'le=~"{bounds.pattern(Decimal(bound(latency.threshold)))}"')))
        bucket = self._series.named(f"{self._sum}(rate({name}_bucket{{{labels}}}[{self._length}]))")
        count = self._series.named(f"{self._sum}(rate({name}_count{{{matchers}}}[{self._length}]))")
        # Without the bucket there is no total either: otherwise a wrong threshold would look like an outage.
        total = f"{count} and {self._on} {self.counted}"
        self.written = (self._verified(count, "latency"), self._verified(bucket, "latency"))
        yield self._record("counted", bucket)
        yield self._record("events", total)
        yield self._record("errors", self._all_but())

    def _native(self, selector: str, latency: Latency) -> Iterator[Rule]:
        histogram = self._series.named(f"{self._sum}(rate({selector}[{self._length}]))")
        count = f"histogram_count({histogram})"
        share = f"histogram_fraction(-Inf, {bound(latency.threshold)}, {histogram})"
        self.written = (self._verified(count, "latency"), self._verified(share, "latency"))
        yield self._record("events", count)
        # The share is not a number without events.
        yield self._record("counted", f"{share} * {self._on} {self.events} >= 0")
        yield self._record("errors", self._all_but())

    def _error_ratio(self, ratio: ErrorRatio) -> Iterator[Rule]:
        query = promql.over(ratio.query, self._length, f"{FIELD}.errorRatio.query")
        asked = self._series.named(f"{self._series.aggregate('avg')}({query})", "avg")
        asked = self._verified(asked, "errorRatio.query")
        share = self._series(f"slo:share:{self._name}")
        events, self.written = f"{self.counted} * 0 + 1", (asked,)
        # A share of no events, 0 / 0, is not a number: there are series, and no events.
        idle = f"count by ({self._series.by}) ({share}) * 0"
        if ratio.traffic is not None:
            traffic = self._rate(ratio.traffic, "errorRatio.traffic")
            events, self.written = f"{traffic} and {self._on} {self.counted}", (asked, traffic)
            # Also if the query drops divisions by zero, but not if traffic has no series.
            idle = f"{traffic} == 0 or {self._series.aggregate('count')}({share}) * 0 and {self._on} {traffic}"
        yield self._record("share", asked)
        yield self._record("counted", f"{share} >= 0")
        yield self._record("events", f"{events} or {idle}")
        yield self._record("errors", f"clamp_max({self.counted}, 1) * {self.events} or {self.events} * 0")
        yield self._excess(self.counted)

    def _boolean(self, text: str) -> Iterator[Rule]:
        selector = promql.selector(text, f"{FIELD}.boolean.selector")
        # The share of the time that each series was 0; the comparison drops NaN.
        bad = self._verified(f"1 - clamp(avg_over_time({selector}[{self._length}]), 0, 1) >= 0", "boolean.selector")
        self.written = (bad,)
        yield self._record("events", self._series.named(f"{self._series.aggregate('count')}({bad})"))
        yield self._record("errors", self._series.named(f"{self._sum}({bad})"))

    def _gauge(self, gauge: Gauge) -> Iterator[Rule]:
        query = promql.instant(gauge.query, f"{FIELD}.gauge.query")
        beyond = f"> {gauge.bad_above}" if gauge.bad_above is not None else f"< {gauge.bad_below}"
        # The share of the time that each series existed (NaN does not count), and was beyond the level.
        minutes = promql.minutes(self._length)

        def share(condition: str) -> str:
            counted = f"count_over_time((({query}) {condition})[{self._length}:1m])"
            return self._verified(f"{self._series.named(f'{self._sum}({counted})')} / {minutes}", "gauge.query")

        events, counted = share(">= -Inf"), share(beyond)
        self.written = (events, counted)
        yield self._record("events", events)
        yield self._record("counted", counted)
        yield self._record("errors", self._at_most_all())

    def _rate(self, text: str, field: str) -> str:
        """Events per second from a selector of counters or PromQL with [$window]."""
        return self._series.named(promql.rate(text, self._length, self._sum, f"{FIELD}.{field}"))

    def _at_most_all(self) -> str:
        """The counted bad events; 0 if none were counted, all events if more than all were counted."""
        return f"({self.counted} or {self.events} * 0) <= {self.events} or {self.events}"

    def _all_but(self) -> str:
        """All events less the good events."""
        return f"clamp_min({self.events} - ({self.counted} or {self.events} * 0), 0)"

    def _excess(self, ratio: str) -> Rule:
        return record("slo:indicator_excess:ratio", f"{ratio} > {_TOLERANCE}")

    def _record(self, what: str, expression: str) -> Rule:
        return record(f"slo:{what}:{self._name}", expression)

    @staticmethod
    def _verified(expression: str, field: str) -> str:
        return promql.verified(expression, f"{FIELD}.{field}")


def check_unit(histogram: str, threshold: str) -> None:
    """Raises Stalled for a time as the threshold of a histogram that does not count seconds."""
    unit = next((unit for ending, unit in _ENDINGS.items() if histogram.endswith(ending)), "")
    if unit and not threshold[-1].isdigit():
        plain = f"{round(Decimal(bound(threshold)) / UNITS[unit], 6).normalize():f}"
        raise Stalled(
            "UnitsDiffer",
            f'{FIELD}.latency.threshold: {histogram} counts {unit}, and a time is for one in seconds: write "{plain}"',
        )


def bound(threshold: str) -> str:
    """The threshold of a latency in the unit of its histogram, as Prometheus writes numbers.

    >>> bound("300ms"), bound("2.50s"), bound("1m")
    ('0.3', '2.5', '60')
    """
    match = re.fullmatch(r"([0-9.]+)(ms|s|m)?", threshold)
    assert match is not None  # noqa: S101 - the model holds the same pattern
    return f"{(Decimal(match[1]) * _SCALE[match[2]]).normalize():f}"
