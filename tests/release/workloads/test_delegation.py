"""Workloads whose pods another object runs are learnt and asked about all the same."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.release.gate_api.gates import gate, put
from tests.release.releasegate.test_plan import NOW

from ninefold.kube.api import DEPLOYMENT, ROLLOUT, Api, Key
from ninefold.kube.plan import Verdict
from ninefold.kube.store import Store
from ninefold.release.gate.effective import ImagesAsked, TemplateChange, judge
from ninefold.release.gate_api.change import meant
from ninefold.release.gate_api.question import Question
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.release.releasegate.plan import plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.delegation import seen

CANARY = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "checkout", "uid": "1"}
RUNS = {"observedGeneration": 1, "replicas": 2, "updatedReplicas": 2, "availableReplicas": 2}
GONE = {"observedGeneration": 1}


def template(image: str) -> dict[str, Any]:
    return {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [{"name": "app", "image": image}]}}


def deployment(store: Store, name: str, image: str, replicas: int, status: dict[str, Any], *owners: Any) -> None:
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template(image)}
    put(store, DEPLOYMENT, name, spec=spec, status=status, metadata={"ownerReferences": list(owners)})


def rollout(store: Store, *, sees: object = "1", phase: str = "Healthy", reference: object = None) -> None:
    reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout"} if reference is None else reference
    status = {"observedGeneration": "1", "phase": phase, "currentPodHash": "abc", "workloadObservedGeneration": sees}
    put(store, ROLLOUT, "checkout", spec={"workloadRef": reference}, status=status)


def complete(store: Store, api: Api = DEPLOYMENT) -> bool:
    manifest = store.get(api, Key("shop", "checkout"))
    assert manifest is not None
    return seen(api, manifest, store).serving.enough


@pytest.mark.parametrize(
    ("image", "status", "owner", "runs"),
    [
        ("checkout:v2", RUNS, CANARY, True),
        # The canary is under way, or was rolled back.
        ("checkout:v1", RUNS, CANARY, False),
        ("checkout:v2", {**RUNS, "availableReplicas": 0}, CANARY, False),
        ("checkout:v2", RUNS, {**CANARY, "apiVersion": "example.com/v1"}, False),
    ],
)
def test_flagger_runs_it_as_primary(image: str, status: dict[str, Any], owner: dict[str, Any], runs: bool) -> None:
    store = Store()
    deployment(store, "checkout", "checkout:v2", 0, GONE)
    deployment(store, "checkout-primary", image, 2, status, owner)
    assert complete(store) is runs


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ({}, True),
        ({"phase": "Progressing"}, False),
        ({"sees": "0"}, False),
        ({"sees": None}, False),
        ({"reference": {"kind": "Deployment", "name": "other"}}, False),
        ({"reference": {"kind": "ReplicaSet", "name": "checkout"}}, False),
        ({"reference": "checkout"}, False),
        ({"reference": {"kind": "Deployment", "name": ["checkout"]}}, False),
    ],
)
def test_a_rollout_runs_the_deployment_that_it_refers_to(changed: dict[str, Any], runs: bool) -> None:
    store = Store()
    deployment(store, "checkout", "checkout:v2", 0, GONE)
    rollout(store, **changed)
    assert complete(store) is runs


def test_a_pod_hash_stands_for_the_images_of_the_deployment_that_the_rollout_refers_to() -> None:
    store = Store()
    deployment(store, "checkout", "checkout:v1", 0, GONE)
    rollout(store, phase="Progressing")
    asked = meant(store, Question("shop", "gate", "checkout", ("abc",)))
    assert isinstance(asked, ImagesAsked)
    assert "checkout:v1" in asked.revisions
    rollout(store, sees="0", phase="Progressing")
    asked = meant(store, Question("shop", "gate", "checkout", ("abc",)))
    assert isinstance(asked, ImagesAsked)
    assert asked.revisions == ("abc",), "what the hash stands for is not seen yet"


def test_a_pod_hash_stands_for_all_images_of_its_rollout() -> None:
    store = Store()
    pod = {"containers": [{"name": "app", "image": "checkout:v1"}, {"name": "proxy", "image": "proxy:bad"}]}
    status = {"observedGeneration": "1", "currentPodHash": "abc"}
    put(store, ROLLOUT, "checkout", spec={"template": {"spec": pod}}, status=status)
    gate(store, "Hold", knownGoodRevisions={"Rollout/checkout": "app=checkout:v1 proxy=proxy:1"})
    found = store.resource(ReleaseGate, Key("shop", "checkout"))
    assert found is not None
    change = meant(store, Question("shop", "gate", "checkout", ("abc", "checkout:v1")))
    assert not judge(found.status, change, NOW).passes, "one of its images is not known to be good"


@pytest.mark.parametrize(
    ("before", "coming", "passes"),
    [
        # To an image of another repository, by the same container.
        (["swap:v2"], ["example.com/other:v1"], True),
        # A container that the bad release added goes again; one more comes.
        (["example.com/other:v1", "extra:1"], ["example.com/other:v1"], True),
        (["example.com/other:v1"], ["example.com/other:v1", "extra:1"], False),
        (["swap:v2"], ["example.com/other:v3"], False),
    ],
)
def test_records_tell_a_rollback_whatever_the_images_are_called(
    before: list[str], coming: list[str], passes: bool
) -> None:
    store = Store()
    gate(store, "Hold", knownGoodRevisions={"Deployment/checkout": "app=example.com/other:v1"})
    found = store.resource(ReleaseGate, Key("shop", "checkout"))
    assert found is not None
    for number, images in enumerate((before, coming), 1):
        workload = {"kind": "Deployment", "name": "checkout"}
        spec = {"workload": workload, "sequence": number, "templateHash": f"hash{number}", "images": images}
        put(store, Release.api, f"checkout-{number}", spec=spec)
    change = meant(store, Question("shop", "gate", "checkout", ("hash2",)))
    assert isinstance(change, TemplateChange)
    assert judge(found.status, change, NOW).passes is passes


def test_a_rollout_whose_template_the_gate_does_not_select_is_named() -> None:
    store = Store()
    deployment(store, "checkout", "checkout:v1", 0, GONE)
    rollout(store)

    async def found(*names: str) -> Verdict:
        manifest = gate_of({"names": list(names)})
        observed = await ReleaseGateController().observe(manifest, store, NOW)
        return plan(manifest, observed, NOW).conditions["WorkloadsFound"]

    alone = asyncio.run(found("Rollout/checkout"))
    assert (alone.status, alone.reason) == ("False", "TemplateNotSelected")
    assert "Deployment/checkout" in alone.message
    assert asyncio.run(found("Rollout/checkout", "Deployment/checkout")).status == "True"


def gate_of(workloads: dict[str, Any]) -> ReleaseGate:
    spec = {"workloads": workloads, "sources": [{"errorBudgetPolicy": "checkout"}]}
    return ReleaseGate.parse({"metadata": {"name": "checkout", "namespace": "shop"}, "spec": spec})
