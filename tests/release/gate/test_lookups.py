"""Whom a change concerns, and what a look reads, costs what it finds: not what else is in the cluster."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.counting import CountingStore

from ninefold.domain.measurements.measurement import Snapshot
from ninefold.kube.api import DEPLOYMENT, HELM_RELEASE, Api, Key
from ninefold.kube.controller import AnyController
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.release.clusterreleasegate.controller import ClusterReleaseGateController
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.override.controller import OverrideController
from ninefold.release.override.resource import Override
from ninefold.release.release.controller import ReleaseController
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.annotation import GATE
from ninefold.reliability.correction.controller import CorrectionController
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

MANY = 200
UNTIL = "2026-03-01T18:00:00Z"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Figures:
    snapshot = Snapshot()

    async def changes(self) -> AsyncIterator[str]:
        await asyncio.Event().wait()
        yield ""


ONCE = {"start": "2026-03-01T11:00:00Z", "end": "2026-03-01T13:00:00Z"}
DASHBOARDS = DashboardController(tiers)
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
        put(store, Dashboard.api, number, spec={"service": name})
        put(store, Correction.api, number, spec={"objectives": {"service": name}, "reason": "a move", "once": ONCE})
        labels = {"labels": {"app": name, "tier": "web"}}
        put(store, DEPLOYMENT, number, metadata=labels, spec={"selector": {"matchLabels": {"app": name}}})
    return store


def woken(controller: AnyController, api: Api, store: CountingStore) -> Iterable[Key]:
    """By an event about the object it-7, as the second of its kind: the first fills the indexes."""
    watch = next(each for each in controller.watches if each.api == api)
    for number in (3, 7):
        store.since_now()
        name = f"it-{number}"
        (manifest,) = (each for each in list(store.all(api)) if each["metadata"]["name"] == name)
        store.since_now()
        found = list(watch.keys(manifest, store))
    return found


@pytest.mark.parametrize(
    ("controller", "api"),
    [
        (ClusterReleaseGateController(), ErrorBudgetPolicy.api),
        (OverrideController(), Release.api),
        (OverrideController(), ReleaseGate.api),
        (ReleaseGateController(), ErrorBudgetPolicy.api),
        (ReleaseGateController(), Release.api),
        (ReleaseGateController(), DEPLOYMENT),
        (DASHBOARDS, ServiceLevelObjective.api),
    ],
    ids=[
        "a policy's cluster gates",
        "a record's overrides",
        "a gate's overrides",
        "a policy's gates",
        "a record's gates",
        "a workload's gates",
        "an objective's dashboards",
    ],
)
def test_an_event_costs_what_it_concerns(controller: AnyController, api: Api, store: CountingStore) -> None:
    assert [key.name for key in woken(controller, api, store)] == ["it-7"]
    assert store.handed_out <= 3


@pytest.mark.parametrize(
    "controller",
    [
        ReleaseGateController(),
        ErrorBudgetPolicyController(Figures()),
        CorrectionController(),
        DashboardController(tiers),
    ],
    ids=lambda controller: controller.resource.api.kind,
)
def test_a_look_costs_what_it_sees(controller: AnyController, store: CountingStore) -> None:
    (resource,) = (each for each in list(store.resources(controller.resource)) if each.metadata.name == "it-7")
    asyncio.run(controller.observe(resource, store, NOW))
    store.since_now()
    asyncio.run(controller.observe(resource, store, NOW))
    assert store.handed_out <= 8


def test_a_fleet_is_not_made_again_for_an_edit_that_it_does_not_show(store: CountingStore) -> None:
    """One that shows all of its namespace finds them in Grafana: only how many there are stands in its status."""
    put(store, Dashboard.api, MANY, spec={"fleet": {}})
    watches = [each for each in DASHBOARDS.watches if each.api == ServiceLevelObjective.api]
    (before,) = (each for each in list(store.all(ServiceLevelObjective.api)) if each["metadata"]["name"] == "it-7")
    edited = {**before, "spec": {**before["spec"], "objective": "99"}}
    concerned = [
        {key.name for watch in watches for key in watch.concerns(old, edited, store)} for old in (before, None)
    ]
    assert concerned == [{"it-7"}, {"it-7", f"it-{MANY}"}]


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
