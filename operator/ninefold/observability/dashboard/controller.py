"""Keeps dashboards as their objectives are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import CONFIG_MAP, GRAFANA_DASHBOARD, Key, Manifest
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.observability.dashboard.objective import Tiers, shows
from ninefold.observability.dashboard.plan import Observed, plan, see
from ninefold.observability.dashboard.resource import Dashboard, DashboardStatus
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def _of_objective(slo: Manifest, store: Store) -> Iterable[Key]:
    """The dashboards that may look different now.

    Those that show it; while its spec is new, or where labels decide, also those that may have shown it before. Not
    all of the namespace: the status of an objective follows its figures, and is written often.
    """
    new = slo["metadata"].get("generation") != (slo.get("status") or {}).get("observedGeneration")
    for dashboard in store.all(Dashboard.api, Key.of(slo).namespace):
        by_labels = "matchLabels" in (dashboard.get("spec", {}).get("objectives") or {})
        if new or by_labels or shows(dashboard, slo):
            yield Key.of(dashboard)


def _of_dashboard(changed: Manifest, store: Store) -> Iterable[Key]:
    """Fleets lead to the dashboards of services."""
    for dashboard in store.all(Dashboard.api, Key.of(changed).namespace):
        if "fleet" in dashboard.get("spec", {}):
            yield Key.of(dashboard)


class DashboardController(Controller[Dashboard, Observed]):
    """Reads nothing but the store: figures are Grafana's to ask for."""

    resource = Dashboard
    watches = (Watch(ServiceLevelObjective.api, _of_objective), Watch(Dashboard.api, _of_dashboard))
    children = (CONFIG_MAP, GRAFANA_DASHBOARD)
    optional = frozenset({GRAFANA_DASHBOARD})

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
