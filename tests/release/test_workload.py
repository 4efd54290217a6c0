"""What a gate reads of workloads."""

from __future__ import annotations

from typing import Any

import pytest

from ninefold.release.releasegate.workload import images, matches, read


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
    assert matches(labels, deployment()) is meant


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
