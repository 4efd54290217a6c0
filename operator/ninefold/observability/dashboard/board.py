"""Builds the dashboard of a service or a fleet. Imported only when needed, together with Grafana's SDK. Pure."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    DataSourceRef,
    VariableHide,
    VariableOption,
)

from ninefold.kube.api import Key
from ninefold.observability.dashboard import cost, details, fleet, overview, queries
from ninefold.observability.dashboard.events import events
from ninefold.observability.dashboard.layout import Page
from ninefold.observability.dashboard.objective import ShownObjective, uid
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.observability.dashboard.subject import Subject

ROWS = 12
"""The largest number of objectives that each get their own row; with more objectives, the reader chooses one."""

LONGEST_TAG = 50
PLUGIN = "prometheus"
_CHOSEN = DataSourceRef(PLUGIN, "${datasource}")
_TIME = "${__url_time_range}"


def text(
    dashboard: Dashboard, names: Sequence[str], objectives: Sequence[ShownObjective], links: Mapping[str, str]
) -> str:
    """Returns the dashboard of the objectives with these names as Grafana's JSON.

    The dashboard of a service shows each of `objectives` in detail. The dashboard of a fleet links to the dashboards of
    services; `links` holds their uids by service.
    """
    datasource = DataSourceRef(PLUGIN, dashboard.spec.datasource) if dashboard.spec.datasource else _CHOSEN
    built = _frame(dashboard, datasource)
    page = Page(built, datasource)
    if dashboard.spec.service is None:
        _fleet(dashboard, built, page, names, links)
    else:
        _service(dashboard, built, page, names, objectives)
    return json.dumps(built.build(), cls=JSONEncoder, indent=1, ensure_ascii=False) + "\n"


def _frame(dashboard: Dashboard, datasource: DataSourceRef) -> builders.Dashboard:
    namespace, service = dashboard.metadata.namespace, dashboard.spec.service
    title = dashboard.spec.title or (
        f"{service} in {namespace}: service levels" if service else f"{namespace}: service levels"
    )
    here = _tag("namespace", namespace)
    kind, other, heading = ("service", "fleet", "Fleet") if service else ("fleet", "service", "Services")
    built = (
        builders.Dashboard(title)
        .uid(uid(dashboard.key))
        .description(f"Made by Ninefold from Dashboard {dashboard.key}: what is changed here is overwritten.")
        .tags(["ninefold", kind, here, *([_tag("service", service)] if service else [])])
        .readonly()
        .time("now-24h" if service else "now-7d", "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .link(
            builders.DashboardLink(heading)
            .type(DashboardLinkType.DASHBOARDS)
            .tags(["ninefold", other, here])
            .as_dropdown(True)
            .keep_time(True)
        )
    )
    if datasource is _CHOSEN:
        built.with_variable(builders.DatasourceVariable("datasource").label("Prometheus").type(PLUGIN))
    for event in events(namespace, datasource):
        built.annotation(event)
    return built


def _tag(what: str, name: str) -> str:
    """Returns a tag that Grafana's database accepts: at most 50 characters."""
    tag = f"{what}:{name}"
    return tag if len(tag) <= LONGEST_TAG else f"{tag[:40]}-{zlib.crc32(name.encode()):08x}"


def _fleet(
    dashboard: Dashboard,
    built: builders.Dashboard,
    page: Page,
    names: Sequence[str],
    links: Mapping[str, str],
) -> None:
    namespace, narrowed = dashboard.metadata.namespace, dashboard.spec.objectives is not None
    # A fleet of the whole namespace is matched by the namespace, so a new objective changes nothing.
    built.with_variable(_ids(dashboard, names) if narrowed else _constant(f"{namespace}/.+"))
    info = queries.linked(queries.info(queries.among("$ids")), links, uid(dashboard.key))
    link = "/d/${__data.fields.dashboard}?var-objective=${__data.fields.slo_id}&" + _TIME
    page.add("fleet", fleet.lines(info, link))
    page.row("gates", "Release gates", fleet.gates(namespace), closed=True)
    page.row("cost", "Cost of the rules", cost.lines(), closed=True)


def _service(
    dashboard: Dashboard,
    built: builders.Dashboard,
    page: Page,
    names: Sequence[str],
    objectives: Sequence[ShownObjective],
) -> None:
    built.with_variable(_ids(dashboard, names))
    many = len(objectives) > ROWS
    link = f"/d/{uid(dashboard.key)}?var-objective=${{__data.fields.slo_id}}&{_TIME}" if many else ""
    page.add("service", overview.lines(queries.info(queries.among("$ids")), link))
    if many:
        built.with_variable(_choice(objectives))
        subject = Subject("chosen", "$objective", objectives)
        page.row("chosen", "$objective", details.lines(subject), closed=False)
        return
    for place, objective in enumerate(objectives):
        subject = Subject(objective.name, objective.id, [objective])
        spec = objective.slo.spec
        title = f"{objective.name}: {spec.objective} % over {spec.window}"
        page.row(objective.name, title, details.lines(subject), closed=place > 0)


def _ids(dashboard: Dashboard, names: Sequence[str]) -> builders.ConstantVariable:
    return _constant(queries.any_of(str(Key(dashboard.metadata.namespace, name)) for name in names))


def _constant(ids: str) -> builders.ConstantVariable:
    """Returns a variable with a regular expression, so that the dashboard contains it once and not in every query."""
    return builders.ConstantVariable("ids").value(ids)


def _choice(objectives: Sequence[ShownObjective]) -> builders.CustomVariable:
    """Returns a variable with which the reader chooses an objective by name; Grafana parses "text : value, ..."."""
    first = objectives[0]
    return (
        builders.CustomVariable("objective")
        .label("Objective")
        .values(", ".join(f"{objective.name} : {objective.id}" for objective in objectives))
        .current(VariableOption(True, first.name, first.id))
        .allow_custom_value(False)
        .hide(VariableHide.DONT_HIDE)
    )
