"""Whoever has the operator's token, and tries to write what the operator never writes."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.installing import stand_in
from tests.processes import wait_for

import devcluster
from devcluster import CommandError
from ninefold.kube.api import ALERTMANAGER_CONFIG, GRAFANA_DASHBOARD, PROMETHEUS_RULE

Manifest = dict[str, Any]
OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
OURS = {"app.kubernetes.io/managed-by": "ninefold"}
ANYTHING = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
SCHEMA = {"type": "object", "properties": {"spec": ANYTHING}}
SECRET = {"name": "database", "key": "password"}


class Thief:
    """Uses the token in one namespace."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str) -> None:
        self._cluster = cluster
        self.namespace = namespace

    def apply(self, kind: str, name: str, labels: dict[str, str] | None = None, **content: Any) -> str:
        """What the API server says; "" if it lets pass."""
        versions = {"ConfigMap": "v1", "ReleaseGate": "ninefold.dev/v1alpha1"}
        apis = {api.kind: api.api_version for api in (ALERTMANAGER_CONFIG, GRAFANA_DASHBOARD, PROMETHEUS_RULE)}
        metadata = {"name": name, "labels": OURS if labels is None else labels}
        body = {"apiVersion": (versions | apis)[kind], "kind": kind, "metadata": metadata, **content}
        return self.run("apply", "--server-side", "--force-conflicts", "--dry-run=server", "-f", "-", body=body)

    def says(self, kind: str, words: str, *, without: str | None = None, **spec: Any) -> bool:
        said = self.apply(kind, "x", spec=spec)
        return words in said and (without is None or without not in said)

    def run(self, *arguments: str, body: object = None) -> str:
        text = json.dumps(body) if body is not None else None
        try:
            self._cluster.kubectl("-n", self.namespace, f"--as={OPERATOR}", *arguments, input=text)
        except CommandError as error:
            return str(error)
        return ""


@pytest.fixture(scope="module")
def thief(bare: devcluster.Cluster, root: Path) -> Thief:
    """After an installation of the base, beside the operators of Prometheus and Grafana."""
    base = yaml.load_all(bare.kubectl("kustomize", str(root / "manifests/base")), yaml.CSafeLoader)
    kept = [manifest for manifest in base if manifest["kind"] not in ("Deployment", "PodDisruptionBudget")]
    crds = [stand_in(api, SCHEMA) for api in (ALERTMANAGER_CONFIG, GRAFANA_DASHBOARD, PROMETHEUS_RULE)]
    bare.kubectl("apply", "--server-side", "-f", "-", input=yaml.safe_dump_all([*kept, *crds]))
    thief = Thief(bare, bare.namespace("theirs"))
    bare.kubectl("-n", thief.namespace, "create", "configmap", "settings", "--from-literal=a=1")
    spec = {"workloads": {"scope": "Namespace"}}
    gate = {"apiVersion": "ninefold.dev/v1alpha1", "kind": "ReleaseGate", "metadata": {"name": "theirs"}, "spec": spec}
    served = ("-n", thief.namespace, "apply", "--server-side", "-f", "-")
    wait_for("gates", lambda: bare.kubectl(*served, input=json.dumps(gate), check=False), 30)
    wait_for("the policy", lambda: "another owner" in thief.apply("ConfigMap", "settings", data={"a": "2"}), 30)
    receiver = {"name": "mine", "webhookConfigs": [{"urlSecret": SECRET}]}
    for kind in ("AlertmanagerConfig", "GrafanaDashboard", "PrometheusRule"):
        wait_for(kind, partial(thief.says, kind, "", without="not found"), 30)
        wait_for(kind, partial(thief.says, kind, "writes into", receivers=[receiver]), 30)
    return thief


MATCH = [{"name": "slo_id", "value": "shop/checkout", "matchType": "="}]
GROUP = {"name": "shop/checkout", "rules": [{"record": "slo:x", "expr": "vector(1)"}]}


@pytest.mark.parametrize(
    ("kind", "ours", "theirs"),
    [
        (
            "AlertmanagerConfig",
            {"inhibitRules": [{"sourceMatch": MATCH, "targetMatch": MATCH}]},
            [
                {"receivers": [{"name": "a", "webhookConfigs": [{"urlSecret": SECRET}]}]},
                {"receivers": [{"name": "a", "slackConfigs": [{"apiURL": SECRET, "channel": "#a"}]}]},
                {"route": {"receiver": "theirs"}},
                {"muteTimeIntervals": [{"name": "always"}]},
            ],
        ),
        (
            "GrafanaDashboard",
            {"instanceSelector": {"matchLabels": {"a": "b"}}, "json": "{}", "folder": "a"},
            [
                {"instanceSelector": {}, "envFrom": [{"secretKeyRef": SECRET}]},
                {"instanceSelector": {}, "envs": [{"name": "A", "valueFrom": {"secretKeyRef": SECRET}}]},
                {"instanceSelector": {}, "url": "https://example.com/board.json"},
                {"instanceSelector": {}, "configMapRef": {"name": "settings", "key": "a"}},
            ],
        ),
        ("PrometheusRule", {"groups": [GROUP]}, [{"groups": [GROUP], "other": {}}]),
    ],
)
def test_objects_of_tools_hold_what_we_write_and_no_more(
    thief: Thief, kind: str, ours: Manifest, theirs: list[Manifest]
) -> None:
    assert thief.apply(kind, "slo-checkout", spec=ours) == ""
    for spec in theirs:
        said = thief.apply(kind, "slo-checkout", spec={**ours, **spec})
        assert f"the operator writes into {kind.lower()}s: spec." in said


def test_config_maps_hold_rules_and_dashboards(thief: Thief) -> None:
    file = f"{thief.namespace}.checkout"
    assert thief.apply("ConfigMap", "slo-checkout-rules", data={f"{file}.rules.yaml": "groups: []"}) == ""
    assert thief.apply("ConfigMap", "dashboard-checkout", data={f"{file}.json": "{}"}) == ""
    told = "the operator writes into configmaps: a rule file named after namespace and objective"
    for name, data in (
        ("coredns", {f"{file}.rules.yaml": ""}),
        ("slo-checkout-rules", {"Corefile": ""}),
        ("slo-checkout-rules", {"bank.ledger.rules.yaml": ""}),
        ("dashboard-checkout", {f"{file}.rules.yaml": ""}),
    ):
        assert told in thief.apply("ConfigMap", name, data=data), (name, data)
    assert told in thief.apply("ConfigMap", "slo-checkout-rules", binaryData={f"{file}.rules.yaml": ""})


def test_gates_of_people_stay_theirs(thief: Thief) -> None:
    """Also those that bear our label: the operator makes gates for ClusterReleaseGates alone."""
    spec = {"workloads": {"scope": "Namespace"}}
    told = "the operator writes into releasegates: gates named cluster."
    assert told in thief.apply("ReleaseGate", "checkout", spec=spec)
    assert thief.apply("ReleaseGate", "cluster.line", spec=spec) == ""


@pytest.mark.parametrize(
    "attempt",
    [
        ("get", "secrets"),
        ("get", "pods"),
        ("create", "rolebinding", "mine", "--clusterrole=admin", "--user=me"),
        ("create", "clusterrolebinding", "mine", "--clusterrole=cluster-admin", "--user=me"),
        ("create", "token", "default"),
        ("delete", "releasegate", "--all"),
        ("delete", "configmap", "settings"),
        ("get", "deployment", "checkout"),
        ("get", "lease", "-n", "kube-system", "kube-scheduler"),
    ],
    ids=" ".join,
)
def test_there_is_no_right_to_more(thief: Thief, attempt: tuple[str, ...]) -> None:
    said = thief.run(*attempt)
    assert "forbidden" in said.lower() or "another owner's object has this name" in said
