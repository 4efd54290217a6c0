"""Tells whether an Override counts. The gate lets change pass, and the API server enforces it."""

from __future__ import annotations

from datetime import datetime

from ninefold.kube.controller import Controller, Watch, in_namespace_of
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.override.plan import Observed, plan
from ninefold.release.override.resource import Override, OverrideStatus
from ninefold.release.releasegate.resource import ReleaseGate


class OverrideController(Controller[Override, Observed]):
    """Decides nothing but the state of the record."""

    resource = Override
    watches = (Watch(ReleaseGate.api, in_namespace_of(Override.api)),)

    async def observe(self, resource: Override, store: Store, now: datetime) -> Observed:
        gates = store.resources(ReleaseGate, resource.key.namespace)
        return Observed(sorted(gates, key=lambda gate: gate.key))

    def plan(self, resource: Override, observed: Observed, now: datetime) -> Plan[OverrideStatus]:
        return plan(resource, observed, now)
