"""The operator does its work with the rights that the manifests give it, and with no other."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.processes import OperatorProcess, wait_for

import devcluster
from ninefold.kinds import MODELS
from ninefold.kube.rbac import LEASE_NAME

OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
GROUPS = ("system:serviceaccounts", "system:serviceaccounts:ninefold-system", "system:authenticated")

SLO = {
    "kind": "ServiceLevelObjective",
    "spec": {
        "service": "checkout",
        "objective": "99.9",
        "window": {"rolling": "1h"},
        "indicator": {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}},
    },
}
POLICY = {
    "kind": "ErrorBudgetPolicy",
    "spec": {
        "objectives": {"service": "checkout"},
        "rules": [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}],
    },
}
GATE = {
    "kind": "ReleaseGate",
    "spec": {
        "workloads": {"matchLabels": {"app": "checkout"}},
        "sources": [{"errorBudgetPolicy": "it"}],
        "records": {"keep": 1},
    },
}


CORRECTION = {
    "kind": "Correction",
    "spec": {
        "objectives": {"service": "checkout"},
        "reason": "upkeep",
        "category": "Maintenance",
        "recurring": {
            "rrule": "FREQ=MONTHLY;BYDAY=1SU",
            "start": "2026-11-01T02:00",
            "duration": "2h",
            "timeZone": "Europe/Paris",
        },
    },
}
DASHBOARD = {"kind": "Dashboard", "spec": {"service": "checkout", "delivery": {"configMap": {}}}}
OVERRIDE = {"gate": "it", "reason": "hotfix", "until": "2026-01-01T00:00:00Z"}


@pytest.fixture
def operator(cluster: devcluster.Cluster, root: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    """The operator as its own service account, after an installation of the base."""
    cluster.kubectl("apply", "--server-side", "-k", str(root / "manifests/base"))
    kubeconfig = cluster.kubeconfig_for(OPERATOR, GROUPS)
    command = [
        "-m",
        "ninefold",
        "run",
        "--leader-elect",
        "--poll-interval=1s",
        f"--prometheus-url={cluster.prometheus.url}",
    ]
    with OperatorProcess(command, kubeconfig, tmp_path / "operator.log") as process:
        yield process


def test_the_operator_is_refused_nothing(
    operator: OperatorProcess, cluster: devcluster.Cluster, namespace: str
) -> None:
    def get(*arguments: str) -> str:
        return cluster.kubectl("-n", namespace, "get", *arguments)

    def looked_at(kind: str) -> bool:
        status = json.loads(get(kind, "it", "-o", "json"))["status"]
        return any(condition["type"] == "Ready" for condition in status.get("conditions", ()))

    def only_record_is(number: str) -> bool:
        return get("releases", "-o", "jsonpath={.items[*].spec.sequence}") == number

    me = cluster.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
    override = {"kind": "Override", "spec": {**OVERRIDE, "by": me}}
    for manifest in (SLO, POLICY, GATE, CORRECTION, DASHBOARD, override):
        whole = {"apiVersion": "ninefold.dev/v1alpha1", "metadata": {"name": "it", "namespace": namespace}, **manifest}
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(whole))
    for kind in ("servicelevelobjective", "errorbudgetpolicy", "releasegate", "correction", "dashboard", "override"):
        wait_for(f"a status of the {kind}", partial(looked_at, kind), 30)
    (rules,) = get("configmaps", "-l", "ninefold.dev/rules=true", "-o", "name").split()
    cluster.kubectl("-n", namespace, "delete", rules)
    wait_for("the rules again", lambda: get(rules, "--ignore-not-found"), 30)
    for number in ("1", "2"):
        cluster.kubectl("-n", namespace, "apply", "--server-side", "-f", "-", input=json.dumps(deployment(number)))
        wait_for(f"record {number} alone", partial(only_record_is, number), 30)
    keep_a_gate(cluster, namespace)
    wait_for("events", lambda: "/it." in get("events", "-o", "name"), 30)
    assert cluster.kubectl("-n", "ninefold-system", "get", "lease", LEASE_NAME, "-o", "jsonpath={.spec.holderIdentity}")

    assert refusals(cluster.audit_log) == []
    assert unused(cluster) == []


def keep_a_gate(cluster: devcluster.Cluster, namespace: str) -> None:
    """Have a ClusterReleaseGate make a gate, put it right and take it away."""

    def mode() -> str:
        path = "jsonpath={.items[*].spec.mode}"
        return cluster.kubectl("-n", namespace, "get", "releasegates", "-l", "app.kubernetes.io/managed-by", "-o", path)

    spec = {"namespaces": {"matchLabels": {"kept": namespace}}}
    api, name = "ninefold.dev/v1alpha1", f"all-{namespace}"
    line = {"apiVersion": api, "kind": "ClusterReleaseGate", "metadata": {"name": name}, "spec": spec}
    try:
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(line))
        cluster.kubectl("label", "namespace", namespace, f"kept={namespace}")
        wait_for("a gate that is kept", lambda: mode() == "Enforce", 30)
        audit = ("--type=merge", "-p", '{"spec": {"mode": "Audit"}}')
        cluster.kubectl("-n", namespace, "patch", "releasegate", f"cluster.{name}", *audit)
        wait_for("it to be put right", lambda: mode() == "Enforce", 30)
        cluster.kubectl("label", "namespace", namespace, "kept-")
        wait_for("it to go", lambda: mode() == "", 30)
    finally:
        cluster.kubectl("delete", "clusterreleasegate", name)


def deployment(tag: str) -> dict[str, object]:
    labels = {"app": "checkout"}
    pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": f"checkout:{tag}"}]}}
    spec = {"selector": {"matchLabels": labels}, "template": pods}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "it"}, "spec": spec}


UNSEEN = {
    ("create", "configmaps"): "what is applied anew takes it, and the log calls it patch",
    ("patch", "events"): "what happens again is counted",
    ("get", "events"): "what happens again is counted",
    ("delete", "configmaps"): "what a plan no longer holds is pruned",
}
"""Rights that the drill does not show, and why they are needed."""
_ELSEWHERE = ("alertmanagerconfigs", "grafanadashboards", "prometheusrules", "rollouts")
"""Kinds that this cluster does not serve."""


def unused(cluster: devcluster.Cluster) -> list[str]:
    """The rights that no request of the operator needed, as "verb resource"."""
    role = json.loads(cluster.kubectl("get", "clusterrole", "ninefold-operator", "-o", "json"))
    granted = {(verb, name) for rule in role["rules"] for name in rule["resources"] for verb in rule["verbs"]}
    used = {
        (event["verb"], "/".join(filter(None, (ref["resource"], ref.get("subresource")))))
        for event in map(json.loads, cluster.audit_log.read_text().splitlines())
        if event["user"]["username"] == OPERATOR and (ref := event.get("objectRef"))
    }
    # Owning children takes it only where the API server is told to ask (OwnerReferencesPermissionEnforcement).
    owning = {right for right in granted if right[1].endswith("/finalizers")}
    elsewhere = {right for right in granted if right[1] in _ELSEWHERE}
    # An object is read by its name when a conflict tells that what is known of it is old.
    again = {("get", kind.api.plural) for kind in MODELS}
    return sorted(" ".join(right) for right in granted - used - set(UNSEEN) - owning - elsewhere - again)


def refusals(audit_log: Path) -> list[str]:
    """What the operator's account asked for and was refused, as "verb resource: message"."""
    found = []
    for line in audit_log.read_text().splitlines():
        event = json.loads(line)
        answer = event.get("responseStatus", {})
        told = answer.get("message", "")
        # No right is lacking where another test's namespace is being deleted.
        if event["user"]["username"] == OPERATOR and answer.get("code") in (401, 403) and "terminated" not in told:
            found.append(f"{event['verb']} {event['requestURI']}: {told}")
    return found
