"""From a Dashboard and the objectives of its namespace to one object and a status."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.dashboard import dashboard, manifest
from tests.observability.dashboard.boards import board, json_of, names, objectives, observed, slo
from tests.observability.dashboard.boards import queries as asked_by

from ninefold.kube.api import GRAFANA_DASHBOARD, Key
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.observability.dashboard.objective import by_service, chosen, uid
from ninefold.observability.dashboard.plan import Observed, plan
from ninefold.observability.dashboard.resource import Dashboard, DashboardStatus
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRAFANA = {"grafanaDashboard": {"instanceSelector": {"matchLabels": {"grafana": "shop"}}}}


def planned(wanted: Dashboard, *slos: dict[str, Any], **more: Any) -> Plan[DashboardStatus]:
    return plan(wanted, replace(observed(*objectives(*slos)), **more), NOW)


def test_a_config_map_that_the_sidecar_finds() -> None:
    result = planned(dashboard(service="checkout"), slo("availability"))
    (child,) = result.children
    assert child["kind"] == "ConfigMap"
    assert child["metadata"] == {
        "name": "dashboard-checkout",
        "namespace": "shop",
        "labels": {"grafana_dashboard": "1"},
    }
    assert list(child["data"]) == ["shop.checkout.json"], "the sidecar puts the files of all namespaces together"
    assert json_of(child)["title"] == "checkout in shop: service levels"
    assert (result.ready.status, result.ready.reason) == ("True", "Written")
    assert result.ready.message == "ConfigMap/dashboard-checkout shows 1 objective."
    assert (result.status.objectives, result.status.uid) == (1, "ninefold-1dfc2ea56f23fbee")
    assert json_of(child)["uid"] == result.status.uid
    assert result.due is None, "nothing changes by itself"


def test_a_folder_is_an_annotation() -> None:
    delivery = {"configMap": {"labels": {"board": "yes"}, "folder": "SRE", "folderAnnotation": "example.com/folder"}}
    (child,) = planned(dashboard(fleet={}, delivery=delivery), slo("a")).children
    assert child["metadata"]["labels"] == {"board": "yes"}
    assert child["metadata"]["annotations"] == {"example.com/folder": "SRE"}


def test_an_object_for_grafana_operator() -> None:
    (child,) = planned(dashboard(fleet={}, title="All", delivery=GRAFANA), slo("a")).children
    assert (child["apiVersion"], child["kind"]) == ("grafana.integreatly.org/v1beta1", "GrafanaDashboard")
    assert set(child["spec"]) == {"instanceSelector", "json"}
    assert child["spec"]["instanceSelector"] == {"matchLabels": {"grafana": "shop"}}
    assert json_of(child)["title"] == "All"
    more = {"grafanaDashboard": {**GRAFANA["grafanaDashboard"], "folder": "SRE", "allowCrossNamespaceImport": True}}
    (child,) = planned(dashboard(fleet={}, delivery=more), slo("a")).children
    assert child["spec"]["folder"] == "SRE"
    assert child["spec"]["allowCrossNamespaceImport"] is True


def test_without_grafana_operator_the_sentence_says_what_to_do() -> None:
    with pytest.raises(Stalled) as stalled:
        planned(dashboard(fleet={}, delivery=GRAFANA), slo("a"), takes_grafana_dashboards=False)
    assert stalled.value.reason == "NoGrafanaOperator"
    assert "install grafana-operator, or use spec.delivery.configMap" in stalled.value.message
    assert planned(dashboard(fleet={}), slo("a"), takes_grafana_dashboards=False).ready.status == "True"


@pytest.mark.parametrize(
    ("spec", "slos", "reason", "words"),
    [
        (
            {"service": "checkout"},
            [],
            "NoObjectives",
            "service checkout of this namespace has no ServiceLevelObjective",
        ),
        ({"service": "checkout"}, [], "NoObjectives", "create one, or change spec.service"),
        ({"fleet": {}}, [], "NoObjectives", "ConfigMap/dashboard-checkout is empty: this namespace has no"),
        ({"fleet": {}, "objectives": {"names": ["a", "b"]}}, ["a"], "ObjectiveMissing", "does not show b"),
        (
            {"service": "x", "objectives": {"names": ["b", "a"]}},
            [],
            "ObjectiveMissing",
            "does not show a: service x of",
        ),
    ],
)
def test_what_is_missing_is_named_and_the_dashboard_is_there_all_the_same(
    spec: dict[str, Any], slos: list[str], reason: str, words: str
) -> None:
    result = planned(dashboard(**spec), *map(slo, slos))
    assert (result.ready.status, result.ready.reason) == ("False", reason)
    assert words in result.ready.message
    assert len(result.children) == 1


def test_a_name_too_long_for_its_object() -> None:
    assert planned(dashboard("n" * 240, fleet={}), slo("a")).children
    with pytest.raises(Stalled, match=r"^metadata\.name: choose a shorter name$"):
        planned(dashboard("n" * 245, fleet={}), slo("a"))


def test_a_dashboard_that_no_object_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.observability.dashboard.delivery.LARGEST", 1000)
    with pytest.raises(Stalled) as stalled:
        planned(dashboard(fleet={}), slo("a"))
    assert stalled.value.reason == "TooLarge"
    assert stalled.value.message.startswith("spec.objectives: the dashboard is ")


SHOP = [
    slo("availability", labels={"tier": "1"}),
    slo("latency"),
    slo("cart", service="cart", labels={"tier": "1"}),
    slo("availability", namespace="elsewhere"),
]


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"service": "checkout"}, ["availability", "latency"]),
        ({"service": "none"}, []),
        ({"fleet": {}}, ["availability", "cart", "latency"]),
        ({"service": "checkout", "objectives": {"names": ["latency", "cart"]}}, ["latency"]),
        ({"fleet": {}, "objectives": {"matchLabels": {"tier": "1"}}}, ["availability", "cart"]),
        ({"fleet": {}, "objectives": {"service": "cart"}}, ["cart"]),
    ],
)
def test_it_shows_what_is_selected_in_its_namespace(spec: dict[str, Any], expected: list[str]) -> None:
    found = chosen(dashboard(**spec), SHOP)
    assert [one["metadata"]["name"] for one in found] == expected
    assert {one["metadata"]["namespace"] for one in found} <= {"shop"}


@given(st.text("abc-.", min_size=1, max_size=253), st.text("abc-", min_size=1, max_size=63))
def test_every_name_has_an_address_that_grafana_takes(name: str, namespace: str) -> None:
    address = uid(Key(namespace, name))
    assert 8 <= len(address) <= 40
    assert set(address) <= set("abcdefghijklmnopqrstuvwxyz0123456789-")
    assert address != uid(Key(namespace, f"{name}a"))


def test_a_fleet_leads_to_the_first_dashboard_of_each_service() -> None:
    boards = [
        manifest("z", service="checkout"),
        manifest("a", service="checkout"),
        manifest("cart", service="cart"),
        manifest("all", fleet={}),
        {**manifest("b", service="pay"), "metadata": {"name": "b", "namespace": "elsewhere"}},
    ]
    assert by_service(boards, "shop") == {"checkout": uid(Key("shop", "a")), "cart": uid(Key("shop", "cart"))}


@given(st.sets(st.sampled_from(names(30))))
def test_every_objective_is_asked_for_and_no_other(shown: set[str]) -> None:
    found = board(dashboard(service="checkout"), *objectives(*(slo(name) for name in sorted(shown))))
    exprs = " ".join(asked.expr for asked in asked_by(found))
    for name in names(30):
        assert (f"shop/{name}" in exprs) is (name in shown)


class TestObserve:
    """What the controller reads from the store."""

    @pytest.fixture
    def store(self) -> Store:
        store = Store()
        for version, one in enumerate(SHOP, 1):
            made = {**one, "metadata": {**one["metadata"], "resourceVersion": str(version)}}
            store.put(ServiceLevelObjective.api, made)
        for name, spec in (("checkout", {"service": "checkout"}), ("all", {"fleet": {}})):
            made = manifest(name, **spec)
            made["metadata"]["resourceVersion"] = "1"
            store.put(Dashboard.api, made)
        return store

    def observe(self, store: Store, **spec: Any) -> Observed:
        return asyncio.run(DashboardController(tiers).observe(dashboard(**spec), store, NOW))

    def test_objectives_links_and_what_the_cluster_serves(self, store: Store) -> None:
        seen = self.observe(store, service="checkout")
        assert [objective.name for objective in seen.objectives] == list(seen.names) == ["availability", "latency"]
        assert [len(objective.tiers) for objective in seen.objectives] == [4, 4]
        assert not seen.takes_grafana_dashboards
        seen = self.observe(store, fleet={})
        assert list(seen.names) == ["availability", "cart", "latency"]
        assert seen.links == {"checkout": uid(Key("shop", "checkout"))}
        store.serve(GRAFANA_DASHBOARD, True)
        assert self.observe(store, fleet={}).takes_grafana_dashboards

    def test_an_objective_without_possible_alerts_is_shown_without_them(self, store: Store) -> None:
        never = [{"burnRate": "5000", "long": "1h", "short": "5m", "severity": "Page"}]
        made = slo("never", alerting={"tiers": never})
        made["metadata"]["resourceVersion"] = "9"
        store.put(ServiceLevelObjective.api, made)
        unreadable = {
            "metadata": {"name": "z", "namespace": "shop", "resourceVersion": "9"},
            "spec": {"service": "checkout"},
        }
        store.put(ServiceLevelObjective.api, unreadable)
        by_name = {objective.name: objective for objective in self.observe(store, service="checkout").objectives}
        assert by_name["never"].tiers == ()
        assert "z" not in by_name, "it is Stalled itself"

    def test_only_what_people_write_into_an_objective_wakes_dashboards(self, store: Store) -> None:
        """Its figures move often; whoever may show it now or has shown it before is looked at when it is edited."""
        of_objective, of_number, of_dashboard = DashboardController.watches
        before = slo("availability", service="checkout")
        measured = {**before, "status": {"observedGeneration": 1, "burn": {"1h": "22x"}}}
        assert list(of_objective.concerns(before, measured, store)) == []
        moved = slo("availability", service="cart")
        labelled = {**before, "metadata": {**before["metadata"], "labels": {"tier": "1"}}}
        for old, new in ((before, moved), (moved, before), (before, labelled), (None, before), (before, None)):
            assert {key.name for key in of_objective.concerns(old, new, store)} == {"checkout"}
            assert {key.name for key in of_number.concerns(old, new, store)} == (set() if old and new else {"all"})
        elsewhere = slo("availability", "elsewhere")
        assert list(of_objective.concerns(None, elsewhere, store)) == []

        one = manifest("checkout", service="checkout")
        assert [key.name for key in of_dashboard.concerns(None, one, store)] == ["all"]
        assert [key.name for key in of_dashboard.concerns(one, None, store)] == ["all"]
        shown = {**one, "status": {"objectives": 2}}
        assert list(of_dashboard.concerns(one, shown, store)) == []
