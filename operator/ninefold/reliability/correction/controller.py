"""Reports when a correction is active and which objectives it applies to. The rules of objectives put it into
effect."""

from __future__ import annotations

from datetime import datetime

from ninefold.domain.selectors.objectives import selected
from ninefold.kube.api import Key
from ninefold.kube.controller import Controller, Watch, in_namespace_of, written
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.correction.plan import Observed, plan
from ninefold.reliability.correction.resource import Correction, CorrectionStatus
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


class CorrectionController(Controller[Correction, Observed]):
    """Writes nothing but the status."""

    resource = Correction
    watches = (Watch(ServiceLevelObjective.api, in_namespace_of(Correction.api), reads=written),)

    async def observe(self, resource: Correction, store: Store, now: datetime) -> Observed:
        wanted = resource.spec.objectives.wire()
        chosen = (
            store.resource(ServiceLevelObjective, Key.of(slo))
            for slo in selected(wanted, resource.key.namespace, store)
        )
        windows = {slo.metadata.name: slo.spec.window for slo in chosen if slo is not None}
        missing = [name for name in resource.spec.objectives.names or () if name not in windows]
        return Observed(sorted(windows.items(), key=lambda item: item[0]), missing)

    def plan(self, resource: Correction, observed: Observed, now: datetime) -> Plan[CorrectionStatus]:
        return plan(resource, observed, now)
