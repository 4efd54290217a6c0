"""An Argo Rollout in the admission policy: a custom resource, which swaps what runs in more ways than one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.installing import install, stand_in
from tests.release.releasegate.admission.test_policies import RESTART, Shop, add_container, both, environment, image

import devcluster
from devcluster import waiting
from ninefold.kube.api import ROLLOUT
from ninefold.release.releasegate.admission.policies import policy_manifests

LABELS = {"app": "checkout"}


@pytest.fixture(scope="module")
def closed(cluster: devcluster.Cluster) -> Iterator[Shop]:
    """A closed gate over the Rollouts of a label."""
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    rollout = stand_in(ROLLOUT, {"type": "object", "properties": {"spec": anything, "status": anything}})
    install(cluster, *policy_manifests(), rollout)
    waiting.until(lambda: cluster.api.request("GET", ROLLOUT.path())[0] == 200, "Rollouts to be served", 30)
    cluster.kubectl("create", "namespace", "rollouts")
    shop = Shop(cluster, "rollouts")
    template = {
        "metadata": {"labels": LABELS},
        "spec": {"containers": [{"name": "app", "image": "checkout:v42"}, {"name": "proxy", "image": "proxy:1"}]},
    }
    deploy(shop, "checkout", {"selector": {"matchLabels": LABELS}, "template": template})
    deploy(shop, "referring", {"selector": {"matchLabels": LABELS}, "workloadRef": {"kind": "Deployment", "name": "a"}})
    shop.gate()
    known = {"Rollout/checkout": "app=checkout:v42 proxy=proxy:1\napp=checkout:v41 proxy=proxy:1"}
    shop.decide("Hold", knownGoodRevisions=known)
    shop.await_refusal(image("app", "checkout:v43"), ROLLOUT)
    yield shop
    cluster.kubectl("delete", "namespace", "rollouts", "--wait=false")


def deploy(shop: Shop, name: str, spec: dict[str, Any]) -> None:
    body = {"apiVersion": ROLLOUT.api_version, "kind": "Rollout", "metadata": {"name": name}, "spec": spec}
    assert shop.request("POST", ROLLOUT.path(shop.namespace), body)[0] == 201


def reselect(workload: dict[str, Any]) -> None:
    workload["spec"]["selector"]["matchLabels"] = {"app": "other"}


def hide(workload: dict[str, Any]) -> None:
    workload["spec"]["jobTemplate"] = {"spec": {"template": workload["spec"]["template"]}}
    environment(workload)


def refer(name: str | None) -> Any:
    return lambda workload: workload["spec"].update(workloadRef={"kind": "Deployment", "name": name} if name else None)


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("checkout", image("app", "checkout:v43")),
        ("checkout", environment),
        ("checkout", add_container("checkout:v41")),
        ("checkout", hide),
        ("checkout", refer("b")),
        ("checkout", both(image("app", "checkout:v41"), refer("b"))),
        ("checkout", both(RESTART, refer("b"))),
        ("checkout", reselect),
        ("referring", refer("b")),
        ("referring", refer(None)),
    ],
)
def test_a_closed_gate_refuses(closed: Shop, name: str, change: Any) -> None:
    assert "release gate rollouts/checkout is closed (Hold)" in closed.change(change, ROLLOUT, name)


@pytest.mark.parametrize(
    "change",
    [
        image("app", "checkout:v41"),
        both(image("app", "checkout:v41"), environment),
        RESTART,
        lambda workload: workload["spec"].update(paused=True, replicas=3, restartAt="2026-03-01T12:00:00Z"),
    ],
)
def test_a_closed_gate_lets_pass(closed: Shop, change: Any) -> None:
    assert closed.change(change, ROLLOUT) == ""
