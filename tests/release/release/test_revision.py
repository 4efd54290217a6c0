"""What a workload says about its revision."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.release import NOW, deployment, revision

from ninefold.release.release.revision import read

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def test_a_restart_is_no_other_revision() -> None:
    again = deployment()
    again["spec"]["template"]["metadata"]["annotations"] = {"kubectl.kubernetes.io/restartedAt": "2026-03-01T12:00:00Z"}
    found = read("Deployment", again)
    assert found is not None
    assert found.hash == revision().hash


def test_every_other_change_of_the_template_is_one() -> None:
    changed = deployment()
    changed["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "A", "value": "b"}]
    found = read("Deployment", changed)
    assert found is not None
    assert len({found.hash, revision().hash, revision("checkout:v2").hash}) == 3


def test_a_kind_is_part_of_it() -> None:
    other = read("StatefulSet", deployment())
    assert other is not None
    assert other.hash != revision().hash


@pytest.mark.parametrize("state", ["Complete", "Rolling", "GaveUp"])
def test_how_far_a_rollout_is(state: str) -> None:
    assert revision(state=state).state == state


def test_a_deployment_remembers_that_it_was_complete() -> None:
    ill = deployment()
    ill["status"]["availableReplicas"] = 2
    found = read("Deployment", ill)
    assert found is not None
    assert (found.state, found.over) == ("Complete", NOW)
    ill["status"]["updatedReplicas"] = 0
    back = read("Deployment", ill)
    assert back is not None
    assert (back.state, back.over) == ("Rolling", None)


def test_a_status_of_the_spec_before_says_nothing() -> None:
    found = revision(generation=5, annotations={"deployment.kubernetes.io/revision": "16"})
    assert (found.state, found.number) == ("Rolling", None)


def test_the_revision_of_a_stateful_set_is_the_one_that_it_updates_to() -> None:
    """That it equals the current one says nothing: of a new StatefulSet it does before there is a pod."""
    manifest = deployment()
    manifest["status"] = {"observedGeneration": 4, "currentRevision": "a-1", "updateRevision": "a-1"}
    found = read("StatefulSet", manifest)
    assert found is not None
    assert (found.state, found.number) == ("Rolling", "a-1")


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ({"observedGeneration": "4", "phase": "Healthy"}, "Complete"),
        ({"observedGeneration": "4", "phase": "Paused"}, "Rolling"),
        ({"observedGeneration": "4", "phase": "Progressing", "abort": True}, "GaveUp"),
        ({"observedGeneration": "4", "phase": "Degraded"}, "GaveUp"),
        ({"observedGeneration": "3", "phase": "Healthy"}, "Rolling"),
        ({}, "Rolling"),
    ],
)
def test_a_rollout_of_argo(status: dict[str, Any], state: str) -> None:
    times = {"rolloutStartedAt": "2026-03-01T11:00:00Z", "finishedAt": "2026-03-01T11:10:00Z"}
    found = read("Rollout", {**deployment(), "status": {**status, "duration": times}})
    assert found is not None
    assert found.state == state
    assert found.began == datetime(2026, 3, 1, 11, tzinfo=UTC)
    assert found.over == (datetime(2026, 3, 1, 11, 10, tzinfo=UTC) if state == "Complete" else None)


def test_where_a_change_comes_from() -> None:
    found = revision(
        labels={"app.kubernetes.io/version": "4.3", "ninefold.dev/service": "shop", "app.kubernetes.io/part-of": "web"},
        annotations={
            "org.opencontainers.image.revision": "a1b2c3d",
            "ninefold.dev/commit-time": "2026-03-01T10:00:00+01:00",
            "ninefold.dev/author": "ada@example.com",
            "kubernetes.io/change-cause": "faster",
            "argocd.argoproj.io/tracking-id": "checkout:apps/Deployment:shop/checkout",
            "deployment.kubernetes.io/revision": "17",
        },
    )
    assert (found.service, found.team, found.number) == ("shop", "web", "17")
    assert found.noted.commit == "a1b2c3d"
    assert found.noted.commit_time == datetime(2026, 3, 1, 9, tzinfo=UTC)
    assert (found.noted.author, found.noted.cause) == ("ada@example.com", "faster")
    assert (found.noted.version, found.noted.delivered_by) == ("4.3", "Application checkout")
    flux = {"kustomize.toolkit.fluxcd.io/name": "apps", "kustomize.toolkit.fluxcd.io/namespace": "flux-system"}
    assert revision(labels=flux).change.delivered_by == "Kustomization flux-system/apps"


def test_the_label_for_the_team_goes_before_the_common_one() -> None:
    labels = {"ninefold.dev/team": "payments", "app.kubernetes.io/part-of": "web"}
    assert revision(labels=labels).team == "payments"


def test_a_time_that_cannot_be_read_is_none() -> None:
    for text in ("yesterday", "2026-03-01T10:00:00", ""):
        assert revision(annotations={"ninefold.dev/commit-time": text}).noted.commit_time is None


@given(JSON, JSON, JSON)
def test_what_cannot_be_read_is_none_and_harms_nobody(spec: Any, status: Any, template: Any) -> None:
    metadata = {"name": "checkout", "namespace": "shop", "generation": 1}
    for kind in ("Deployment", "DaemonSet", "StatefulSet", "Rollout"):
        read(kind, {"metadata": metadata, "spec": spec, "status": status})
        read(kind, {"metadata": metadata, "spec": {"template": template}, "status": status})
    assert read("Rollout", {"metadata": metadata, "spec": {"workloadRef": {"name": "checkout"}}}) is None
