"""Asks Prometheus which selectors of an objective match no series, and which similar series exist.

Every question is bounded: a single series for existence, a sample of a metric's series for hints.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from ninefold.integrations.prometheus import Prometheus
from ninefold.reliability.servicelevelobjective.feedback.unmatched import SelectorFacts, Unmatched, judged
from ninefold.reliability.servicelevelobjective.recording.selectors import Matcher, Selector, grouped, loose, selectors
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

LOOKBACK = timedelta(days=7)
"""How far back a series counts as seen."""
_SAMPLE = 500
_NAMES = 20_000
_LABELS = 12
"""How many labels of a metric to try for a condition that was written for another label."""
_EXCLUDED = {"!=": "=", "!~": "=~"}
"""The operator of the values that a condition excludes."""
_KEPT = 600.0
"""How long, in seconds, to keep the names of all metrics."""


class MetricNames:
    """The names of all metrics, which all objectives share."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._names: Sequence[str] = ()
        self._due = float("-inf")

    async def all(self) -> Sequence[str]:
        now = asyncio.get_running_loop().time()
        if now >= self._due:
            self._names = await self._prometheus.label_values("__name__", _NAMES)
            self._due = now + _KEPT
        return self._names


async def unmatched(
    prometheus: Prometheus, names: MetricNames, slo: ServiceLevelObjective, start: datetime, end: datetime
) -> list[Unmatched]:
    """The selectors that match no series in this time. Raises Stalled, Unreachable and Refused."""
    metrics = _Metrics(prometheus, names, start, end)
    wanted = selectors(slo.spec.indicator)
    missing = [selector for selector in wanted if not await metrics.exists(selector.text)]
    facts = {selector: await metrics.facts(selector) for selector in missing}
    matched = [selector for selector in wanted if selector not in facts]
    vacuous = [(selector, found) for selector in matched for found in await metrics.vacuous(selector, wanted)]
    by_group = grouped(slo.spec.indicator, slo.spec.group_by, matched)
    groups = [(selector, found) for selector in by_group for found in await metrics.facts_of_group(selector)]
    return judged([*facts.items(), *vacuous, *groups], matched)


class _Metrics:
    """The series that exist in a period of time."""

    def __init__(self, prometheus: Prometheus, names: MetricNames, start: datetime, end: datetime) -> None:
        self._prometheus, self._names = prometheus, names
        self._start, self._end = start, end

    async def exists(self, selector: str) -> bool:
        return bool(await self._prometheus.series(selector, self._start, self._end, limit=1))

    async def facts(self, selector: Selector) -> SelectorFacts:
        """Why a selector matches nothing."""
        if not selector.name:
            return SelectorFacts("Combination")
        sample = await self._sample(selector)
        if not sample:
            names = await self._names.all()
            return SelectorFacts("Metric", names=names, cluster={} if names else self._prometheus.external_labels)
        labels = _values(sample)
        for matcher in selector.matchers:
            if not await self.exists(selector.of(matcher)):
                return await self._unmet(selector, matcher, labels)
        return SelectorFacts("Combination", labels=labels)

    async def vacuous(self, selector: Selector, others: Sequence[Selector]) -> list[SelectorFacts]:
        """The conditions that exclude nothing, since they exclude values of a label that the metric does not have."""
        found = []
        for matcher in loose(selector, others):
            if not await self._has(selector, matcher.label):
                labels, excluded = _values(await self._sample(selector)), _EXCLUDED[matcher.operator]
                fitting = await self._fitting(selector, matcher._replace(operator=excluded), labels)
                found.append(SelectorFacts("Label", matcher, labels=labels, fitting=fitting))
        return found

    async def facts_of_group(self, selector: Selector) -> list[SelectorFacts]:
        """Why a label of groupBy, which `selector` requires, does not exist; empty if it exists."""
        if await self.exists(selector.text):
            return []
        return [SelectorFacts("Label", selector.matchers[-1], labels=_values(await self._sample(selector)))]

    async def _sample(self, selector: Selector) -> Sequence[Mapping[str, str]]:
        """A sample of the series of the metric that a selector names."""
        return await self._prometheus.series(selector.of(), self._start, self._end, limit=_SAMPLE)

    async def _has(self, selector: Selector, label: str) -> bool:
        """Whether any series of the metric has the label."""
        return await self.exists(selector.of(Matcher(label, "!=", "")))

    async def _unmet(self, selector: Selector, matcher: Matcher, labels: Mapping[str, set[str]]) -> SelectorFacts:
        known = matcher.label in labels or await self._has(selector, matcher.label)
        if known:
            return SelectorFacts("Value", matcher, labels=labels)
        return SelectorFacts("Label", matcher, labels=labels, fitting=await self._fitting(selector, matcher, labels))

    async def _fitting(self, selector: Selector, matcher: Matcher, labels: Mapping[str, set[str]]) -> str:
        for label in sorted(labels)[:_LABELS]:
            if await self.exists(selector.of(Matcher(label, "!=", ""), matcher._replace(label=label))):
                return label
        return ""


def _values(sample: Sequence[Mapping[str, str]]) -> dict[str, set[str]]:
    """The labels in a sample of series, with their values."""
    found: dict[str, set[str]] = {}
    for labels in sample:
        for label, value in labels.items():
            if label != "__name__":
                found.setdefault(label, set()).add(value)
    return found
