"""Whom a change concerns, and what a look reads, costs what it finds: not what else is in the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.counting import CountingStore

from ninefold.kube.api import HELM_RELEASE, Api, Key
from ninefold.kube.controller import AnyController
from ninefold.release.clusterreleasegate.controller import ClusterReleaseGateController
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.following import GATE
from ninefold.release.override.controller import OverrideController
from ninefold.release.override.resource import Override
from ninefold.release.release.controller import ReleaseController
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.figure import Snapshot
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

MANY = 200
UNTIL = "2026-03-01T18:00:00Z"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Figures:
    snapshot = Snapshot()

    async def changes(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""


RELEASES = ReleaseController(Figures(), [HELM_RELEASE])


def put(store: CountingStore, api: Api, number: int, **parts: Any) -> None:
    metadata: dict[str, Any] = {
        "name": f"it-{number}",
        "uid": f"{api.kind}-{number}",
        "resourceVersion": str(number + 1),
    }
    metadata |= {"namespace": "shop"} if api.namespaced else {}
    metadata |= {"generation": 1, "creationTimestamp": "2026-03-01T12:00:00Z", **parts.pop("metadata", {})}
    store.put(api, {"apiVersion": api.api_version, "kind": api.kind, "metadata": metadata, **parts})


@pytest.fixture
def store() -> CountingStore:
    """Each service with a gate, a policy, an objective, a HelmRelease, an override and a record of its own."""
    store = CountingStore()
    for number in range(MANY):
        name = f"it-{number}"
        policy = {"errorBudgetPolicy": name}
        put(store, ReleaseGate.api, number, spec={"workloads": {"service": name}, "sources": [policy]})
        above = {"errorBudgetPolicy": {"namespace": "shop", "name": name}}
        put(store, ClusterReleaseGate.api, number, spec={"namespaces": {}, "sources": [above]})
        rules = [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}]
        put(store, ErrorBudgetPolicy.api, number, spec={"objectives": {"service": name}, "rules": rules})
        put(store, ServiceLevelObjective.api, number, spec={"service": name})
        put(store, HELM_RELEASE, number, metadata={"annotations": {GATE: name}}, spec={})
        put(store, Override.api, number, spec={"gate": name, "reason": "hotfix", "by": "ann", "until": UNTIL})
        workload = {"workload": {"kind": "Deployment", "name": name}, "sequence": 1, "templateHash": "abc"}
        passed = {"gate": name, "service": name, "overrides": [{"name": name, "gate": name, "by": "ann"}]}
        put(store, Release.api, number, spec=workload | passed)
    return store


def woken(controller: AnyController, api: Api, store: CountingStore) -> Iterable[Key]:
    """By an event about the object it-7, as the second of its kind: the first fills the indexes."""
    (watch,) = (each for each in controller.watches if each.api == api)
    for number in (3, 7):
        store.since_now()
        name = f"it-{number}"
        (manifest,) = (each for each in list(store.all(api)) if each["metadata"]["name"] == name)
        store.since_now()
        found = list(watch.keys(manifest, store))
    return found


@pytest.mark.parametrize(
    ("controller", "api"),
    [(ClusterReleaseGateController(), ErrorBudgetPolicy.api), (OverrideController(), Release.api)],
    ids=["a policy's cluster gates", "a record's overrides"],
)
def test_an_event_costs_what_it_concerns(controller: AnyController, api: Api, store: CountingStore) -> None:
    assert [key.name for key in woken(controller, api, store)] == ["it-7"]
    assert store.handed_out <= 2


def test_a_new_gate_costs_what_follows_it(store: CountingStore) -> None:
    woken(RELEASES, ReleaseGate.api, store)
    assert store.handed_out <= 4


def test_a_look_at_a_record_reads_its_own_objectives(store: CountingStore) -> None:
    (record,) = (each for each in list(store.resources(Release)) if each.metadata.name == "it-7")
    asyncio.run(RELEASES.observe(record, store, NOW))
    store.since_now()
    observed = asyncio.run(RELEASES.observe(record, store, NOW))
    assert list(observed.readings) == ["it-7"]
    assert store.handed_out <= 8


def test_a_look_at_an_override_reads_its_own_records(store: CountingStore) -> None:
    (override,) = (each for each in list(store.resources(Override)) if each.metadata.name == "it-7")
    counted = []
    for kept in (MANY, MANY // 2):
        for record in list(store.all(Release.api))[kept:]:
            store.remove(Release.api, record)
        asyncio.run(OverrideController().observe(override, store, NOW))
        store.since_now()
        assert asyncio.run(OverrideController().observe(override, store, NOW)).uses == 1
        counted.append(store.handed_out)
    assert counted[0] == counted[1], "the records of others cost nothing"
