"""The metrics of Corrections."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ninefold.kube.api import Key
from ninefold.kube.store import Store
from ninefold.reliability.correction.resource import Correction


class CorrectionMetrics(Collector):
    """Reads everything from the statuses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        active = GaugeMetricFamily(
            "ninefold_correction_active",
            "1 while the Correction is active: nothing counts for its objectives; otherwise 0.",
            labels=("namespace", "correction"),
        )
        for manifest in self._store.all(Correction.api):
            key = Key.of(manifest)
            active.add_metric((key.namespace, key.name), float(bool(manifest.get("status", {}).get("active"))))
        yield active
