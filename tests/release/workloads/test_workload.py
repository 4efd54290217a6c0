"""What a gate reads of workloads."""

from __future__ import annotations

from typing import Any

import pytest

from ninefold.release.workloads.selector import Workloads
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import Workload, concerns, parts, read


def deployment(**status: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "checkout", "generation": 4, "labels": {"team": "shop"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "checkout", "tier": "web"}},
            "template": {"spec": {"containers": [{"name": "app", "image": "checkout:v1"}]}},
        },
        "status": {
            "observedGeneration": 4,
            "replicas": 3,
            "updatedReplicas": 3,
            "availableReplicas": 3,
            **status,
        },
    }


@pytest.mark.parametrize(
    ("labels", "meant"),
    [
        ({"team": "shop"}, True),
        ({"app": "checkout"}, True),
        ({"app": "checkout", "tier": "web"}, True),
        # Half from here and half from there is not what a person means.
        ({"app": "checkout", "team": "shop"}, False),
        ({"app": "cart"}, False),
    ],
)
def test_labels_are_its_own_or_its_selectors(labels: dict[str, str], meant: bool) -> None:
    assert concerns(Workloads(match_labels=labels), "Deployment", deployment()) is meant


@pytest.mark.parametrize(
    ("workloads", "meant"),
    [
        (Workloads(scope="Namespace"), True),
        (Workloads(names=["Deployment/checkout"]), True),
        (Workloads(names=["StatefulSet/checkout", "Deployment/cart"]), False),
        (Workloads(service="checkout"), True),
        (Workloads(service="cart"), False),
        (Workloads(team="shop"), False),
    ],
)
def test_one_those_of_a_service_or_all(workloads: Workloads, meant: bool) -> None:
    assert concerns(workloads, "Deployment", deployment()) is meant


def test_a_team_is_told_by_its_labels() -> None:
    labelled = deployment()
    labelled["metadata"]["labels"] = {"app.kubernetes.io/part-of": "shop"}
    assert concerns(Workloads(team="shop"), "Deployment", labelled)


@pytest.mark.parametrize(
    "spec",
    [{}, {"template": []}, {"template": {"spec": "x"}}, {"template": {"spec": {"containers": "none", "volumes": [1]}}}],
)
def test_what_somebody_elses_kind_holds_harms_nobody(spec: dict[str, Any]) -> None:
    rollout = {"metadata": {"name": "r", "generation": 1}, "spec": spec, "status": "x"}
    found = read("Rollout", rollout)
    assert (found.parts, found.serving.enough) == ({}, False)


def test_a_rollout_may_refer_to_a_deployment() -> None:
    rollout = {"metadata": {"name": "r", "generation": 1}, "spec": {"workloadRef": {"name": "d"}}}
    assert read("Rollout", rollout).images == ()


def test_images_are_read_by_container_and_count_once() -> None:
    pod = {
        "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}],
        "initContainers": [{"name": "c", "image": "x:1"}],
        "volumes": [{"name": "d", "image": {"reference": "data:3"}}, {"name": "e", "emptyDir": {}}],
    }
    assert parts(pod) == {"a": "x:1", "b": "y:1", "c": "x:1", "volume/d": "data:3"}
    assert Workload("Deployment/d", parts(pod), Serving()).images == ("x:1", "y:1", "data:3")
