"""The metrics that are computed from the records of releases."""

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
        "The start of the time that the DORA metrics of the service cover, as Unix time: 30 days ago, or the start of "
        "its records.",
        lambda figures: figures.since.timestamp(),
    ),
    "ninefold_dora_deployments_per_day": (
        "Deployments per day; absent while the records reach back less than a day.",
        lambda figures: figures.deployments_per_day,
    ),
    "ninefold_dora_lead_time_seconds": (
        "Median time from commit to the end of the rollout; absent if no release has a commit time.",
        lambda figures: figures.lead_time,
    ),
    "ninefold_dora_change_failure_ratio": (
        "The share of deployments that failed, 0 to 1; absent without any deployment.",
        lambda figures: figures.change_failure,
    ),
    "ninefold_dora_restore_seconds": (
        "Median time from the start of a failed release to the end of the next good rollout; absent without any.",
        lambda figures: figures.restore,
    ),
    "ninefold_dora_rework_ratio": (
        "The share of releases, rollbacks too, that followed a failed release, 0 to 1; absent without any release.",
        lambda figures: figures.rework,
    ),
}


class ReleaseMetrics(Collector):
    """Computes the metrics from the records at each scrape."""

    def __init__(self, store: Store, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store = store
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield self._records()
        services = dora.by_service(self._store.all(Release.api), self._now())
        for name, (description, read) in _FIGURES.items():
            family = GaugeMetricFamily(name, description, labels=_LABELS)
            for service, figures in services.items():
                if (value := read(figures)) is not None:
                    family.add_metric((service.namespace, service.service, service.team), value)
            yield family

    def _records(self) -> GaugeMetricFamily:
        family = GaugeMetricFamily(
            "ninefold_releases",
            "Records of releases that are kept, by outcome; do not take a rate of it, since old records are deleted.",
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
