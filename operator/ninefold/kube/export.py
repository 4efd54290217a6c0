"""Metrics that are read from the store at each scrape, so that they never lag behind or outlive an object."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ninefold.kube.api import Key
from ninefold.kube.conditions import READY
from ninefold.kube.errors import UNREADABLE
from ninefold.kube.follower import Follower
from ninefold.kube.model import Resource
from ninefold.kube.store import Store

logger = logging.getLogger(__name__)


def one_of(family: GaugeMetricFamily, labels: Sequence[str], states: Sequence[str], current: str | None) -> None:
    """A sample for each state, 1 for the current state: a graph shows changes, and a query need not list all states."""
    for state in states:
        family.add_metric([*labels, state], float(state == current))


class Tolerant(Collector):
    """The metrics of a collector, or none if it cannot read a stored object: the page shows all other metrics."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector

    def collect(self) -> Iterable[Metric]:
        try:
            return list(self._collector.collect())
        except UNREADABLE:
            logger.exception("Cannot read metrics", extra={"collector": type(self._collector).__name__})
            return ()


class Readiness(Collector):
    """The number of ready objects of each kind, and the reasons of the others."""

    def __init__(self, store: Store, kinds: Sequence[type[Resource]]) -> None:
        self._store = store
        self._kinds = kinds

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "ninefold_resources",
            "Objects by kind, value of the condition Ready and its reason; both empty before the first reconciliation.",
            labels=("kind", "ready", "reason"),
        )
        for kind in self._kinds:
            # The stored JSON: parsing every object at every scrape would block the event loop.
            counts = Counter(
                next(
                    (
                        (condition["status"], condition["reason"])
                        for condition in manifest.get("status", {}).get("conditions", ())
                        if condition["type"] == READY
                    ),
                    ("", ""),
                )
                for manifest in self._store.all(kind.api)
            )
            for (ready, reason), count in sorted(counts.items()):
                family.add_metric((kind.api.kind, ready, reason), count)
        yield family


class HeldObjects(Collector):
    """The number of other owners' objects in which the operator holds a field."""

    def __init__(self, store: Store, followers: Sequence[Follower]) -> None:
        self._store = store
        self._followers = followers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        family = GaugeMetricFamily(
            "ninefold_held_objects",
            "Objects of delivery tools that are held while the gate that they follow is closed.",
            labels=("namespace", "kind"),
        )
        for follower in self._followers:
            counts = Counter(
                Key.of(manifest).namespace for manifest in self._store.all(follower.api) if follower.holds(manifest)
            )
            for namespace, count in sorted(counts.items()):
                family.add_metric((namespace, follower.api.kind), count)
        yield family
