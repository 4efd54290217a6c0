"""Dashboards in a cluster: made, kept, repaired, delivered either way, through a crash."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

import devcluster
from tests.e2e.objects import Objects, dashboard, objective
from tests.faultproxy import Answer, FaultProxy, Request
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]

SELECTOR = {"matchLabels": {"dashboards": "grafana"}}


def shown(objects: Objects, name: str) -> str:
    """The JSON of a dashboard's ConfigMap; empty while there is none."""
    items = objects.all("configmaps")
    texts = [item["data"].popitem()[1] for item in items if item["metadata"]["name"] == f"dashboard-{name}"]
    return str(texts[0]) if texts else ""


def rows(text: str) -> list[str]:
    return [panel["title"].partition(":")[0] for panel in json.loads(text)["panels"] if panel["type"] == "row"]


def test_it_follows_its_objectives_and_writes_nothing_more(
    objects: Objects, start_operator: Start, proxy: FaultProxy
) -> None:
    start_operator()
    objects.apply(dashboard("web", service="web"), dashboard("all", fleet={}))
    objects.wait_condition("dash", "web", {"NoObjectives"})
    assert json.loads(shown(objects, "web"))["title"] == f"web in {objects.namespace}: service levels"

    objects.apply(objective("a", service="web"), objective("b", service="web"), objective("c", service="other"))
    wait_for("a row for each objective", lambda: rows(shown(objects, "web")) == ["a", "b"])
    objects.wait_condition("dash", "web", {"True"})
    wait_for("both to be counted", lambda: objects.status("dash", "web")["objectives"] == 2)
    wait_for("the fleet to count them", lambda: objects.status("dash", "all").get("objectives") == 3)
    assert json.loads(shown(objects, "web"))["uid"] in shown(objects, "all"), "a fleet leads to its services"

    version = objects.get("configmap", "dashboard-web")["metadata"]
    before = len(proxy.requests)
    objects.kubectl("annotate", "dash", "web", "ninefold.dev/reconcile=now")
    wait_for("the look", lambda: objects.status("dash", "web").get("lastHandledReconcileAt") == "now")
    written = [request.path for request in proxy.writes(since=before) if "configmaps/dashboard" in request.path]
    assert written == []
    after = objects.get("configmap", "dashboard-web")["metadata"]
    assert after["resourceVersion"] == version["resourceVersion"]

    objects.kubectl("delete", "slo", "b")
    wait_for("its row to go", lambda: rows(shown(objects, "web")) == ["a"])
    objects.kubectl("delete", "configmap", "dashboard-web")
    wait_for("the ConfigMap to be back", lambda: shown(objects, "web"))
    objects.kubectl("delete", "dash", "web")
    wait_for("the ConfigMap to go with it", lambda: not shown(objects, "web"))
    assert shown(objects, "all")


def test_killed_between_writing_the_dashboard_and_the_status(
    objects: Objects, start_operator: Start, proxy: FaultProxy
) -> None:
    operator = start_operator()

    def die(request: Request) -> Answer | None:
        if request.path.endswith("/dashboards/web/status") and operator.running:
            operator.kill()
            return Answer(500, "InternalError")
        return None

    with proxy.fault(die):
        objects.apply(objective("a", service="web"), dashboard("web", service="web"))
        wait_for("the operator to be killed", lambda: not operator.running)
    text = shown(objects, "web")
    assert rows(text) in (["a"], [])
    assert objects.status("dash", "web") == {"observedGeneration": -1}
    start_operator()
    objects.wait_condition("dash", "web", {"True"}, 40)
    assert rows(shown(objects, "web")) == ["a"]
    assert [one["name"] for one in objects.status("dash", "web")["inventory"]] == ["dashboard-web"]


def test_suspended_it_stays_as_it_is(objects: Objects, start_operator: Start) -> None:
    start_operator()
    objects.apply(objective("a", service="web"), dashboard("web", service="web"))
    wait_for("the dashboard", lambda: rows(shown(objects, "web") or '{"panels": []}') == ["a"])
    objects.apply(dashboard("web", service="web", suspend=True))
    objects.wait_condition("dash", "web", {"Suspended"})
    objects.apply(objective("b", service="web"))
    objects.wait_condition("slo", "b", {"RulesNotLoaded", "RulesLoaded"})
    assert rows(shown(objects, "web")) == ["a"]
    objects.apply(dashboard("web", service="web"))
    wait_for("the dashboard to go on", lambda: rows(shown(objects, "web")) == ["a", "b"])


def test_somebody_elses_object_of_that_name_is_left_alone(objects: Objects, start_operator: Start) -> None:
    start_operator()
    objects.kubectl("create", "configmap", "dashboard-web", "--from-literal=mine=yes")
    objects.apply(objective("a", service="web"), dashboard("web", service="web"))
    objects.wait_condition("dash", "web", {"NameTaken"})
    assert shown(objects, "web") == "yes"


@pytest.fixture
def grafana_operator(cluster: devcluster.Cluster) -> Iterator[Callable[[], None]]:
    """Installs the kind of grafana-operator, as far as we write it: the operator itself cannot be had here."""

    def install() -> None:
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(GRAFANA_DASHBOARDS))
        cluster.kubectl("wait", "--for=condition=Established", "crd/grafanadashboards.grafana.integreatly.org")

    yield install
    cluster.kubectl("delete", "crd", "grafanadashboards.grafana.integreatly.org", "--ignore-not-found")


def test_without_grafana_operator_it_says_so_and_goes_on_once_it_is_there(
    objects: Objects, start_operator: Start, grafana_operator: Callable[[], None]
) -> None:
    start_operator("--sweep-interval=5s")
    delivery = {"grafanaDashboard": {"instanceSelector": SELECTOR, "folder": "SRE"}}
    objects.apply(objective("a", service="web"), dashboard("web", service="web"))
    wait_for("the ConfigMap", lambda: shown(objects, "web"))
    objects.apply(dashboard("web", service="web", delivery=delivery))
    objects.wait_condition("dash", "web", {"NoGrafanaOperator"})
    assert objects.condition("dash", "web", "Stalled")[0] == "True"
    assert shown(objects, "web"), "what Grafana has already stays"

    grafana_operator()
    objects.wait_condition("dash", "web", {"True"}, 100)
    made = objects.get("grafanadashboards", "dashboard-web")
    assert rows(made["spec"]["json"]) == ["a"]
    assert made["spec"]["instanceSelector"] == SELECTOR
    assert made["spec"]["resyncPeriod"] == "10m0s", "a default of the far side is left alone"
    wait_for("the ConfigMap to go", lambda: not shown(objects, "web"))

    version = made["metadata"]["resourceVersion"]
    objects.kubectl("annotate", "dash", "web", "ninefold.dev/reconcile=now")
    wait_for("the look", lambda: objects.status("dash", "web").get("lastHandledReconcileAt") == "now")
    assert objects.get("grafanadashboards", "dashboard-web")["metadata"]["resourceVersion"] == version


_TEXT = {"type": "string"}
_LABELS = {"type": "object", "additionalProperties": _TEXT}
_SPEC = {
    "type": "object",
    "required": ["instanceSelector"],
    "properties": {
        "instanceSelector": {
            "type": "object",
            "properties": {"matchLabels": _LABELS},
            "x-kubernetes-map-type": "atomic",
            "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "spec.instanceSelector is immutable"}],
        },
        "allowCrossNamespaceImport": {"type": "boolean"},
        "folder": _TEXT,
        "json": _TEXT,
        "resyncPeriod": {"type": "string", "default": "10m0s"},
    },
}
GRAFANA_DASHBOARDS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "grafanadashboards.grafana.integreatly.org"},
    "spec": {
        "group": "grafana.integreatly.org",
        "names": {"kind": "GrafanaDashboard", "plural": "grafanadashboards"},
        "scope": "Namespaced",
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _SPEC}}},
            }
        ],
    },
}
"""The fields of grafana-operator's CRD that we write, with its rule and its default."""
