"""What is found by indexes is what a walk over the namespace finds, and whoever sees something else is looked at."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.looking import Event, after, key

from ninefold.kube.api import DEPLOYMENT, ROLLOUT, STATEFUL_SET, Api
from ninefold.kube.store import Store
from ninefold.release.override.resource import Override
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.selection import over, under_gate
from ninefold.release.workloads.workload import WORKLOADS, concerns
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

NAMES = st.sampled_from(["a", "b", "a-primary"])
VALUES = st.sampled_from(["a", "b"])
LABELS = st.sampled_from(
    [{}, {"app": "a"}, {"app": "b"}, {"tier": "a"}, {"app": "a", "tier": "b"}, {"ninefold.dev/team": "a"}]
)
WANTED = st.one_of(
    LABELS.map(lambda labels: {"matchLabels": labels or {"tier": "b"}}),
    VALUES.map(lambda value: {"service": value}),
    VALUES.map(lambda value: {"team": value}),
    st.sampled_from(["Deployment/a", "Rollout/a"]).map(lambda name: {"names": [name, "StatefulSet/b"]}),
    st.just({"scope": "Namespace"}),
    st.just({"service": ["not a text"]}),
)
CANARY = {"apiVersion": "flagger.app/v1beta1", "kind": "Canary", "name": "a", "uid": "canary"}


@st.composite
def workloads(draw: st.DrawFn) -> tuple[Api, dict[str, Any]]:
    api = draw(st.sampled_from([DEPLOYMENT, STATEFUL_SET, ROLLOUT]))
    selector = draw(st.one_of(LABELS.map(lambda labels: {"matchLabels": labels}), st.just(["not a map"])))
    pod = {"spec": {"containers": [{"name": "app", "image": draw(st.sampled_from(["app:v1", "app:v2"]))}]}}
    spec: dict[str, Any] = {"selector": selector, "template": pod, "replicas": 1}
    if api == ROLLOUT and draw(st.booleans()):
        spec |= {"workloadRef": {"kind": "Deployment", "name": draw(NAMES)}, "template": None}
    metadata = {"name": draw(NAMES), "labels": draw(LABELS), "generation": 1}
    if draw(st.booleans()):
        metadata["ownerReferences"] = [CANARY]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "availableReplicas"), draw(st.integers(0, 1)))
    status = {"observedGeneration": 1, "workloadObservedGeneration": "1", **counts}
    return api, {"metadata": metadata, "spec": spec, "status": status}


GATES = st.tuples(VALUES, WANTED, st.sampled_from(["p", "q"])).map(
    lambda gate: (
        ReleaseGate.api,
        {"metadata": {"name": gate[0]}, "spec": {"workloads": gate[1], "sources": [{"errorBudgetPolicy": gate[2]}]}},
    )
)
RELEASES = st.tuples(st.sampled_from(["Deployment", "Rollout"]), VALUES, VALUES).map(
    lambda of: (
        Release.api,
        {
            "metadata": {"name": f"{of[1]}-1"},
            "spec": {"workload": {"kind": of[0], "name": of[1]}},
            "status": {"outcome": of[2]},
        },
    )
)
POLICIES = st.tuples(st.sampled_from(["p", "q"]), VALUES).map(
    lambda of: (
        ErrorBudgetPolicy.api,
        {
            "metadata": {"name": of[0]},
            "spec": {
                "objectives": {"service": "a"},
                "rules": [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}],
            },
            "status": {"reason": of[1]},
        },
    )
)
OVERRIDES = st.sampled_from([{"gate": "a"}, {"gate": "b"}, {"scope": "Namespace"}]).map(
    lambda of: (
        Override.api,
        {
            "metadata": {"name": of.get("gate", "all"), "creationTimestamp": "2026-03-01T11:00:00Z"},
            "spec": {**of, "reason": "a hotfix", "by": "ann", "until": "2026-03-01T18:00:00Z"},
        },
    )
)
EVENTS = st.tuples(
    st.sampled_from(["put", "put", "put", "remove"]),
    st.sampled_from(["shop", "shop", "shop", "attic"]),
    st.one_of(workloads(), workloads(), GATES, RELEASES, POLICIES, OVERRIDES),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(EVENTS, max_size=14))
def test_whoever_sees_something_else_is_looked_at(events: list[Event]) -> None:
    expect_walked(after(events, [ReleaseGateController()]))


def expect_walked(store: Store) -> None:
    for gate in store.resources(ReleaseGate):
        manifest = store.get(ReleaseGate.api, gate.key)
        assert manifest is not None
        walked = [
            key(api, workload)
            for api in WORKLOADS
            for workload in store.all(api, gate.key.namespace)
            if concerns(gate.spec.workloads, api.kind, workload)
        ]
        found = under_gate(manifest, store)
        assert sorted(key(api, workload) for api, workload in found) == sorted(walked)
        assert all(manifest in over(api, workload, store) for api, workload in found)
