"""What the records of releases amount to, as metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ninefold.kube.api import Key
from ninefold.kube.store import Store
from ninefold.release.release import dora
from ninefold.release.release.resource import Outcome, Release

_LABELS = ("namespace", "service", "team")

_FIGURES: dict[str, tuple[str, Callable[[dora.DoraFigures], float | None]]] = {
    "ninefold_dora_since_timestamp_seconds": (
        "Since when the DORA figures of the service count: 30 days ago, or as far as its records reach, as Unix time.",
        lambda figures: figures.since.timestamp(),
    ),
    "ninefold_dora_deployments_per_day": (
        "Deployments a day; absent while records reach back less than a day.",
        lambda figures: figures.deployments_per_day,
    ),
    "ninefold_dora_lead_time_seconds": (
        "Median time from commit to the end of the rollout; absent where no release tells its commit time.",
        lambda figures: figures.lead_time,
    ),
    "ninefold_dora_change_failure_ratio": (
        "The share of deployments that failed, 0 to 1; absent without any deployment.",
        lambda figures: figures.change_failure,
    ),
    "ninefold_dora_restore_seconds": (
        "Median time from the start of a release that failed to the end of the next good one; absent without any.",
        lambda figures: figures.restore,
    ),
    "ninefold_dora_rework_ratio": (
        "The share of releases that followed a failed one, rollbacks too, 0 to 1; absent without any release.",
        lambda figures: figures.rework,
    ),
}


class ReleaseMetrics(Collector):
    """From the records at the moment of the scrape."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._records()
        services = dora.by_service(self._store.all(Release.api), self._now())
        for name, (what, figure) in _FIGURES.items():
            family = GaugeMetricFamily(name, what, labels=_LABELS)
            for service, figures in services.items():
                if (value := figure(figures)) is not None:
                    family.add_metric((service.namespace, service.service, service.team), value)
            yield family

    def _records(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "ninefold_releases",
            "Records of releases that are kept, by outcome; no rate can be had of it, since old ones are dropped.",
            labels=(*_LABELS, "outcome"),
        )
        counts = Counter(
            (Key.of(record).namespace, record["spec"]["service"], record["spec"].get("team", ""), outcome)
            for record in self._store.all(Release.api)
            if (outcome := record.get("status", {}).get("outcome")) in get_args(Outcome)
        )
        for labels, count in sorted(counts.items()):
            family.add_metric(labels, count)
        return family
