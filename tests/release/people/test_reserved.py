"""Statuses, kept gates and records are written by the operator alone: everybody else is refused, whatever rights they
have, on a real API server."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
from tests.crowd import EVERYWHERE, HERE, Crowd, crowd, rights_of_operator

import devcluster
from devcluster import waiting
from devcluster.waiting import patient
from ninefold.kinds import MODELS, controllers
from ninefold.kube.api import GROUP, VERSION
from ninefold.kube.guard import STATUS, status_guard
from ninefold.release.people.reserved import KEPT, RECORDS, reserved_manifests

API = f"{GROUP}/{VERSION}"
SPECS: dict[str, dict[str, Any]] = {
    "ServiceLevelObjective": {
        "service": "checkout",
        "objective": "99.9",
        "window": {"rolling": "30d"},
        "indicator": {"ratio": {"bad": 'r_total{code="500"}', "total": "r_total"}},
    },
    "Correction": {
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
    "ErrorBudgetPolicy": {
        "objectives": {"service": "checkout"},
        "rules": [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}],
    },
    "ReleaseGate": {"workloads": {"scope": "Namespace"}},
    "ClusterReleaseGate": {"namespaces": {"matchLabels": {"none": "such"}}},
    "Override": {"gate": "it", "by": "admin", "reason": "hotfix", "until": "2026-01-01T00:00:00Z"},
    "Release": {
        "workload": {"kind": "Deployment", "name": "checkout"},
        "sequence": 1,
        "templateHash": "abc",
        "images": ["checkout:v2"],
        "service": "checkout",
        "gate": "it",
    },
    "Dashboard": {"service": "checkout", "delivery": {"configMap": {}}},
}
STATUSES: dict[str, dict[str, Any]] = {
    "ReleaseGate": {
        "decision": "Allow",
        "closures": [],
        "knownGoodRevisions": {"Deployment/checkout": "app=checkout:v666"},
    },
    "Release": {"outcome": "Succeeded", "suspicion": "0.00", "closed": True},
}


def _in_force(crowd_: Crowd, policy: str) -> bool:
    return policy in probe(crowd_, policy)


@pytest.fixture(scope="module")
def everyone(cluster: devcluster.Cluster) -> Iterator[Crowd]:
    policies = [*status_guard(MODELS), *reserved_manifests()]
    with crowd(cluster, *policies, rights_of_operator(controllers())) as crowd_:
        for kind in MODELS:
            crowd_.kubectl("create", "-f", "-", body=whole(kind.api.kind, SPECS[kind.api.kind]))
        crowd_.kubectl("create", "-f", "-", body=whole("ReleaseGate", SPECS["ReleaseGate"], "cluster.production"))
        for name in (STATUS, KEPT, RECORDS):
            waiting.until(partial(_in_force, crowd_, name), f"{name} to be in force", 20)
        yield crowd_
        crowd_.kubectl("delete", "clusterreleasegate", "it")


def probe(everyone: Crowd, policy: str) -> str:
    if policy == STATUS:
        return write_status(everyone, "cluster-admin", "ReleaseGate")
    kind, name = ("ReleaseGate", "cluster.production") if policy == KEPT else ("Release", "it")
    return everyone.refusal("cluster-admin", "delete", kind, name, "--dry-run=server")


def whole(kind: str, spec: dict[str, Any], name: str = "it") -> dict[str, Any]:
    return {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}


def write_status(everyone: Crowd, who: str, kind: str, name: str = "it") -> str:
    status = STATUSES.get(kind, {"conditions": []})
    return everyone.patch(who, kind, name, {"status": status}, "--subresource=status", "--dry-run=server")


@pytest.mark.parametrize("kind", [kind.api.kind for kind in MODELS])
def test_nobody_but_the_operator_writes_a_status(everyone: Crowd, kind: str) -> None:
    for who in (*HERE, *EVERYWHERE):
        said = write_status(everyone, who, kind)
        told = "only the operator writes a status: the account that the ClusterRoleBinding ninefold-operator"
        assert told in said or "cannot get resource" in said, who
    # Not by RBAC alone: these have every right.
    assert "ninefold-status" in write_status(everyone, "gitops", kind)
    # As it writes: without reading before.
    body = whole(kind, SPECS[kind]) | {"status": STATUSES.get(kind, {"observedGeneration": 1})}
    applied = ("apply", "--server-side", "--force-conflicts", "--subresource=status", "--dry-run=server", "-f", "-")
    assert everyone.refusal("operator", *applied, body=body) == ""


def test_nor_by_a_role_of_ones_own_in_the_namespace(everyone: Crowd) -> None:
    """The owner of a namespace may give any right in it to an account there, also one with the operator's name."""
    namesake = f"system:serviceaccount:{everyone.namespace}:ninefold"
    everyone.refusal("owner", "create", "serviceaccount", "ninefold")
    everyone.refusal(
        "owner", "create", "rolebinding", "ninefold-operator", "--clusterrole=cluster-admin",
        f"--serviceaccount={everyone.namespace}:ninefold",
    )  # fmt: skip
    assert "ninefold-status" in write_status(everyone, namesake, "ReleaseGate")


KEPT_GATE = ("releasegate", "cluster.production")


@pytest.mark.parametrize("who", [*HERE, *EVERYWHERE])
def test_nobody_touches_a_gate_that_is_kept_for_the_cluster(everyone: Crowd, who: str) -> None:
    told = "cluster.production is kept for the ClusterReleaseGate production: change that"
    refused = (told, "cannot patch resource", "cannot delete resource", "cannot create resource")
    attempts = (
        everyone.patch(who, *KEPT_GATE, {"spec": {"mode": "Audit"}}),
        everyone.patch(who, *KEPT_GATE, {"metadata": {"ownerReferences": None, "labels": {"a": "b"}}}),
        everyone.patch(who, *KEPT_GATE, {"metadata": {"finalizers": ["example.com/stay"]}}),
        everyone.refusal(who, "delete", *KEPT_GATE),
        everyone.refusal(who, "delete", "releasegate", "--all", "--dry-run=server"),
        everyone.refusal(who, "create", "-f", "-", body=whole("ReleaseGate", SPECS["ReleaseGate"], "cluster.other")),
    )
    for number, said in enumerate(attempts):
        assert any(sentence in said for sentence in refused) or "cluster.other is kept" in said, (who, number, said)


def test_whoever_has_the_right_asks_for_another_look_at_it(everyone: Crowd) -> None:
    note = {"metadata": {"annotations": {"ninefold.dev/reconcile": "now"}}}
    assert everyone.patch("admin", *KEPT_GATE, note) == ""
    # A gate of one's own is one's own.
    assert everyone.patch("admin", "releasegate", "it", {"spec": {"restarts": "Hold"}}) == ""


@pytest.mark.parametrize("who", [*HERE, *EVERYWHERE])
def test_nobody_forges_or_loses_a_record(everyone: Crowd, who: str) -> None:
    """A bad release is not made good by another record after it, nor by losing the one that blames it."""
    forged = SPECS["Release"] | {"sequence": 2, "rollsBackTo": "it"}
    attempts = (
        everyone.refusal(who, "create", "-f", "-", body=whole("Release", forged, "checkout-2-abc")),
        everyone.patch(who, "release", "it", {"metadata": {"labels": {"app.kubernetes.io/managed-by": "me"}}}),
        everyone.refusal(who, "delete", "release", "it"),
        everyone.refusal(who, "delete", "releases", "--all"),
    )
    for said in attempts:
        assert "only the operator writes the record of releases" in said or "cannot" in said, (who, said)
    assert "ninefold-records" in everyone.refusal("gitops", "delete", "release", "it")


def test_the_operator_and_what_clears_away_in_kubernetes_go_on(everyone: Crowd) -> None:
    dry = "--dry-run=server"
    body = whole("Release", SPECS["Release"] | {"sequence": 2}, "checkout-2-abc")
    body["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "ninefold"}
    assert everyone.refusal("operator", "create", "-f", "-", dry, body=body) == ""
    for account in ("generic-garbage-collector", "namespace-controller"):
        user = f"system:serviceaccount:kube-system:{account}"
        for what in (KEPT_GATE, ("release", "it")):
            assert everyone.refusal(user, "delete", *what, dry) == ""


def test_a_namespace_goes_with_all_that_is_in_it(everyone: Crowd, cluster: devcluster.Cluster) -> None:
    namespace = cluster.namespace("leaving")
    for kind, name in (("ReleaseGate", "cluster.production"), ("Release", "it")):
        body = whole(kind, SPECS[kind], name)
        cluster.kubectl("-n", namespace, "create", "-f", "-", input=json.dumps(body))
    cluster.kubectl("delete", "namespace", namespace, f"--timeout={patient(60):.0f}s")
