"""Reads the figures of the objectives that a policy selects, and looks again when they change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ninefold.kube.api import Key
from ninefold.kube.controller import Controller, Watch, in_namespace_of
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.observation import observed
from ninefold.reliability.errorbudgetpolicy.plan import Observed, plan
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicyStatus, selects
from ninefold.reliability.servicelevelobjective.figures import Figures
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


class ErrorBudgetPolicyController(Controller[ErrorBudgetPolicy, Observed]):
    """Figures come from the snapshot that all objectives share, not from their statuses: those are for people."""

    resource = ErrorBudgetPolicy
    watches = (Watch(ServiceLevelObjective.api, in_namespace_of(ErrorBudgetPolicy.api)),)

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    async def observe(self, resource: ErrorBudgetPolicy, store: Store, now: datetime) -> Observed:
        slos = store.all(ServiceLevelObjective.api, resource.key.namespace)
        return observed(resource, slos, self._figures.snapshot, now)

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
