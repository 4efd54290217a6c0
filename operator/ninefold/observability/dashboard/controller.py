"""Keeps dashboards as their objectives are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import CONFIG_MAP, GRAFANA_DASHBOARD, Key, Manifest
from ninefold.kube.controller import Controller, Watch, in_namespace_of, written
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.observability.dashboard.delivery import CONTENTS
from ninefold.observability.dashboard.objective import Tiers
from ninefold.observability.dashboard.plan import Observed, plan, see
from ninefold.observability.dashboard.resource import Dashboard, DashboardStatus
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_FLEETS = Index(Dashboard.api, lambda manifest: [Key.of(manifest).namespace] if "fleet" in manifest["spec"] else [])
"""The dashboards of fleets, by namespace."""


def _of_dashboard(changed: Manifest, store: Store) -> Iterable[Key]:
    """Fleets lead to the dashboards of services."""
    return (Key.of(fleet) for fleet in store.found(_FLEETS, Key.of(changed).namespace))


class DashboardController(Controller[Dashboard, Observed]):
    """Reads nothing but the store: figures are Grafana's to ask for."""

    resource = Dashboard
    # The status of an objective follows its figures, and is written often; no dashboard shows it.
    watches = (
        Watch(ServiceLevelObjective.api, in_namespace_of(Dashboard.api), reads=written),
        Watch(Dashboard.api, _of_dashboard, reads=written),
    )
    children = (CONFIG_MAP, GRAFANA_DASHBOARD)
    optional = frozenset({GRAFANA_DASHBOARD})
    contents = CONTENTS

    def __init__(self, tiers: Tiers) -> None:
        self._tiers = tiers

    async def observe(self, resource: Dashboard, store: Store, now: datetime) -> Observed:
        namespace = resource.metadata.namespace
        return see(
            resource,
            store.all(ServiceLevelObjective.api, namespace),
            store.all(Dashboard.api, namespace),
            self._tiers,
            takes_grafana_dashboards=store.serves(GRAFANA_DASHBOARD),
        )

    def plan(self, resource: Dashboard, observed: Observed, now: datetime) -> Plan[DashboardStatus]:
        return plan(resource, observed, now)
