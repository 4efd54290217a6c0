"""Reads the figures of the objectives that a policy selects, and looks again when they change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import datetime

from ninefold.kube.api import Key, Manifest
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.latch import Reading
from ninefold.reliability.errorbudgetpolicy.plan import Objective, Observed, plan
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicyStatus, Objectives
from ninefold.reliability.errorbudgetpolicy.selection import selects
from ninefold.reliability.servicelevelobjective.figure import FRESH, Snapshot
from ninefold.reliability.servicelevelobjective.figures import Figures
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def _policies(manifest: Manifest, store: Store) -> Iterable[Key]:
    # All of the namespace: an objective whose labels changed concerns those that no longer select it, too.
    return store.keys(ErrorBudgetPolicy.api, Key.of(manifest).namespace)


def reading(slo_id: str, snapshot: Snapshot, now: datetime) -> Reading:
    """What the snapshot says about an objective."""
    figure = snapshot.by_id.get(slo_id) if snapshot.fresh(now) else None
    if figure is None:
        return Reading("Unknown")
    return Reading(figure.data, figure.budget_left, figure.burn, figure.coverage)


class ErrorBudgetPolicyController(Controller[ErrorBudgetPolicy, Observed]):
    """Figures come from the snapshot that all objectives share, not from their statuses: those are for people."""

    resource = ErrorBudgetPolicy
    watches = (Watch(ServiceLevelObjective.api, _policies),)

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def observe(self, resource: ErrorBudgetPolicy, store: Store, now: datetime) -> Observed:
        snapshot = self._figures.snapshot
        return Observed(
            objectives=_objectives(resource, store, snapshot, now),
            asked=snapshot.asked,
            figures_at=snapshot.at,
            stale_at=snapshot.at + FRESH if snapshot.at and not snapshot.reachable else None,
        )

    def plan(self, resource: ErrorBudgetPolicy, observed: Observed, now: datetime) -> Plan[ErrorBudgetPolicyStatus]:
        return plan(resource, observed, now)

    async def feed(self, store: Store) -> AsyncIterator[Key]:
        async for slo_id in self._figures.changes():
            namespace, _, name = slo_id.partition("/")
            slo = store.get(ServiceLevelObjective.api, Key(namespace, name))
            if slo is None:
                continue
            for policy in store.all(ErrorBudgetPolicy.api, namespace):
                if selects(policy.get("spec", {}).get("objectives") or {}, slo):
                    yield Key.of(policy)


def _objectives(resource: ErrorBudgetPolicy, store: Store, snapshot: Snapshot, now: datetime) -> list[Objective]:
    """Those that are selected, by name; of those listed by name also the ones that do not exist."""
    wanted: Objectives = resource.spec.objectives
    wire = wanted.model_dump(by_alias=True, exclude_none=True)
    found = {
        Key.of(slo).name: Objective(
            name=Key.of(slo).name,
            window=slo.get("spec", {}).get("window", {}).get("rolling", ""),
            reading=reading(str(Key.of(slo)), snapshot, now),
        )
        for slo in store.all(ServiceLevelObjective.api, resource.key.namespace)
        if selects(wire, slo)
    }
    absent = {name: Objective(name, "", Reading("Unknown")) for name in wanted.names or () if name not in found}
    return [objective for _, objective in sorted({**found, **absent}.items())]
