"""What error budget policies say, as metrics."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ninefold.kube.api import Key
from ninefold.kube.export import one_of
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, State


class PolicyMetrics(Collector):
    """States as they stand in the statuses."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[GaugeMetricFamily]:
        state = GaugeMetricFamily(
            "ninefold_policy_state",
            "1 for the state of the ErrorBudgetPolicy: Healthy, Caution, Exhausted or Unknown.",
            labels=("namespace", "policy", "state"),
        )
        for manifest in self._store.all(ErrorBudgetPolicy.api):
            key = Key.of(manifest)
            one_of(state, (key.namespace, key.name), get_args(State), manifest.get("status", {}).get("state"))
        yield state
