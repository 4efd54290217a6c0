"""Synthetic traffic, as the series that an objective's indicator reads, in promtool's notation. Pure.

If the indicator consists of selectors, the series match them. If it is the user's PromQL, whose series cannot be
guessed, two counters replace the expressions, and the suite says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby

from ninefold.kube.api import Key
from ninefold.reliability.servicelevelobjective.proofs.labels import matchers, satisfying
from ninefold.reliability.servicelevelobjective.recording import promql
from ninefold.reliability.servicelevelobjective.recording.indicator import bound
from ninefold.reliability.servicelevelobjective.resource import Composite, Latency, Ratio
from ninefold.reliability.servicelevelobjective.target import Target

BEFORE = 1_000_000
"""The first value of counters: rate() does not extrapolate a counter below 0."""

Counts = tuple[int, float, float]
"""The number of minutes, the events per minute, and the bad events among them."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """Minutes of traffic, one after the other; `restart` resets counters before the part of that index, `gap` leaves
    the
    series out during the part of that index."""

    parts: Sequence[Counts]
    restart: int | None = None
    gap: int | None = None

    @property
    def length(self) -> int:
        """Minutes."""
        return sum(part[0] for part in self.parts)

    @property
    def half(self) -> Pattern:
        """The pattern with half the events."""
        return replace(self, parts=[(length, events / 2, bad / 2) for length, events, bad in self.parts])

    def counter(self, rates: Iterable[float]) -> str:
        """A counter with these increases per minute, one for each part."""
        texts, value = [], float(BEFORE)
        for index, ((length, _, _), rate) in enumerate(zip(self.parts, rates, strict=True)):
            if index == self.restart:
                value = 0.0
            texts.append(f"_x{length}" if index == self.gap else f"{_number(value)}+{_number(rate)}x{length - 1}")
            value += rate * length
        return " ".join(texts)

    def gauge(self, values: Iterable[float]) -> str:
        """A gauge with these values, one for each part."""
        texts = []
        for index, ((length, _, _), value) in enumerate(zip(self.parts, values, strict=True)):
            texts.append(f"_x{length}" if index == self.gap else f"{_number(value)}x{length - 1}")
        return " ".join(texts)

    def mean(self, values: Sequence[float]) -> str:
        """A gauge of the mean over the last 5 minutes, like recordings."""
        minutes = [
            None if index == self.gap else value
            for index, ((length, _, _), value) in enumerate(zip(self.parts, values, strict=True))
            for _ in range(length)
        ]
        means = []
        for at, present in enumerate(minutes):
            known = [value for value in minutes[max(0, at - 4) : at + 1] if value is not None]
            means.append(None if present is None else sum(known) / len(known))
        runs = ((value, len(list(same))) for value, same in groupby(means))
        return " ".join(f"_x{n}" if value is None else f"{_number(value)}x{n - 1}" for value, n in runs)

    @property
    def bad(self) -> list[float]:
        return [part[2] for part in self.parts]

    @property
    def good(self) -> list[float]:
        return [part[1] - part[2] for part in self.parts]

    @property
    def all(self) -> list[float]:
        return [part[1] for part in self.parts]

    @property
    def shares(self) -> list[float]:
        """The share of bad events in each part."""
        return [bad / events if events else 0.0 for _, events, bad in self.parts]


@dataclass(frozen=True, slots=True)
class TrafficSource:
    """How to write series for an objective. `replaced` has expressions that replace the user's, by the recording that
    contains them; `weighed` says whether the number of events matters to the indicator."""

    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """The labels of a series, with its name as __name__, by what it counts: "good", "bad", "all" or "gauge"."""
    components: Mapping[str, str] = field(default_factory=dict)
    """The state of the components of a composite, by slo_id: "failing", "good" or "bad"."""
    replaced: Mapping[str, str] = field(default_factory=dict)
    weighed: bool = True

    @property
    def counters(self) -> bool:
        """Whether the series are counters."""
        return bool(self.labels) and "gauge" not in self.labels

    def series(self, pattern: Pattern, without: str = "") -> dict[str, str]:
        """Selectors of series, and their values per minute; `without` names what has no series."""
        if self.components:
            return self._of_components(pattern)
        half = pattern.half
        values = {
            "good": half.counter(half.good),
            "bad": half.counter(half.bad),
            "all": half.counter(half.all),
            "gauge": pattern.gauge([1 - share for share in pattern.shares]),
        }
        # Two of each: a missing sum shows only if there are two series to add.
        return {
            _series({**labels, "proof": number}): values[what]
            for what, labels in self.labels.items()
            if what != without
            for number in ("1", "2")
        }

    def _of_components(self, pattern: Pattern) -> dict[str, str]:
        """Recordings, since the rules read those of other objectives: means over 5 m."""
        found = {}
        for slo_id, how in self.components.items():
            labels = f"{{slo_id={json.dumps(slo_id)}}}"
            ratios = {"failing": pattern.shares, "good": [0.0] * len(pattern.parts), "bad": [1.0] * len(pattern.parts)}
            events = [events / 60 for events in pattern.all]
            errors = [rate * ratio for rate, ratio in zip(events, ratios[how], strict=True)]
            found[f"slo:events:rate5m{labels}"] = pattern.mean(events)
            found[f"slo:errors:rate5m{labels}"] = pattern.mean(errors)
        return found


def source(target: Target, group: Mapping[str, str] | None = None) -> TrafficSource:
    """Series for the indicator of an objective; `group` holds the labels of one of its groups."""
    indicator, labels = target.indicator, dict(group or {})
    found = None
    if not target.slice_length:
        if indicator.ratio is not None:
            found = _ratio(indicator.ratio, labels)
        elif indicator.latency is not None and indicator.latency.buckets == "Classic":
            found = _latency(indicator.latency, labels)
        elif indicator.boolean is not None:
            found = _boolean(indicator.boolean.selector, labels)
        elif indicator.composite is not None and not target.groups:
            found = _composite(target.key.namespace, indicator.composite)
    return found or _stand_in(target, labels)


def _ratio(ratio: Ratio, group: dict[str, str]) -> TrafficSource | None:
    wanted = [promql.plain(text) for text in (ratio.total, ratio.bad or ratio.good or "")]
    if any(text is None for text in wanted):
        return None
    total, part = (matchers(text or "") for text in wanted)
    if total is None or part is None:
        return None
    counted = satisfying([*total, *part]) or satisfying(part)
    rest = satisfying(total, but_not=part)
    if counted is None or rest is None:
        return None
    both = all(matcher.takes(counted.get(matcher.label, "")) for matcher in total)
    name = "bad" if ratio.bad is not None else "good"
    # If total does not contain the counted events itself, it has its own series for all of them.
    other = ("good" if name == "bad" else "bad") if both else "all"
    return TrafficSource({name: counted | group, other: rest | group})


def _latency(latency: Latency, group: dict[str, str]) -> TrafficSource | None:
    name, text = promql.histogram(latency.histogram, "spec.indicator.latency.histogram")
    found = matchers(f"{name}{{{text}}}")
    labels = satisfying(found) if found is not None else None
    if labels is None:
        return None
    bucket = {**labels, "__name__": f"{name}_bucket", "le": bound(latency.threshold)}
    count = {**labels, "__name__": f"{name}_count"}
    return TrafficSource({"good": bucket | group, "all": count | group})


def _boolean(selector: str, group: dict[str, str]) -> TrafficSource | None:
    found = matchers(selector)
    labels = satisfying(found) if found is not None else None
    return TrafficSource({"gauge": labels | group}, weighed=False) if labels is not None else None


def _composite(namespace: str, composite: Composite) -> TrafficSource:
    """Components such that the whole fails like one of them: the others are well (Serial), dead (Parallel), or the
    same."""
    first, *others = (str(Key(namespace, component.objective)) for component in composite.components)
    how = {"Serial": "good", "Parallel": "bad", "Weighted": "failing"}[composite.mode]
    components = {first: "failing", **dict.fromkeys(others, how)}
    return TrafficSource(components=components, weighed=composite.traffic_of is not None)


def _stand_in(target: Target, group: dict[str, str]) -> TrafficSource:
    by = ", ".join(target.groups)
    total = f"sum by ({by}) " if by else "sum"
    ratio = target.indicator.ratio

    def rate(what: str, length: str) -> str:
        return f"{total}(rate(proof:{what}:total[{length}]))"

    events, errors, late = rate("events", "5m"), rate("errors", "5m"), rate("errors", "2m")
    zero = f"{events} * 0"
    return TrafficSource(
        {
            "all": {"__name__": "proof:events:total", **group},
            "bad": {"__name__": "proof:errors:total", **group},
        },
        replaced={
            "slo:events:rate5m": events,
            "slo:errors:rate5m": f"{errors} or {zero}",
            "slo:events:recent": rate("events", "2m"),
            "slo:counted:recent": late if ratio and ratio.bad else f"{rate('events', '2m')} - {late}",
        },
    )


def _series(labels: Mapping[str, str]) -> str:
    name = labels.get("__name__", "proof")
    inside = ",".join(
        f"{label}={json.dumps(value)}" for label, value in labels.items() if label != "__name__" and value
    )
    return f"{name}{{{inside}}}"


def _number(value: float) -> str:
    """A number without an exponent, which promtool does not accept in steps."""
    return f"{value:.9f}".rstrip("0").rstrip(".")
