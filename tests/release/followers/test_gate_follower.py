"""What a gate means for the objects of delivery tools that follow it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.release.gate_api import gates

from ninefold.kube.api import HOLDER, Key
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.fields import rfc3339
from ninefold.kube.follower import Hold, LetGo
from ninefold.kube.store import Store
from ninefold.release.followers.flux import REQUESTED_AT, HelmReleaseFollower, KustomizationFollower
from ninefold.release.followers.gate_follower import rule
from ninefold.release.workloads.annotation import GATE, HELD_BY, gate_of

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEY = Key("shop", "checkout")
SUSPENDED = Hold({"metadata": {"annotations": {HELD_BY: "shop/checkout"}}, "spec": {"suspend": True}})
FREE = LetGo({"metadata": {"annotations": {REQUESTED_AT: rfc3339(NOW)}}})


def kustomization(annotation: str | None = "checkout") -> dict[str, Any]:
    metadata: dict[str, Any] = {"namespace": "shop", "name": "app", "uid": "1"}
    if annotation is not None:
        metadata["annotations"] = {GATE: annotation}
    return {"metadata": metadata, "spec": {"path": "./app"}}


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.mark.parametrize(
    ("annotation", "key"),
    [
        (None, None),
        ("", None),
        ("checkout", Key("shop", "checkout")),
        (" checkout ", Key("shop", "checkout")),
        ("other/checkout", Key("other", "checkout")),
        ("a/b/c", Key("a", "b/c")),
    ],
)
def test_an_object_names_its_gate(annotation: str | None, key: Key | None) -> None:
    assert gate_of(kustomization(annotation)) == key


def test_an_object_may_have_no_annotations_at_all() -> None:
    assert gate_of({"metadata": {"namespace": "shop", "name": "app", "annotations": None}}) is None


@pytest.mark.parametrize("follower", [KustomizationFollower(), HelmReleaseFollower()])
@pytest.mark.parametrize(
    ("decision", "mode", "fail_mode", "do"),
    [
        ("Hold", "Enforce", "Hold", SUSPENDED),
        ("Deny", "Enforce", "Allow", SUSPENDED),
        ("Allow", "Enforce", "Hold", FREE),
        ("Unknown", "Enforce", "Hold", SUSPENDED),
        ("Unknown", "Enforce", "Allow", FREE),
        ("Hold", "Warn", "Hold", FREE),
        ("Deny", "Audit", "Hold", FREE),
    ],
)
def test_it_is_suspended_while_its_gate_is_closed_and_enforces(
    store: Store, follower: KustomizationFollower, decision: str, mode: str, fail_mode: str, do: Hold | LetGo
) -> None:
    put(store, decision, mode=mode, fail_mode=fail_mode)
    wanted = follower.wanted(kustomization(), store, NOW)
    assert (wanted.do, wanted.warning) == (do, None)


def put(store: Store, decision: str, *, mode: str = "Enforce", fail_mode: str = "Hold", **status: Any) -> None:
    spec = {"workloads": {"matchLabels": {"app": "checkout"}}, "mode": mode, "failMode": {"decision": fail_mode}}
    told = {"decision": decision, "observedGeneration": 1, **status}
    gates.put(store, KustomizationFollower.leader, "checkout", spec=spec, status=told)


def test_without_the_annotation_nothing_is_held_whatever_gates_there_are(store: Store) -> None:
    put(store, "Deny")
    assert KustomizationFollower().wanted(kustomization(None), store, NOW).do == FREE


def test_a_gate_that_does_not_exist_holds_nothing_and_the_owner_is_told(store: Store) -> None:
    wanted = KustomizationFollower().wanted(kustomization("chekout"), store, NOW)
    assert wanted.do == FREE
    assert wanted.warning is not None
    assert (wanted.warning.type, wanted.warning.reason) == ("Warning", "GateMissing")
    assert "no ReleaseGate shop/chekout" in wanted.warning.message
    assert GATE in wanted.warning.message


def test_before_the_first_look_at_a_gate_nothing_changes(store: Store) -> None:
    put(store, "Unknown", observedGeneration=-1)
    with pytest.raises(Waiting):
        KustomizationFollower().wanted(kustomization(), store, NOW)


def test_a_gate_that_cannot_be_read_changes_nothing(store: Store) -> None:
    gates.gate(store, "Hold", fail_mode={"staleAfter": "soon"})
    with pytest.raises(Stalled, match="staleAfter"):
        KustomizationFollower().wanted(kustomization(), store, NOW)


def test_a_gate_that_was_edited_and_not_looked_at_since_means_what_it_meant(store: Store) -> None:
    put(store, "Hold", observedGeneration=0)
    assert KustomizationFollower().wanted(kustomization(), store, NOW).do == SUSPENDED
    put(store, "Allow", observedGeneration=0)
    assert KustomizationFollower().wanted(kustomization(), store, NOW).do == FREE


def test_a_freeze_begins_and_ends_by_the_clock(store: Store) -> None:
    begins, ends = NOW + timedelta(hours=1), NOW + timedelta(hours=3)
    freeze = {"decision": "Hold", "because": "freeze", "from": rfc3339(begins), "until": rfc3339(ends)}
    put(store, "Allow", closures=[freeze])
    seen = []
    for moment in (NOW, begins, ends):
        ruling = rule(store, KEY, moment)
        assert ruling is not None
        seen.append((ruling.closed, ruling.changes))
    assert seen == [(False, begins), (True, ends), (False, None)]
    assert KustomizationFollower().wanted(kustomization(), store, begins).due == ends


def test_an_override_of_all_change_opens_it_until_its_end_and_one_of_images_does_not(store: Store) -> None:
    until = NOW + timedelta(minutes=30)
    override = {"name": "fix", "by": "ann", "until": rfc3339(until)}
    put(store, "Hold", overrides=[override])
    wanted = KustomizationFollower().wanted(kustomization(), store, NOW)
    assert (wanted.do, wanted.due) == (FREE, until)
    assert KustomizationFollower().wanted(kustomization(), store, until).do != FREE
    put(store, "Hold", overrides=[{**override, "images": ["checkout:v44"]}])
    assert KustomizationFollower().wanted(kustomization(), store, NOW).do == SUSPENDED


def test_what_the_gate_says_is_not_told_to_whoever_reads_the_object(store: Store) -> None:
    put(store, "Hold", message="checkout-availability has spent 104 %.")
    note = KustomizationFollower().wanted(kustomization(), store, NOW).note
    assert note is not None
    assert note.message == "Held while release gate shop/checkout is closed (Hold)."


def test_we_hold_what_the_api_server_has_on_record() -> None:
    manifest = kustomization()
    assert not KustomizationFollower().holds(manifest)
    manifest["metadata"]["managedFields"] = [{"manager": HOLDER, "fieldsV1": {"f:spec": {"f:suspend": {}}}}]
    assert KustomizationFollower().holds(manifest)
