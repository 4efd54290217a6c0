"""Reads the figures of the objectives that a policy selects, and looks again when they change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ninefold.kube.api import Key, Manifest
from ninefold.kube.controller import Controller, Watch, in_namespace_of
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.plan import Observed, plan
from ninefold.reliability.errorbudgetpolicy.reading import Objective, Reading
from ninefold.reliability.errorbudgetpolicy.resource import (
    ErrorBudgetPolicy,
    ErrorBudgetPolicyStatus,
    Objectives,
    selects,
)
from ninefold.reliability.servicelevelobjective.figure import FRESH, Snapshot
from ninefold.reliability.servicelevelobjective.figures import Figures
from ninefold.reliability.servicelevelobjective.periods import Span, period
from ninefold.reliability.servicelevelobjective.resource import Calendar, ServiceLevelObjective


def reading(slo_id: str, snapshot: Snapshot, now: datetime) -> Reading:
    """What the snapshot says about an objective."""
    figure = snapshot.by_id.get(slo_id) if snapshot.fresh(now) else None
    if figure is None:
        return Reading("Unknown")
    return Reading(figure.data, figure.budget_left, figure.burn, figure.coverage)


class ErrorBudgetPolicyController(Controller[ErrorBudgetPolicy, Observed]):
    """Figures come from the snapshot that all objectives share, not from their statuses: those are for people."""

    resource = ErrorBudgetPolicy
    watches = (Watch(ServiceLevelObjective.api, in_namespace_of(ErrorBudgetPolicy.api)),)

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
        Key.of(slo).name: _objective(slo, snapshot, now)
        for slo in store.all(ServiceLevelObjective.api, resource.key.namespace)
        if selects(wire, slo)
    }
    absent = {name: Objective(name, "", Reading("Unknown")) for name in wanted.names or () if name not in found}
    return [objective for _, objective in sorted({**found, **absent}.items())]


def _objective(slo: Manifest, snapshot: Snapshot, now: datetime) -> Objective:
    window = slo.get("spec", {}).get("window") or {}
    calendar = window.get("calendar") or {}
    return Objective(
        name=Key.of(slo).name,
        window=window.get("rolling") or calendar.get("period", ""),
        reading=reading(str(Key.of(slo)), snapshot, now),
        period=_period(calendar, now) if calendar else None,
    )


def _period(calendar: Manifest, now: datetime) -> Span | None:
    """None for one that its objective cannot be measured by: it says so itself, and has no figures."""
    try:
        return period(Calendar.model_validate(calendar), now)
    except (Stalled, ValueError):
        return None
