"""The product's metrics: read from the store and the figures at the moment of the scrape."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prometheus_client import CollectorRegistry

from ninefold.cli.run.collectors import collectors
from ninefold.domain.measurements.measurement import FRESH, Measurement, Snapshot
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kube.api import Api
from ninefold.kube.store import Store
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

SLO, POLICY, GATE = ServiceLevelObjective.api, ErrorBudgetPolicy.api, ReleaseGate.api


class Page:
    """What /metrics shows of a store and a snapshot."""

    def __init__(self, snapshot: Snapshot | None = None) -> None:
        self.store = Store()
        prometheus = Prometheus(ConnectionOptions("http://127.0.0.1:1"))
        figures = MeasurementPoller(prometheus)
        figures._snapshot = snapshot or Snapshot()
        self._registry = CollectorRegistry()
        for collector in collectors(self.store, PrometheusSources([PrometheusSource(prometheus, figures)])):
            self._registry.register(collector)

    def put(self, api: Api, name: str, status: dict[str, Any], ready: tuple[str, str] | None = None) -> None:
        conditions = [{"type": "Ready", "status": ready[0], "reason": ready[1]}] if ready else []
        metadata = {"namespace": "shop", "name": name, "resourceVersion": "1"}
        self.store.put(api, {"metadata": metadata, "spec": {}, "status": {**status, "conditions": conditions}})

    def value(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, labels)

    def states(self, name: str, label: str) -> dict[str, float]:
        samples = (sample for family in self._registry.collect() for sample in family.samples if sample.name == name)
        return {sample.labels[label]: sample.value for sample in samples}


def test_a_budget_is_shown_while_it_is_known() -> None:
    now = datetime.now(UTC)
    figure = Measurement(budget_left=-0.25)
    for age, shown in ((timedelta(0), -0.25), (FRESH, None)):
        page = Page(Snapshot(at=now - age, reachable=True, by_id={"shop/a": figure, "shop/deleted": figure}))
        page.put(SLO, "a", {"data": "Healthy"})
        assert page.value("ninefold_slo_budget_left_ratio", slo_id="shop/a") == shown
        assert page.value("ninefold_slo_budget_left_ratio", slo_id="shop/deleted") is None
        assert (
            page.value("ninefold_prometheus_last_answer_timestamp_seconds", prometheus="default")
            == (now - age).timestamp()
        )


def test_each_state_is_a_series() -> None:
    page = Page()
    page.put(SLO, "a", {"data": "Broken", "rules": {"loaded": False}, "agreement": {"breached": True}})
    page.put(POLICY, "a", {"state": "Caution"})
    page.put(GATE, "a", {"decision": "Hold", "since": "2026-11-23T18:00:00Z"})
    others = dict.fromkeys(("Healthy", "Idle", "Unknown", "Contested"), 0)
    assert page.states("ninefold_slo_data_state", "state") == {**others, "Broken": 1}
    states = {"Healthy": 0, "Caution": 1, "Exhausted": 0, "Exempt": 0, "Unknown": 0}
    assert page.states("ninefold_policy_state", "state") == states
    assert page.states("ninefold_gate_decision", "decision") == {"Allow": 0, "Hold": 1, "Deny": 0, "Unknown": 0}
    assert page.value("ninefold_slo_rules_loaded", slo_id="shop/a") == 0
    assert page.value("ninefold_slo_agreement_breached", slo_id="shop/a") == 1
    since = page.value("ninefold_gate_decision_timestamp_seconds", namespace="shop", gate="a")
    assert since == datetime(2026, 11, 23, 18, tzinfo=UTC).timestamp()


def test_a_policy_counts_its_changes_and_tells_pace_and_exhaustion() -> None:
    page = Page()
    labels = {"namespace": "shop", "policy": "a"}
    totals = [{"state": "Healthy", "entered": 2, "seconds": 86_400}, {"state": "Exhausted", "entered": 1, "seconds": 0}]
    objectives = [
        {"name": "a", "exhaustion": {"earliest": "1h6m", "latest": "never"}},
        {"name": "b", "exhaustion": {"earliest": "20h", "latest": "3d"}},
        {"name": "c"},
    ]
    since = "2026-11-23T18:00:00Z"
    page.put(
        POLICY,
        "a",
        {"state": "Exhausted", "since": since, "totals": totals, "objectives": objectives, "pace": "25"},
    )
    assert page.states("ninefold_policy_transitions_total", "state") == {"Healthy": 2, "Exhausted": 1}
    assert page.states("ninefold_policy_state_seconds_total", "state") == {"Healthy": 86_400, "Exhausted": 0}
    assert page.states("ninefold_policy_exhaustion_seconds", "bound") == {"earliest": 3_960, "latest": 259_200}
    assert page.value("ninefold_policy_pace_ratio", **labels) == 0.25
    changed = page.value("ninefold_policy_state_timestamp_seconds", **labels)
    assert changed == datetime(2026, 11, 23, 18, tzinfo=UTC).timestamp()
    page.put(POLICY, "new", {"state": "Healthy"})
    assert page.value("ninefold_policy_pace_ratio", namespace="shop", policy="new") == 1


def test_objects_are_counted_by_what_ready_says() -> None:
    page = Page()
    page.put(SLO, "a", {}, ready=("True", "RulesLoaded"))
    page.put(SLO, "b", {}, ready=("True", "RulesLoaded"))
    page.put(SLO, "c", {}, ready=("False", "InvalidPromQL"))
    page.put(GATE, "new", {})
    kind = "ServiceLevelObjective"
    assert page.value("ninefold_resources", kind=kind, ready="True", reason="RulesLoaded") == 2
    assert page.value("ninefold_resources", kind=kind, ready="False", reason="InvalidPromQL") == 1
    assert page.value("ninefold_resources", kind="ReleaseGate", ready="", reason="") == 1


def test_before_anything_is_known() -> None:
    page = Page()
    assert page.value("ninefold_prometheus_reachable", prometheus="default") == 0
    assert page.value("ninefold_prometheus_last_answer_timestamp_seconds", prometheus="default") is None
    assert page.states("ninefold_slo_data_state", "state") == {}
