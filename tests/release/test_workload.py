"""What a gate reads of workloads."""

from __future__ import annotations

from typing import Any

import pytest

from ninefold.release.releasegate.resource import Workloads
from ninefold.release.releasegate.workload import Workload, concerns, images, read


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
    ("phase", "generation", "complete"), [("Healthy", "4", True), ("Paused", "4", False), ("Healthy", "3", False)]
)
def test_a_rollout_is_complete_when_it_says_so_of_this_generation(phase: str, generation: str, complete: bool) -> None:
    rollout = deployment() | {"status": {"phase": phase, "observedGeneration": generation}}
    assert read("Rollout", rollout).complete is complete


@pytest.mark.parametrize(
    "spec",
    [{}, {"template": []}, {"template": {"spec": "x"}}, {"template": {"spec": {"containers": "none", "volumes": [1]}}}],
)
def test_what_somebody_elses_kind_holds_harms_nobody(spec: dict[str, Any]) -> None:
    rollout = {"metadata": {"name": "r", "generation": 1}, "spec": spec, "status": "x"}
    assert read("Rollout", rollout) == Workload("Rollout/r", (), complete=False)


def test_a_rollout_may_refer_to_a_deployment() -> None:
    rollout = {"metadata": {"name": "r", "generation": 1}, "spec": {"workloadRef": {"name": "d"}}}
    assert read("Rollout", rollout).images == ()


@pytest.mark.parametrize(
    ("status", "complete"),
    [({}, False), ({"lastSuccessfulTime": "2026-03-01T12:00:00Z"}, True)],
)
def test_a_cron_job_is_complete_once_a_run_succeeded(status: dict[str, Any], complete: bool) -> None:
    inner = {"spec": {"template": deployment()["spec"]["template"]}}
    job = {"metadata": {"name": "report"}, "spec": {"jobTemplate": inner}, "status": status}
    assert read("CronJob", job).complete is complete
    assert read("CronJob", job).images == ("checkout:v1",)


@pytest.mark.parametrize(
    ("status", "complete"),
    [
        ({}, True),
        ({"observedGeneration": 3}, False),
        ({"updatedReplicas": 2}, False),
        ({"availableReplicas": 2}, False),
        ({"replicas": 4}, False),
    ],
)
def test_a_rollout_is_complete_when_every_pod_is_new_and_available(status: dict[str, int], complete: bool) -> None:
    assert read("Deployment", deployment(**status)).complete is complete


def test_no_pod_proves_nothing() -> None:
    none = deployment(replicas=0, updatedReplicas=0, availableReplicas=0)
    none["spec"]["replicas"] = 0
    assert not read("StatefulSet", none).complete
    assert not read("DaemonSet", deployment()).complete


def test_a_daemon_set_counts_nodes() -> None:
    counted = deployment(desiredNumberScheduled=2, updatedNumberScheduled=2, numberAvailable=2)
    assert read("DaemonSet", counted).complete


def test_every_image_counts_once() -> None:
    pod = {
        "containers": [{"name": "a", "image": "x:1"}, {"name": "b", "image": "y:1"}],
        "initContainers": [{"name": "c", "image": "x:1"}],
        "volumes": [{"name": "d", "image": {"reference": "data:3"}}, {"name": "e", "emptyDir": {}}],
    }
    assert images(pod) == ("x:1", "y:1", "data:3")
