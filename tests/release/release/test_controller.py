"""From changes in the cluster to the records that are looked at, made and dropped."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any

import pytest
from tests.builders.release import DAY, NOW, deployment, names, stored

from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.kube.api import DEPLOYMENT, Key, Manifest
from ninefold.kube.fields import rfc3339
from ninefold.kube.store import Store
from ninefold.release.override.resource import Override
from ninefold.release.release import revision
from ninefold.release.release.controller import ReleaseController
from ninefold.release.release.plan import Observed
from ninefold.release.release.resource import Release
from ninefold.release.release.spending import SpendingReading
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

SHOP = "shop"


class Figures:
    """Figures without a Prometheus."""

    def __init__(self, snapshot: Snapshot, changed: tuple[str, ...] = ()) -> None:
        self.snapshot = snapshot
        self._changed = changed

    async def changes(self) -> AsyncIterator[str]:
        for slo_id in self._changed:
            yield slo_id


class Cluster:
    """A store that is fed as the watches would feed it."""

    def __init__(self, figures: dict[str, Measurement] | None = None, changed: tuple[str, ...] = ()) -> None:
        snapshot = Snapshot(at=NOW, reachable=True, error="", by_id=figures or {})
        self.controller = ReleaseController(Figures(snapshot, changed))
        self.store = Store()
        self._version = 0

    def put(self, api: Any, manifest: Manifest) -> Manifest:
        self._version += 1
        metadata = {"namespace": SHOP, **manifest["metadata"], "resourceVersion": str(self._version)}
        self.store.serve(api, True)
        self.store.put(api, {**manifest, "metadata": metadata})
        found = self.store.get(api, Key.of({"metadata": metadata}))
        assert found is not None
        return found

    def gate(self, name: str = "checkout", **spec: Any) -> Manifest:
        selected = {"workloads": {"matchLabels": {"app": "checkout"}}, "sources": [{"errorBudgetPolicy": "checkout"}]}
        return self.put(ReleaseGate.api, {"metadata": {"name": name}, "spec": {**selected, **spec}})

    def policy(self) -> None:
        spec = {"objectives": {"service": "web"}}
        self.put(ErrorBudgetPolicy.api, {"metadata": {"name": "checkout"}, "spec": spec})
        for name, service in (("latency", "web"), ("availability", "web"), ("other", "cart")):
            self.put(ServiceLevelObjective.api, {"metadata": {"name": name}, "spec": {"service": service}})

    def deploy(self, image: str = "checkout:v1", **metadata: Any) -> Manifest:
        return self.put(DEPLOYMENT, deployment(image, **metadata))

    def woken(self, api: Any, manifest: Manifest) -> list[Key]:
        return [
            key for watch in self.controller.watches if watch.api == api for key in watch.keys(manifest, self.store)
        ]

    def record(self, image: str, created: datetime = NOW, **status: Any) -> Manifest:
        """Deploys it and makes its record."""
        key = self.woken(DEPLOYMENT, self.deploy(image))[-1]
        manifest = self.controller.missing(key, self.store)
        assert manifest is not None
        return self.put(Release.api, stored(manifest, created, **status))

    def observe(self, record: Manifest) -> Observed:
        return asyncio.run(self.controller.observe(Release.parse(record), self.store, NOW))


def test_a_workload_under_a_gate_leads_to_the_record_that_it_misses() -> None:
    cluster = Cluster()
    workload = cluster.deploy()
    assert cluster.woken(DEPLOYMENT, workload) == []
    (key,) = cluster.woken(ReleaseGate.api, cluster.gate())
    assert cluster.woken(DEPLOYMENT, workload) == [key]
    manifest = cluster.controller.missing(key, cluster.store)
    assert manifest is not None
    assert Key.of(manifest) == key
    cluster.put(Release.api, stored(manifest))
    assert cluster.woken(ReleaseGate.api, cluster.gate()) == []


def test_two_gates_are_no_two_releases() -> None:
    cluster = Cluster()
    for name in ("web", "checkout"):
        cluster.gate(name)
    (key,) = cluster.woken(DEPLOYMENT, cluster.deploy())
    manifest = cluster.controller.missing(key, cluster.store)
    assert manifest is not None
    assert manifest["spec"]["gate"] == "checkout"


FIX = {"name": "fix", "by": "ann", "until": rfc3339(NOW + DAY)}
OF_V2 = {"name": "of-v2", "by": "bob", "until": rfc3339(NOW + DAY), "images": ["checkout:v2"]}


@pytest.mark.parametrize(
    ("status", "mode", "images", "passed"),
    [
        ({"decision": "Hold", "overrides": [FIX]}, "Enforce", ("checkout:v1", "checkout:v2"), ["fix"]),
        ({"decision": "Deny", "overrides": [OF_V2, FIX]}, "Enforce", ("checkout:v1", "checkout:v2"), ["of-v2"]),
        ({"decision": "Hold", "overrides": [OF_V2, FIX]}, "Enforce", ("checkout:v1", "checkout:v3"), ["fix"]),
        ({"decision": "Hold", "overrides": [OF_V2]}, "Enforce", ("checkout:v1", "checkout:v3"), []),
        ({"decision": "Allow", "overrides": [FIX]}, "Enforce", ("checkout:v1", "checkout:v2"), []),
        ({"decision": "Hold", "overrides": [FIX]}, "Audit", ("checkout:v1", "checkout:v2"), []),
        ({"decision": "Hold", "overrides": [FIX]}, "Enforce", ("checkout:v1",), []),
        # A rollback passes by itself.
        (
            {"decision": "Hold", "overrides": [FIX], "knownGoodImages": ["checkout:v1"]},
            "Enforce",
            ("checkout:v2", "checkout:v1"),
            [],
        ),
    ],
)
def test_a_record_names_the_override_by_which_its_change_passed(
    status: dict[str, Any], mode: str, images: tuple[str, ...], passed: list[str]
) -> None:
    cluster = Cluster()
    gate = cluster.gate("line", workloads={"scope": "Namespace"}, mode=mode)
    cluster.put(ReleaseGate.api, {**gate, "status": status})
    cluster.gate("of-others", workloads={"names": ["Deployment/other"]})
    spec = {"gate": "line", "by": "ann", "reason": "incident 4712", "until": rfc3339(NOW + DAY)}
    cluster.put(Override.api, {"metadata": {"name": "fix"}, "spec": spec})
    for image in images:
        record = cluster.record(image)
    found = record["spec"].get("overrides", [])
    assert [each["name"] for each in found] == passed
    if passed == ["fix"]:
        assert found == [{"name": "fix", "gate": "line", "by": "ann", "reason": "incident 4712"}]


def test_what_nobody_misses_is_not_made() -> None:
    cluster = Cluster()
    cluster.gate()
    (old,) = names([cluster.record("checkout:v1")])
    cluster.record("checkout:v2")
    for name in (old, "checkout-1-0123456789", "other"):
        assert cluster.controller.missing(Key(SHOP, name), cluster.store) is None


def test_a_gate_without_labels_or_a_workload_without_template_leads_nowhere() -> None:
    cluster = Cluster()
    gate = cluster.gate(workloads={})
    assert cluster.woken(DEPLOYMENT, cluster.deploy()) == cluster.woken(ReleaseGate.api, gate) == []
    cluster.gate()
    broken = cluster.put(DEPLOYMENT, {**deployment(), "spec": {"selector": {"matchLabels": {"app": "checkout"}}}})
    assert cluster.woken(DEPLOYMENT, broken) == []


def test_the_service_is_that_of_the_objectives_of_the_gate() -> None:
    cluster = Cluster()
    cluster.gate()
    cluster.policy()
    assert cluster.record("checkout:v1")["spec"]["service"] == "web"


def test_a_change_wakes_what_is_not_closed_and_a_new_record_all() -> None:
    cluster = Cluster(changed=("shop/latency", "elsewhere/latency"))
    cluster.gate()
    closed = cluster.record("checkout:v1", outcome="Succeeded", closed=True)
    present = cluster.record("checkout:v2", outcome="Progressing")
    assert cluster.woken(DEPLOYMENT, cluster.deploy("checkout:v2")) == [Key.of(present)] * 2

    async def fed() -> list[Key]:
        return [key async for key in cluster.controller.feed(cluster.store)]

    assert asyncio.run(fed()) == [Key.of(present)]
    assert list(cluster.controller.concerned(None, present, cluster.store)) == []
    new = cluster.record("checkout:v3")
    assert set(cluster.controller.concerned(None, new, cluster.store)) == {Key.of(closed), Key.of(present), Key.of(new)}


def test_it_observes_its_workload_its_objectives_and_what_came_after() -> None:
    figures = {
        "shop/latency": Measurement(budget_left=0.4, burn={"5m": 9.0, "1h": 2.0}, events_per_second=7.0),
        "shop/availability": Measurement(budget_left=0.9, events_per_second=0.0),
        "shop/other": Measurement(budget_left=0.1, events_per_second=7.0),
    }
    cluster = Cluster(figures)
    cluster.gate(records={"keep": 7, "maxAge": "10d"})
    cluster.policy()
    first = cluster.record("checkout:v1", outcome="Succeeded")
    second = cluster.record("checkout:v2", NOW + DAY, outcome="Succeeded")
    back = cluster.record("checkout:v1", NOW + 2 * DAY)
    seen = cluster.observe(first)
    assert [later.name for later in seen.later] == names([second, back])
    assert [later.rolls_back for later in seen.later] == [False, True]
    assert seen.later[0].began == NOW + DAY
    assert (seen.keep, seen.max_age, seen.gone) == (7, 10 * DAY, False)
    assert seen.readings == {"latency": SpendingReading(0.4, 2.0, 9.0), "availability": SpendingReading(0.9, 0.0, 0.0)}
    assert seen.workload is not None
    assert seen.workload.hash == first["spec"]["templateHash"]


def test_figures_that_are_broken_or_missing_are_none() -> None:
    cluster = Cluster({"shop/latency": Measurement(budget_left=0.4, coverage=0.5, burn={"1h": 0.0})})
    cluster.gate()
    cluster.policy()
    assert set(cluster.observe(cluster.record("checkout:v1")).readings.values()) == {SpendingReading()}


def test_without_its_gate_a_record_is_kept_as_by_default() -> None:
    cluster = Cluster()
    gate = cluster.gate(records={"keep": 7})
    record = cluster.record("checkout:v1")
    cluster.store.remove(ReleaseGate.api, gate)
    assert (cluster.observe(record).keep, cluster.observe(record).readings) == (20, {})


def test_a_workload_is_gone_only_if_its_kind_was_looked_for() -> None:
    cluster = Cluster()
    cluster.gate()
    record = cluster.record("checkout:v1")
    assert not cluster.observe(record).gone
    workload = cluster.store.get(DEPLOYMENT, Key(SHOP, "checkout"))
    assert workload is not None
    cluster.store.remove(DEPLOYMENT, workload)
    assert cluster.observe(record).gone
    cluster.store.serve(DEPLOYMENT, False)
    assert not cluster.observe(record).gone


def test_a_missing_record_is_found_without_a_walk(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    cluster.gate(workloads={"scope": "Namespace"})
    deployed = [cluster.deploy(f"checkout:v{number}", name=f"d{number}") for number in range(100)]
    keys = [key for manifest in deployed for key in cluster.woken(DEPLOYMENT, manifest)]
    assert all(cluster.controller.missing(key, cluster.store) for key in keys)
    read, seen = revision.read, []

    def counted(kind: str, manifest: Manifest) -> Any:
        seen.append(manifest["metadata"]["name"])
        return read(kind, manifest)

    monkeypatch.setattr(revision, "read", counted)
    for key in keys:
        assert cluster.controller.missing(key, cluster.store)
    assert len(seen) == len(keys) == 100
