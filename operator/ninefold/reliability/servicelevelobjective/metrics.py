"""The metrics of ServiceLevelObjectives and of the Prometheus servers that evaluate them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import get_args

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from ninefold.domain.measurements.measurement import DataState
from ninefold.domain.measurements.sources import PrometheusSources
from ninefold.kube.api import Key
from ninefold.kube.export import one_of
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


class ObjectiveMetrics(Collector):
    """Measurements from the last poll; the data state, rules, agreement and cost from the status."""

    def __init__(self, store: Store, sources: PrometheusSources) -> None:
        self._store = store
        self._sources = sources

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._prometheus()
        yield from self._objectives()

    def _prometheus(self) -> Iterator[GaugeMetricFamily]:
        reachable = GaugeMetricFamily(
            "ninefold_prometheus_reachable",
            "1 if the Prometheus answered the last poll of measurements.",
            labels=("prometheus",),
        )
        answered = GaugeMetricFamily(
            "ninefold_prometheus_last_answer_timestamp_seconds",
            "When the Prometheus last answered a poll of measurements, as Unix time; absent before the first answer.",
            labels=("prometheus",),
        )
        for source in self._sources.all:
            snapshot = source.figures.snapshot
            reachable.add_metric((source.name,), float(snapshot.reachable))
            if snapshot.at is not None:
                answered.add_metric((source.name,), snapshot.at.timestamp())
        yield from (reachable, answered)

    def _objectives(self) -> Iterator[GaugeMetricFamily]:
        left = GaugeMetricFamily(
            "ninefold_slo_budget_left_ratio",
            "The error budget left: 1 untouched, 0 spent, negative overspent; absent if it is not known.",
            labels=("slo_id",),
        )
        state = GaugeMetricFamily(
            "ninefold_slo_data_state",
            "1 for the data state of the objective: Healthy, Idle, Unknown, Broken or Contested.",
            labels=("slo_id", "state"),
        )
        loaded = GaugeMetricFamily(
            "ninefold_slo_rules_loaded",
            "1 if Prometheus evaluates the present rules of the objective; absent if Prometheus does not answer.",
            labels=("slo_id",),
        )
        breached = GaugeMetricFamily(
            "ninefold_slo_agreement_breached",
            "1 while customers get less than the agreement promises, otherwise 0; absent without an agreement.",
            labels=("slo_id",),
        )
        samples = GaugeMetricFamily(
            "ninefold_slo_samples_per_evaluation",
            "The samples that one evaluation of the rules of the objective reads, as in status.cost.",
            labels=("slo_id",),
        )
        snapshot = self._sources.snapshot
        figures = snapshot.by_id if snapshot.fresh(datetime.now(UTC)) else {}
        for manifest in self._store.all(ServiceLevelObjective.api):
            slo_id, status = str(Key.of(manifest)), manifest.get("status", {})
            figure = figures.get(slo_id)
            if figure is not None and figure.budget_left is not None:
                left.add_metric((slo_id,), figure.budget_left)
            one_of(state, (slo_id,), get_args(DataState), status.get("data"))
            if (rules := status.get("rules") or {}).get("loaded") is not None:
                loaded.add_metric((slo_id,), float(rules["loaded"]))
            if agreement := status.get("agreement"):
                breached.add_metric((slo_id,), float(agreement.get("breached", False)))
            if (cost := status.get("cost")) is not None:
                samples.add_metric((slo_id,), cost["samples"])
        yield from (left, state, loaded, breached, samples)
