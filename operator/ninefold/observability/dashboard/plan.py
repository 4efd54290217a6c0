"""Plans a Dashboard: one object that holds the JSON. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from ninefold.domain.wording.numbers import counted
from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan, Verdict
from ninefold.observability.dashboard.delivery import manifest, object_name
from ninefold.observability.dashboard.objective import ShownObjective, Tiers, by_service, chosen, read, uid
from ninefold.observability.dashboard.resource import Dashboard, DashboardStatus


@dataclass(frozen=True, slots=True)
class Observed:
    """The objectives of a dashboard, and the dashboards that it links to."""

    names: Sequence[str]
    """The names of the selected objectives, in order."""
    objectives: Sequence[ShownObjective] = ()
    """The valid ones of these objectives; only the dashboard of a service needs them."""
    links: Mapping[str, str] = field(default_factory=dict)
    """The uids of the dashboards of services, by service."""
    takes_grafana_dashboards: bool = True
    """Whether the cluster has the kind GrafanaDashboard."""


def see(
    dashboard: Dashboard,
    slos: Iterable[Manifest],
    dashboards: Iterable[Manifest],
    tiers: Tiers,
    *,
    takes_grafana_dashboards: bool = True,
) -> Observed:
    """Returns what a dashboard needs of these objectives and dashboards, whether they are in a cluster or in files."""
    selected = chosen(dashboard, slos)
    return Observed(
        names=tuple(Key.of(slo).name for slo in selected),
        objectives=tuple(read(selected, tiers)) if dashboard.spec.service else (),
        links={} if dashboard.spec.service else by_service(dashboards, dashboard.metadata.namespace),
        takes_grafana_dashboards=takes_grafana_dashboards,
    )


def plan(dashboard: Dashboard, observed: Observed, now: datetime) -> Plan[DashboardStatus]:
    """Returns the object to write, and the status. Raises Stalled for an error that only the user can fix."""
    if dashboard.spec.delivery.grafana_dashboard and not observed.takes_grafana_dashboards:
        raise Stalled(
            "NoGrafanaOperator",
            "spec.delivery.grafanaDashboard: this cluster has no GrafanaDashboard (grafana.integreatly.org/v1beta1): "
            "install grafana-operator, or use spec.delivery.configMap",
        )
    return Plan(
        status=dashboard.status.model_copy(update={"objectives": len(observed.names), "uid": uid(dashboard.key)}),
        ready=_ready(dashboard, observed),
        children=(render(dashboard, observed),),
    )


def render(dashboard: Dashboard, observed: Observed) -> Manifest:
    """Returns the object for a dashboard, without an owner. Raises Stalled."""
    # Grafana's SDK is large, and most commands and many clusters do not need it.
    from ninefold.observability.dashboard.board import text

    return manifest(dashboard, text(dashboard, observed.names, observed.objectives, observed.links))


def _ready(dashboard: Dashboard, observed: Observed) -> Verdict:
    where = object_name(dashboard)
    wanted = dashboard.spec.objectives.names if dashboard.spec.objectives else None
    absent = sorted(set(wanted or ()) - set(observed.names))
    if absent:
        return Verdict(
            "False",
            "ObjectiveMissing",
            f"{where} does not show {absent[0]}: {_of(dashboard)} has no ServiceLevelObjective of that name; create "
            "it, or change spec.objectives.",
        )
    if not observed.names:
        return Verdict(
            "False",
            "NoObjectives",
            f"{where} is empty: {_of(dashboard)} has no ServiceLevelObjective that is selected; create one, or change "
            f"{'spec.service' if dashboard.spec.service else 'spec.objectives'}.",
        )
    count = len(observed.names)
    return Verdict("True", "Written", f"{where} shows {counted(count, 'objective')}.")


def _of(dashboard: Dashboard) -> str:
    service = dashboard.spec.service
    return f"service {service} of this namespace" if service else "this namespace"
