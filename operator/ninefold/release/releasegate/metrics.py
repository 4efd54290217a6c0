"""The decisions of release gates, as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ninefold.kube.api import Key
from ninefold.kube.export import one_of
from ninefold.kube.fields import moment
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.gate.status import Decision
from ninefold.release.releasegate.resource import ReleaseGate


class GateMetrics(Collector):
    """Reads the decisions from the statuses, as the API server does to enforce them."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        decision = GaugeMetricFamily(
            "ninefold_gate_decision",
            "1 for the decision of the gate: Allow, Hold, Deny or Unknown. A ClusterReleaseGate has no namespace.",
            labels=("namespace", "gate", "decision"),
        )
        since = GaugeMetricFamily(
            "ninefold_gate_decision_timestamp_seconds",
            "When the decision of the gate last changed, as Unix time.",
            labels=("namespace", "gate"),
        )
        overrides = GaugeMetricFamily(
            "ninefold_gate_overrides",
            "Overrides that let changes pass the ReleaseGate now.",
            labels=("namespace", "gate"),
        )
        workloads = GaugeMetricFamily(
            "ninefold_gate_workloads",
            "Workloads that the ReleaseGate covers.",
            labels=("namespace", "gate"),
        )
        for manifest in (*self._store.all(ReleaseGate.api), *self._store.all(ClusterReleaseGate.api)):
            key, status = Key.of(manifest), manifest.get("status", {})
            one_of(decision, (key.namespace, key.name), get_args(Decision), status.get("decision"))
            if decided := moment(status.get("since")):
                since.add_metric((key.namespace, key.name), decided.timestamp())
            if key.namespace:
                overrides.add_metric((key.namespace, key.name), len(status.get("overrides", ())))
                workloads.add_metric((key.namespace, key.name), status.get("workloads", 0))
        yield from (decision, since, overrides, workloads)
