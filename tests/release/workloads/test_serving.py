"""How many pods serve the present template of a workload, and how many of them are enough."""

from __future__ import annotations

from typing import Any

import pytest
from tests.release.workloads.test_workload import deployment

from ninefold.kube.fields import moment
from ninefold.release.workloads.serving import serving
from ninefold.release.workloads.workload import read


def enough(kind: str, manifest: dict[str, Any]) -> bool:
    return serving(kind, manifest).enough


def sized(size: int, limit: object = None, **status: int) -> dict[str, Any]:
    """A Deployment of that size of which every pod is well, but for what is said."""
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), size)
    found = deployment(**{**counts, **status})
    strategy = {"strategy": {"rollingUpdate": {"maxUnavailable": limit}}} if limit is not None else {}
    return found | {"spec": found["spec"] | {"replicas": size} | strategy}


@pytest.mark.parametrize(
    ("size", "limit", "available", "served"),
    [
        (1, "25%", 1, True),
        (1, "100%", 0, False),
        # One pod is lost, or finds no node.
        (3, "25%", 2, True),
        (3, 0, 2, True),
        (3, "25%", 1, False),
        (2, None, 1, True),
        (12, "25%", 9, True),
        (12, "25%", 8, False),
        (12, 2, 10, True),
        (12, 2, 9, False),
        # A rollout with such a limit is over where none of its pods comes up.
        (12, "100%", 6, True),
        (12, "100%", 5, False),
        (12, 12, 0, False),
        (0, None, 0, False),
        (12, "x%", 11, True),
        (12, "x%", 10, False),
    ],
)
def test_as_many_may_be_missing_as_a_rolling_update_takes_away(
    size: int, limit: object, available: int, served: bool
) -> None:
    assert enough("Deployment", sized(size, limit, availableReplicas=available)) is served


@pytest.mark.parametrize("kind", ["Deployment", "StatefulSet"])
def test_while_pods_of_another_template_run_it_is_not_served(kind: str) -> None:
    """However many there are: a bad release stands where the rolling update stops, and the old pods are well."""
    assert not enough(kind, sized(8, updatedReplicas=7))
    assert not enough(kind, sized(8, replicas=9))
    assert not enough(kind, sized(1, replicas=2, updatedReplicas=1))
    # Pods that are to go, or are yet to come.
    assert enough(kind, sized(8, replicas=10, updatedReplicas=10))
    assert enough(kind, sized(8, replicas=7, updatedReplicas=7, availableReplicas=7))


def test_a_status_of_the_spec_before_says_nothing() -> None:
    found = serving("Deployment", deployment(observedGeneration=3))
    assert (found.available, found.enough) == (None, False)


def nodes(desired: int, current: int, updated: int, available: int) -> dict[str, Any]:
    return deployment(
        desiredNumberScheduled=desired,
        currentNumberScheduled=current,
        updatedNumberScheduled=updated,
        numberAvailable=available,
    )


@pytest.mark.parametrize(
    ("found", "served"),
    [
        (nodes(2, 2, 2, 2), True),
        (nodes(3, 3, 3, 2), True),
        # A node that has just come.
        (nodes(4, 3, 3, 3), True),
        (nodes(3, 3, 3, 1), False),
        (nodes(3, 3, 2, 3), False),
        (nodes(1, 1, 1, 0), False),
        (deployment(), False),
    ],
)
def test_a_daemon_set_counts_nodes(found: dict[str, Any], served: bool) -> None:
    assert enough("DaemonSet", found) is served


def rollout(phase: str = "Progressing", stable: object = "a", **status: Any) -> dict[str, Any]:
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), 8)
    seen = {"observedGeneration": "4", "phase": phase, "stableRS": stable, "currentPodHash": "a"}
    return sized(8) | {"status": {**counts, **seen, **status}}


@pytest.mark.parametrize(
    ("found", "served"),
    [
        (rollout("Healthy", None, updatedReplicas=0), True),
        (rollout(observedGeneration="3"), False),
        # It is scaled, and has been promoted before.
        (rollout(availableReplicas=6), True),
        (rollout(replicas=10), True),
        (rollout(availableReplicas=5), False),
        (rollout(updatedReplicas=5), False),
        (rollout(availableReplicas="8"), False),
        # A step of a canary; one that was aborted.
        (rollout("Paused", "b"), False),
        (rollout(abort=True), False),
        (rollout("Degraded"), False),
        (rollout(stable=None, currentPodHash=None), False),
    ],
)
def test_a_rollout_is_served_once_it_is_promoted(found: dict[str, Any], served: bool) -> None:
    assert enough("Rollout", found) is served


@pytest.mark.parametrize(
    ("due", "success", "ran"),
    [
        (None, None, False),
        ("2026-03-01T12:00:00Z", None, False),
        ("2026-03-01T12:00:00Z", "2026-03-01T11:00:30Z", False),
        ("2026-03-01T12:00:00Z", "2026-03-01T12:00:30Z", True),
        ("noon", "2026-03-01T12:00:30Z", False),
    ],
)
def test_a_cron_job_tells_of_its_last_run_once_one_has_succeeded_since(
    due: str | None, success: str | None, ran: bool
) -> None:
    inner = {"spec": {"template": deployment()["spec"]["template"]}}
    status = {"lastScheduleTime": due, "lastSuccessfulTime": success}
    job = {"metadata": {"name": "report"}, "spec": {"jobTemplate": inner}, "status": status}
    found = read("CronJob", job)
    assert found.serving.run == (moment(due) if ran else None)
    assert found.images == ("checkout:v1",)
