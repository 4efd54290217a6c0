"""The overview of several objectives at the top of every dashboard. Pure.

A variable of the dashboard holds their ids once, so the queries do not repeat them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.observability.dashboard import panels, queries
from ninefold.observability.dashboard.layout import Line
from ninefold.observability.dashboard.panels import Labels, Panel, Query, TableColumn, Words
from ninefold.observability.dashboard.states import STATES

ALL = queries.among("$ids")
"""The matcher of all objectives of a dashboard."""


def lines(info: str, link: str) -> Iterator[Line]:
    """Yields the panels about the objectives of a service. `info` is the query that describes them, `link` the address
    that a click on an objective opens; "" for none."""
    yield Line(7, [objectives(info, link)])
    yield Line(6, [alerts(), _data()])


def objectives(info: str, link: str) -> Panel:
    columns = [
        TableColumn("Budget left", queries.budget_left(ALL), panels.PERCENT, panels.BUDGET, digits=1),
        TableColumn("Errors", queries.error_ratio(ALL), panels.PERCENT),
        TableColumn("Burn 1h", queries.burn_rate(ALL, "1h"), panels.TIMES, panels.BURN, digits=2),
        TableColumn("Burn 6h", queries.burn_rate(ALL, "6h"), panels.TIMES, panels.BURN, digits=2),
        TableColumn("Events", queries.events(ALL), panels.PER_SECOND),
        TableColumn("Coverage", queries.coverage(ALL), panels.PERCENT, panels.COVERAGE),
        TableColumn("Gone in", queries.exhaustion(ALL), panels.SECONDS, panels.SOON),
        TableColumn("Data", queries.data_state(ALL), "none", states=STATES),
        TableColumn("Rules", info, "none"),
    ]
    table = panels.rows(
        Words(
            "Objectives",
            "The least budget first. Below 0 % the objective is missed; a burn rate above 1x spends more than allowed; "
            "`Gone in` is when the budget ends if the last hour goes on, and empty while that is not in sight. A "
            "budget with little coverage is no more than a beginning."
            + (" A click on a name shows more." if link else ""),
            "Prometheus evaluates none of these objectives yet",
        ),
        Labels(
            {"service": "Service", "name": "Objective", "objective": "Promised", "window": "Window"},
            hidden=("slo_id", "dashboard", "Rules"),
        ),
        columns,
        "Budget left",
    )
    return panels.with_link(table, "Objective", "Show its details", link) if link else table


def alerts() -> Panel:
    columns = [TableColumn("Since", queries.firing_since(ALL), panels.AGO)]
    return panels.rows(
        Words(
            "Firing alerts",
            "What fires now, the latest first: to whom it goes, and how fast what budget burns. "
            "Follow the runbook of the alert; look at what was released before it began.",
            "no alert fires",
        ),
        Labels({"slo_name": "Objective", "service": "Service", "severity": "Severity", "burn_tier": "Burns"}),
        columns,
        "Since",
        descending=True,
    )


def _data() -> Panel:
    return panels.states(
        Words(
            "Data over time",
            "Whether the service was measured. While data are Broken or Unknown a budget says nothing.",
            "rules not loaded",
        ),
        Query(queries.data_state(ALL), "{{slo_id}}"),
        STATES,
    )
