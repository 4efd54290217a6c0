"""Keeps dashboards up to date with their objectives."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from datetime import datetime

from ninefold.domain.selectors.objectives import found_by, looks_for, selected
from ninefold.kube.api import CONFIG_MAP, GRAFANA_DASHBOARD, Key, Manifest
from ninefold.kube.controller import Controller, Watch, written
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.observability.dashboard.delivery import CONTENTS
from ninefold.observability.dashboard.objective import Tiers
from ninefold.observability.dashboard.plan import Observed, plan, see
from ninefold.observability.dashboard.resource import Dashboard, DashboardSpec, DashboardStatus
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_FLEETS = Index(Dashboard.api, lambda manifest: [Key.of(manifest).namespace] if "fleet" in manifest["spec"] else [])
"""The dashboards of fleets, by namespace."""


def _selects(dashboard: Manifest) -> Iterable[Hashable]:
    """The terms by which a dashboard selects objectives; none for a dashboard of the whole namespace."""
    spec, namespace = dashboard["spec"], Key.of(dashboard).namespace
    return looks_for({"service": spec["service"]} if "service" in spec else spec.get("objectives") or {}, namespace)


_BY_OBJECTIVE = Index(Dashboard.api, _selects)


def _showing(slo: Manifest, store: Store) -> Iterable[Key]:
    return (Key.of(dashboard) for term in found_by(slo) for dashboard in store.found(_BY_OBJECTIVE, term))


def _fleets(changed: Manifest, store: Store) -> Iterable[Key]:
    """The fleet dashboards of the namespace: they link to the dashboards of services, and count the objectives."""
    return (Key.of(fleet) for fleet in store.found(_FLEETS, Key.of(changed).namespace))


class DashboardController(Controller[Dashboard, Observed]):
    """Reads only the store: Grafana itself queries the measurements."""

    resource = Dashboard
    # The status of an objective follows its measurements and changes often; no dashboard shows it.
    watches = (
        Watch(ServiceLevelObjective.api, _showing, reads=written, both=True),
        Watch(ServiceLevelObjective.api, _fleets, reads=Key.of),
        Watch(Dashboard.api, _fleets, reads=written),
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
            _candidates(resource.spec, namespace, store),
            () if resource.spec.service else store.all(Dashboard.api, namespace),
            self._tiers,
            takes_grafana_dashboards=store.serves(GRAFANA_DASHBOARD),
        )

    def plan(self, resource: Dashboard, observed: Observed, now: datetime) -> Plan[DashboardStatus]:
        return plan(resource, observed, now)


def _candidates(spec: DashboardSpec, namespace: str, store: Store) -> Iterable[Manifest]:
    """Returns all objectives that the dashboard shows, and possibly others."""
    if spec.service is not None:
        return selected({"service": spec.service}, namespace, store)
    if spec.objectives is not None:
        return selected(spec.objectives.wire(), namespace, store)
    return store.all(ServiceLevelObjective.api, namespace)
