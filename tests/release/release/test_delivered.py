"""Records of what Flux and Argo CD deliver: what their objects say, and which of them are recorded."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.release import MINUTE, NOW, stored
from tests.release.release.test_revision import JSON

from ninefold.domain.measurements.measurement import Snapshot
from ninefold.kube.api import APPLICATION, HELM_RELEASE, KUSTOMIZATION, Api, Key
from ninefold.kube.fields import rfc3339
from ninefold.kube.store import Store
from ninefold.release.release import dora
from ninefold.release.release.controller import ReleaseController
from ninefold.release.release.delivered import READS, read
from ninefold.release.release.resource import Release
from ninefold.release.release.revision import Revision
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.annotation import GATE

_versions = count(1)
SHA = "0123456789abcdef0123456789abcdef01234567"


def ready(status: str, reason: str = "ReconciliationSucceeded") -> list[dict[str, str]]:
    return [{"type": "Ready", "status": status, "reason": reason}]


def kustomization(applied: str, attempted: str = "", verdict: str = "True", reason: str = "Done") -> dict[str, Any]:
    return {
        "lastAppliedRevision": applied,
        "lastAttemptedRevision": attempted or applied,
        "conditions": ready(verdict, reason),
    }


def helm(
    chart: str, verdict: str = "True", reason: str = "UpgradeSucceeded", values: str = "sha256:1"
) -> dict[str, Any]:
    latest = {"chartVersion": chart, "appVersion": "2.0", "lastDeployed": rfc3339(NOW)}
    return {
        "lastAttemptedRevision": chart,
        "lastAttemptedConfigDigest": values,
        "history": [latest],
        "conditions": ready(verdict, reason),
    }


def application(phase: str, health: str, revision: str = SHA) -> dict[str, Any]:
    operation = {"initiatedBy": {"username": "ann"}, "sync": {"revision": revision}}
    state = {"phase": phase, "operation": operation, "startedAt": rfc3339(NOW), "syncResult": {"revision": revision}}
    if phase not in ("Running", "Terminating"):
        state["finishedAt"] = rfc3339(NOW + MINUTE)
    return {"operationState": state, "health": {"status": health, "lastTransitionTime": rfc3339(NOW + 2 * MINUTE)}}


def delivered(api: Api, status: dict[str, Any], gate: str = "checkout", **metadata: Any) -> dict[str, Any]:
    annotations = {GATE: gate} if gate else {}
    whole = {"name": "shop", "namespace": "shop", "annotations": annotations, "resourceVersion": str(next(_versions))}
    return {"apiVersion": api.api_version, "kind": api.kind, "metadata": whole | metadata, "status": status}


def revision(api: Api, status: dict[str, Any], **metadata: Any) -> Revision:
    found = read(api.kind, delivered(api, status, **metadata))
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("api", "status", "state"),
    [
        (KUSTOMIZATION, kustomization("main@sha1:a"), "Complete"),
        (KUSTOMIZATION, kustomization("main@sha1:a", "main@sha1:b", "Unknown", "Progressing"), "Rolling"),
        (KUSTOMIZATION, kustomization("main@sha1:a", "main@sha1:b", "False", "HealthCheckFailed"), "GaveUp"),
        (KUSTOMIZATION, kustomization("main@sha1:a", "main@sha1:b", "False", "DependencyNotReady"), "Rolling"),
        # It still says of the revision before that it is ready.
        (KUSTOMIZATION, kustomization("main@sha1:a", "main@sha1:b", "True"), "Rolling"),
        (HELM_RELEASE, helm("1.2.3"), "Complete"),
        (HELM_RELEASE, helm("1.2.3", "Unknown", "Progressing"), "Rolling"),
        (HELM_RELEASE, helm("1.2.3", "False", "UpgradeFailed"), "GaveUp"),
        (APPLICATION, application("Running", "Healthy"), "Rolling"),
        (APPLICATION, application("Succeeded", "Progressing"), "Rolling"),
        (APPLICATION, application("Succeeded", "Healthy"), "Complete"),
        (APPLICATION, application("Failed", "Healthy"), "GaveUp"),
    ],
)
def test_how_far_a_delivery_is(api: Api, status: dict[str, Any], state: str) -> None:
    assert revision(api, status).state == state


def test_the_commit_is_that_of_git() -> None:
    assert revision(KUSTOMIZATION, kustomization(f"main@sha1:{SHA}")).change.commit == SHA
    assert revision(APPLICATION, application("Succeeded", "Healthy")).change.commit == SHA
    # An artifact of OCI has a digest; where it came from may be beside it.
    oci = kustomization("v1.0@sha256:" + "0" * 64)
    assert revision(KUSTOMIZATION, oci).change.commit is None
    assert revision(KUSTOMIZATION, oci | {"lastAppliedOriginRevision": f"main@sha1:{SHA}"}).change.commit == SHA
    assert revision(HELM_RELEASE, helm("1.2.3")).change.version == "2.0"


def test_who_synced_and_when_is_what_argo_cd_says() -> None:
    found = revision(APPLICATION, application("Succeeded", "Healthy"))
    assert (found.began, found.over) == (NOW, NOW + 2 * MINUTE)
    assert found.change.cause == "synced by ann"


def test_another_revision_is_another_release_and_other_values_of_a_chart_are() -> None:
    one, two = helm("1.2.3"), helm("1.2.3", values="sha256:2")
    assert revision(HELM_RELEASE, one).hash != revision(HELM_RELEASE, two).hash
    assert revision(HELM_RELEASE, one).hash == revision(HELM_RELEASE, helm("1.2.3", "Unknown")).hash


def test_what_has_delivered_nothing_yet_is_no_release() -> None:
    for api in READS:
        assert read(api.kind, delivered(api, {})) is None
        assert read(api.kind, {"metadata": {"name": "shop", "namespace": "shop"}}) is None


@given(kind=st.sampled_from([api.kind for api in READS]), status=JSON)
def test_anything_at_all_in_a_status_harms_nobody(kind: str, status: object) -> None:
    read(kind, {"metadata": {"name": "shop", "namespace": "shop"}, "status": status})
    fields = {name: status for names in READS.values() for name in names}
    read(kind, {"metadata": {"name": "shop", "namespace": "shop"}, "status": fields})


class NoMeasurements:
    """Nothing is measured."""

    snapshot = Snapshot()

    async def changes(self) -> AsyncIterator[str]:
        return
        yield


CONTROLLER = ReleaseController(NoMeasurements(), READS)


def keys(store: Store, api: Api) -> list[Key]:
    """What is looked at when the object changes."""
    (watch,) = (each for each in CONTROLLER.watches if each.api == api)
    (manifest,) = store.all(api)
    return list(watch.keys(manifest, store))


def with_gate(name: str = "checkout", namespace: str = "shop") -> Store:
    store = Store()
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(next(_versions))}
    store.put(ReleaseGate.api, {"metadata": metadata, "spec": {"workloads": {"scope": "Namespace"}}})
    return store


def test_what_follows_a_gate_is_recorded_revision_by_revision() -> None:
    store = with_gate()
    for number, sha in enumerate(("a" * 40, "b" * 40, "a" * 40), 1):
        store.put(KUSTOMIZATION, delivered(KUSTOMIZATION, kustomization(f"main@sha1:{sha}")))
        (key,) = (key for key in keys(store, KUSTOMIZATION) if store.get(Release.api, key) is None)
        record = CONTROLLER.missing(key, store)
        assert record is not None
        spec = record["spec"]
        assert (spec["sequence"], spec["change"]["commit"]) == (number, sha)
        assert spec["workload"] == {"kind": "Kustomization", "name": "shop"}
        assert ("rollsBackTo" in spec) == (number == 3), "back at the first commit"
        made = stored(record, NOW, outcome="Succeeded", closed=True)
        store.put(Release.api, {**made, "metadata": {**made["metadata"], "resourceVersion": str(next(_versions))}})
        assert keys(store, KUSTOMIZATION) == [key]
        assert CONTROLLER.missing(Key("shop", "shop-9-0000000000"), store) is None


def test_a_gate_of_another_namespace_is_named_with_that() -> None:
    store = with_gate(namespace="team")
    store.put(APPLICATION, delivered(APPLICATION, application("Succeeded", "Healthy"), "team/checkout"))
    (key,) = keys(store, APPLICATION)
    record = CONTROLLER.missing(key, store)
    assert record is not None
    assert record["spec"]["gate"] == "team/checkout"
    (gate_watch,) = (each for each in CONTROLLER.watches if each.api == ReleaseGate.api)
    (gate,) = store.all(ReleaseGate.api)
    assert list(gate_watch.keys(gate, store)) == [key], "also when the gate comes later"


@pytest.mark.parametrize("gate", ["", "other"])
def test_what_follows_no_gate_is_not(gate: str) -> None:
    store = with_gate()
    store.put(HELM_RELEASE, delivered(HELM_RELEASE, helm("1.2.3"), gate))
    assert keys(store, HELM_RELEASE) == []


def test_an_outcome_follows_from_what_the_tool_says() -> None:
    store = with_gate()
    store.put(HELM_RELEASE, delivered(HELM_RELEASE, helm("1.2.3", "Unknown", "Progressing")))
    (key,) = keys(store, HELM_RELEASE)
    missing = CONTROLLER.missing(key, store)
    assert missing is not None
    record, now = missing, NOW

    def look() -> Any:
        nonlocal record
        release = Release.parse(record)
        observed = asyncio.run(CONTROLLER.observe(release, store, now))
        status = CONTROLLER.plan(release, observed, now).status
        record = {**record, "status": status.wire()}
        return status.outcome

    record = stored(record, NOW)
    assert look() == "Progressing"
    now += MINUTE
    store.put(HELM_RELEASE, delivered(HELM_RELEASE, helm("1.2.3", "False", "UpgradeFailed")))
    assert look() == "Aborted"
    now += MINUTE
    store.put(HELM_RELEASE, delivered(HELM_RELEASE, helm("1.2.3")))
    assert look() == "Succeeded"


def test_where_workloads_are_recorded_what_delivered_them_is_no_deployment_of_its_own() -> None:
    def release(kind: str, number: int) -> dict[str, Any]:
        spec = {"workload": {"kind": kind, "name": "shop"}, "sequence": number, "service": "shop"}
        at = NOW + number * timedelta(hours=1)
        status = {"outcome": "Succeeded", "start": rfc3339(at), "end": rfc3339(at)}
        metadata = {"name": f"{kind}-{number}", "namespace": "shop", "creationTimestamp": rfc3339(at)}
        return {"metadata": metadata, "spec": spec, "status": status}

    of_tool = [release("Kustomization", number) for number in (1, 2, 3)]
    of_workload = [release("Deployment", number) for number in (1, 2)]
    now = NOW + timedelta(days=1)
    (alone,) = dora.by_service(of_tool, now).values()
    (both,) = dora.by_service([*of_tool, *of_workload], now).values()
    assert (alone.deployments, both.deployments) == (3, 2)
