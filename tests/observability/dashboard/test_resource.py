"""What a Dashboard may say: the same sentence from the model and from the API server."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.builders.dashboard import manifest

import devcluster
from ninefold.kube.crd import crd
from ninefold.kube.errors import Stalled
from ninefold.observability.dashboard.resource import Dashboard

GRAFANA = {"instanceSelector": {"matchLabels": {"grafana": "shop"}}}

WRONG: list[tuple[dict[str, Any], str]] = [
    ({}, "set exactly one of service or fleet"),
    ({"service": "checkout", "fleet": {}}, "set exactly one of service or fleet"),
    ({"service": "check out"}, "write at most 63 letters, digits, '-', '_' or '.'"),
    ({"service": "checkout", "objectives": {"service": "cart"}}, "leave out objectives.service: spec.service already"),
    ({"fleet": {}, "objectives": {}}, "set exactly one of service, names or matchLabels"),
    ({"fleet": {}, "objectives": {"names": ["A"]}}, "write the name of an object"),
    ({"fleet": {}, "delivery": {}}, "set exactly one of configMap or grafanaDashboard"),
    (
        {"fleet": {}, "delivery": {"configMap": {}, "grafanaDashboard": GRAFANA}},
        "set exactly one of configMap or grafanaDashboard",
    ),
    ({"fleet": {}, "delivery": {"configMap": {"labels": {"a b": "1"}}}}, "write the keys of labels, such as grafana_"),
    (
        {"fleet": {}, "delivery": {"configMap": {"labels": {"a..b/c": "1"}}}},
        "write the keys of labels, such as grafana_",
    ),
    (
        {"fleet": {}, "delivery": {"configMap": {"labels": {"app.kubernetes.io/managed-by": "me"}}}},
        "choose other labels: app.kubernetes.io/managed-by and those of ninefold.dev are written by Ninefold",
    ),
    (
        {"fleet": {}, "delivery": {"configMap": {"labels": {"ninefold.dev/rules": "true"}}}},
        "choose other labels: app.kubernetes.io/managed-by and those of ninefold.dev are written by Ninefold",
    ),
    (
        {"fleet": {}, "delivery": {"configMap": {"folder": "SRE", "folderAnnotation": "grafana folder"}}},
        "write the key of an annotation, such as grafana_folder",
    ),
]

RIGHT: list[dict[str, Any]] = [
    {"service": "checkout"},
    {"fleet": {}, "title": "Everything", "datasource": "Thanos (eu)", "suspend": True},
    {"service": "checkout", "objectives": {"names": ["a", "b.c"]}},
    {"fleet": {}, "objectives": {"service": "checkout"}},
    {"service": "checkout", "objectives": {"matchLabels": {"app.kubernetes.io/part-of": "shop"}}},
    {"fleet": {}, "delivery": {"configMap": {"labels": {"example.com/board": "1"}, "folder": "SRE / shop"}}},
    {"fleet": {}, "delivery": {"configMap": {"folder": "x", "folderAnnotation": "k8s-sidecar-target-directory"}}},
    {"fleet": {}, "delivery": {"grafanaDashboard": {**GRAFANA, "folder": "x", "allowCrossNamespaceImport": True}}},
]


@pytest.fixture(scope="module")
def served(cluster: devcluster.Cluster) -> devcluster.Cluster:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(Dashboard)))
    cluster.kubectl("wait", "--for=condition=Established", "crd/dashboards.ninefold.dev")
    return cluster


def create(cluster: devcluster.Cluster, namespace: str, spec: dict[str, Any], *options: str) -> str:
    made = {**manifest(**spec), "metadata": {"name": "tried", "namespace": namespace}}
    return cluster.kubectl("create", "--validate=strict", "-o", "json", *options, "-f", "-", input=json.dumps(made))


@pytest.mark.parametrize(("spec", "sentence"), WRONG)
def test_the_model_refuses_it(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as refused:
        Dashboard.parse(manifest(**spec), strict=True)
    assert sentence in refused.value.message


def test_the_api_server_refuses_what_the_model_refuses(served: devcluster.Cluster, namespace: str) -> None:
    for spec, sentence in WRONG:
        with pytest.raises(devcluster.CommandError) as refused:
            create(served, namespace, spec, "--dry-run=server")
        assert sentence in str(refused.value), spec


def test_both_take_what_is_right(served: devcluster.Cluster, namespace: str) -> None:
    for spec in RIGHT:
        accepted = json.loads(create(served, namespace, spec, "--dry-run=server"))
        assert accepted["spec"] == spec, "nothing is written into what a user wrote"
        assert Dashboard.parse(accepted, strict=False).spec == Dashboard.parse(manifest(**spec), strict=True).spec


def test_the_selector_of_instances_stays_as_it_is(served: devcluster.Cluster, namespace: str) -> None:
    create(served, namespace, {"fleet": {}, "delivery": {"grafanaDashboard": GRAFANA}})

    def patch(delivery: dict[str, Any]) -> str:
        body = json.dumps({"spec": {"delivery": delivery}})
        return served.kubectl("-n", namespace, "patch", "dash", "tried", "--type=merge", "-p", body)

    with pytest.raises(devcluster.CommandError) as refused:
        patch({"grafanaDashboard": {"instanceSelector": {"matchLabels": {"grafana": "other"}}}})
    assert "grafana-operator accepts no change of instanceSelector: delete this Dashboard" in str(refused.value)
    patch({"grafanaDashboard": {"folder": "elsewhere"}})
    patch({"grafanaDashboard": None, "configMap": {}})


def test_its_columns_show_what_it_is_about(served: devcluster.Cluster, namespace: str) -> None:
    create(served, namespace, {"service": "checkout"})
    status = json.dumps({"status": {"objectives": 3, "uid": "ninefold-1"}})
    patch = ("patch", "dash", "tried", "--subresource=status", "--type=merge", "-p", status)
    served.kubectl("-n", namespace, *patch)
    head, row = served.kubectl("-n", namespace, "get", "dashboards").strip().splitlines()
    assert head.split()[:4] == ["NAME", "SERVICE", "OBJECTIVES", "UID"]
    assert row.split()[:4] == ["tried", "checkout", "3", "ninefold-1"]
