"""The operator's own loop without a cluster: figures are polled each minute, controllers observe and plan when they are
told to or when it is time, and every status is written and read back as JSON."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast

import numpy as np
from tests.reliability.replay.recorded import BEGIN, MINUTE

from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.integrations.prometheus import Prometheus
from ninefold.integrations.prometheus_answers import Sample
from ninefold.kube.api import Key, Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.store import Store
from ninefold.release.gate import effective
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.backtest.grid import Vector
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

States = list[tuple[datetime, object]]


class _Recordings:
    """A Prometheus that answers with what was recorded at a minute."""

    def __init__(self, recorded: Mapping[str, Vector]) -> None:
        self._series = [(dict(labels), values) for vector in recorded.values() for labels, values in vector.items()]
        self.minute = 0

    async def query(self, _: str) -> list[Sample]:
        there = ((labels, values[self.minute]) for labels, values in self._series)
        return [Sample(labels, float(value), 0.0) for labels, value in there if not np.isnan(value)]


class Loop:
    """One policy, and a gate that it may be a source of."""

    def __init__(
        self, recorded: Mapping[str, Vector], slos: Sequence[Manifest], policy: Manifest, gate: Manifest
    ) -> None:
        self.now = BEGIN
        self.states: States = []
        self.decisions: States = []
        self._prometheus = _Recordings(recorded)
        self._figures = MeasurementPoller(cast(Prometheus, self._prometheus), clock=lambda: self.now)
        self._policies: AnyController = ErrorBudgetPolicyController(self._figures)
        self._gates: AnyController = ReleaseGateController()
        self._store, self._version = Store(), 0
        self._due: dict[type[Any], datetime | None] = {}
        for slo in slos:
            self._put(ServiceLevelObjective, slo)
        self._put(ErrorBudgetPolicy, policy)
        self._put(ReleaseGate, gate)

    def release(self, manifest: Manifest) -> None:
        self._put(Release, manifest)

    async def run(self, minutes: int) -> None:
        told: list[Key] = []
        feed = asyncio.create_task(self._collect(told))
        for minute in range(minutes):
            await self._pass_until(BEGIN + minute * MINUTE)
            self.now, self._prometheus.minute = BEGIN + minute * MINUTE, minute
            await self._figures.poll()
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            due = self._due.get(ErrorBudgetPolicy)
            if told or minute == 0 or due == self.now:
                await self._look_at_policy()
            if self._due.get(ReleaseGate) == self.now:
                await self._look_at_gate()
            told.clear()
        feed.cancel()

    async def _collect(self, told: list[Key]) -> None:
        async for key in self._policies.feed(self._store):
            told.append(key)

    async def _pass_until(self, end: datetime) -> None:
        looks = {ErrorBudgetPolicy: self._look_at_policy, ReleaseGate: self._look_at_gate}
        while coming := [(due, kind.__name__, kind) for kind, due in self._due.items() if due and due < end]:
            self.now, _, kind = min(coming)
            await looks[kind]()

    async def _look_at_policy(self) -> None:
        before = self._stored(ErrorBudgetPolicy).get("status")
        status = await self._look(self._policies, ErrorBudgetPolicy)
        note(self.states, self.now, status.state)
        if before != self._stored(ErrorBudgetPolicy)["status"]:
            await self._look_at_gate()

    async def _look_at_gate(self) -> None:
        status = await self._look(self._gates, ReleaseGate)
        note(self.decisions, self.now, effective.decision(status, self.now))

    async def _look(self, controller: AnyController, kind: type[Any]) -> Any:
        manifest = self._stored(kind)
        resource = kind.parse(manifest)
        plan = controller.plan(resource, await controller.observe(resource, self._store, self.now), self.now)
        self._due[kind] = plan.due if plan.due and plan.due > self.now else None
        stored = plan.status.wire()
        self._put(kind, {**manifest, "status": stored})
        return kind.parse(self._stored(kind)).status

    def _stored(self, kind: type[Any]) -> Manifest:
        (manifest,) = self._store.all(kind.api)
        return manifest

    def _put(self, kind: type[Any], manifest: Manifest) -> None:
        self._version += 1
        metadata = {**manifest["metadata"], "resourceVersion": str(self._version)}
        self._store.put(kind.api, {**manifest, "metadata": metadata})


def note(states: States, now: datetime, state: object) -> None:
    """Add a state unless it is the last one; of two at one time the second counts."""
    if not states or states[-1][1] != state:
        if states and states[-1][0] == now:
            states.pop()
        states.append((now, state))
