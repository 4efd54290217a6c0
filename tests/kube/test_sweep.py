"""What the first listing says when it cannot be complete."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import Field

from ninefold.kube.client import connect
from ninefold.kube.clock import SystemClock
from ninefold.kube.controller import Controller
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.metrics import Metrics
from ninefold.kube.model import Resource, Spec, Status
from ninefold.kube.plan import Plan, Verdict
from ninefold.kube.queue import WorkQueue
from ninefold.kube.store import Store
from ninefold.kube.sweep import Sweep
from tests.faultproxy import FaultProxy


class Ghost(Resource, plural="ghosts"):
    """A kind whose CRD nobody has applied."""

    spec: Spec
    status: Status = Field(default_factory=lambda: Status.model_validate({}))


class GhostController(Controller[Ghost, None]):
    resource = Ghost

    def plan(self, resource: Ghost, observed: None, now: object) -> Plan[Status]:
        return Plan(status=resource.status, ready=Verdict("True", "Seen", "Seen."))


def test_a_kind_that_the_cluster_does_not_know_is_warned_of_once_with_the_remedy(
    proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(proxy.kubeconfig))

    async def scenario() -> Sweep:
        queue: WorkQueue[QueueItem] = WorkQueue()
        cluster = await connect(Metrics())
        sweep = Sweep(cluster, Dispatcher([GhostController()], Store(), queue), SystemClock(), Metrics())
        try:
            assert [await sweep.once() for _ in range(3)] == [False] * 3
        finally:
            await cluster.close()
        return sweep

    sweep = asyncio.run(scenario())
    assert sweep.faults == ["the cluster does not know this resource: kubectl apply --server-side -k crds/"]
    (record,) = (record for record in caplog.records if record.message == "Could not list")
    assert (record.resource, record.why) == ("ghosts.ninefold.dev", sweep.faults[0])  # type: ignore[attr-defined]
