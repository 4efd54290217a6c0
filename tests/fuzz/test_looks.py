"""Whatever a stranger writes: it is served, refused or Stalled with a sentence, soon, and its neighbours are served."""

from __future__ import annotations

import asyncio
import copy
import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from tests.fuzz.hostile import Hostile, samples, schemas

from ninefold.cli.run.collectors import collectors
from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kinds import MODELS
from ninefold.kube.api import DEPLOYMENT, NAMESPACE, Key, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.export import Tolerant
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.release.clusterreleasegate.controller import ClusterReleaseGateController
from ninefold.release.override.controller import OverrideController
from ninefold.release.release.controller import ReleaseController
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.reliability.correction.controller import CorrectionController
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.controller import ServiceLevelObjectiveController
from ninefold.reliability.servicelevelobjective.output.manifests import OutputChoice

NOW = datetime(2026, 11, 23, 18, tzinfo=UTC)
LIMIT = 1.0
"""Seconds of CPU time of one look, where FLOOR holds; the slowest ones take 0.05 s there."""
FLOOR = 0.01
"""Seconds of CPU time of what `pace` works out."""
NAMESPACES = ("shop", "default")
SCHEMAS, SAMPLES = schemas(), samples()
BY_KIND = {kind.api.kind: kind for kind in MODELS}
RELEASE: Manifest = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "Release",
    "metadata": {"name": "checkout-1-abc", "namespace": "shop"},
    "spec": {
        "workload": {"kind": "Deployment", "name": "checkout"},
        "sequence": 1,
        "templateHash": "abc",
        "images": ["checkout:v1"],
        "service": "checkout",
        "gate": "checkout",
    },
    "status": {"outcome": "Succeeded", "start": "2026-11-23T17:00:00Z", "suspicion": "0.60"},
}


class World:
    """A cluster as the store sees it: our samples, and one object of a stranger among them."""

    def __init__(self) -> None:
        unreachable = Prometheus(ConnectionOptions("http://127.0.0.1:1"))
        figures = MeasurementPoller(unreachable)
        self.sources, measured = (
            PrometheusSources([PrometheusSource(unreachable, each)])
            for each in (MeasurementPoller(unreachable), figures)
        )
        burnt = Measurement(budget_left=-0.2, burn={"5m": 20.0, "1h": 20.0, "6h": 3.0}, coverage=1.0)
        by_id = {f"{namespace}/checkout-availability": burnt for namespace in NAMESPACES}
        figures._snapshot = Snapshot(at=NOW, reachable=True, error="", by_id=by_id)
        self.controllers: dict[str, AnyController] = {
            controller.resource.api.kind: controller
            for controller in (
                ServiceLevelObjectiveController(self.sources, OutputChoice()),
                CorrectionController(),
                ErrorBudgetPolicyController(measured),
                ReleaseGateController(),
                ClusterReleaseGateController(),
                OverrideController(),
                ReleaseController(measured),
                DashboardController(tiers),
            )
        }
        self.neighbours = [_placed(each, kind) for kind, (each, *_) in {**SAMPLES, "Release": [RELEASE]}.items()]

    async def look(self, manifest: Manifest) -> None:
        """Look at the object, then at each neighbour with it in the store."""
        queue: WorkQueue[QueueItem] = WorkQueue()
        store = Store()
        dispatcher = Dispatcher(self.controllers.values(), store, queue)
        for namespace in NAMESPACES:
            dispatcher.seen(NAMESPACE, _namespace(namespace))
        dispatcher.seen(DEPLOYMENT, _deployment())
        for each in self.neighbours:
            if Key.of(each) != Key.of(manifest) or each["kind"] != manifest["kind"]:
                dispatcher.seen(BY_KIND[each["kind"]].api, each)
        dispatcher.seen(BY_KIND[manifest["kind"]].api, manifest)
        await self._one(manifest, store)
        for each in self.neighbours:
            if each["kind"] != manifest["kind"]:
                await self._one(each, store)
        for collector in collectors(store, self.sources):
            list(collector._collector.collect() if isinstance(collector, Tolerant) else ())

    async def _one(self, manifest: Manifest, store: Store) -> str:
        outcome, took = await self._timed(manifest, store)
        if took >= LIMIT:
            # Either the look or the machine is slow.
            took = min([(await self._timed(manifest, store))[1] for _ in range(2)])
            assert took < LIMIT * pace(), f"{took:.1f} s of CPU time"
        return outcome

    async def _timed(self, manifest: Manifest, store: Store) -> tuple[str, float]:
        """How a look ended, and the seconds of CPU time that it took."""
        controller = self.controllers[manifest["kind"]]
        begun = time.process_time()
        try:
            resource = controller.resource.parse(manifest)
            controller.plan(resource, await controller.observe(resource, store, NOW), NOW)
            outcome = "planned"
        except (Stalled, Waiting) as ended:
            outcome = ended.reason if ended.message.strip() else ""
        assert outcome, "there is no sentence"
        return outcome, time.process_time() - begun


def pace() -> float:
    """How many times as long as FLOOR this machine takes for the same work now; 1 at least."""
    begun = time.process_time()
    sum(number * number for number in range(300_000))
    return max(1.0, (time.process_time() - begun) / FLOOR)


def _placed(manifest: Manifest, uid: str) -> Manifest:
    found = copy.deepcopy(dict(manifest))
    cluster_wide = found["kind"] == "ClusterReleaseGate"
    found["metadata"] |= {
        "namespace": "" if cluster_wide else found["metadata"].get("namespace", "shop"),
        "uid": f"uid-{uid}",
        "generation": 1,
        "resourceVersion": "7",
        "creationTimestamp": "2026-11-01T00:00:00Z",
    }
    return found


def _namespace(name: str) -> Manifest:
    labels = {"environment": "production", "kubernetes.io/metadata.name": name}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name, "labels": labels, "resourceVersion": "1"},
    }


def _deployment() -> Manifest:
    template = {"metadata": {"labels": {"app": "checkout"}}, "spec": {"containers": [{"name": "a", "image": "a:v1"}]}}
    metadata = {"name": "checkout", "namespace": "shop", "resourceVersion": "1", "labels": {"app": "checkout"}}
    spec = {"selector": {"matchLabels": {"app": "checkout"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}


def objects(count: int, seed: int) -> Iterator[Manifest]:
    hostile = Hostile(seed)
    kinds = sorted(SCHEMAS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        known = SAMPLES.get(kind) or [RELEASE]
        made = hostile.mutant(known[number // len(kinds) % len(known)], SCHEMAS[kind])
        made["metadata"] = {**known[0]["metadata"], "name": f"odd-{number % 3}"}
        yield _placed(made, f"odd-{number}")


def look_at(count: int, seed: int) -> Counter[str]:
    """How the looks ended; fails with the object at the first that ended otherwise."""
    world, ended = World(), Counter[str]()

    async def run() -> None:
        for number, manifest in enumerate(objects(count, seed)):
            try:
                await world.look(manifest)
                ended[await world._one(manifest, Store())] += 1
            except Exception as error:
                raise AssertionError(f"object {number} of seed {seed}: {json.dumps(manifest)[:4000]}") from error

    asyncio.run(run())
    return ended


def test_a_few_hundred_objects() -> None:
    ended = look_at(240, seed=1)
    assert ended["planned"] > 20
    assert ended["InvalidSpec"] > 20


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", range(10, 20))
def test_ten_thousand_objects(seed: int) -> None:
    assert sum(look_at(1000, seed).values()) == 1000
