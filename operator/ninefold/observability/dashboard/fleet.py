"""The overview of a namespace: the worst objectives, firing pages, objectives without data, and closed gates. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.observability.dashboard import panels, queries
from ninefold.observability.dashboard.layout import Line
from ninefold.observability.dashboard.overview import ALL, alerts, objectives
from ninefold.observability.dashboard.panels import Labels, Panel, Query, TableColumn, Words
from ninefold.observability.dashboard.states import STATES


def lines(info: str, link: str) -> Iterator[Line]:
    """Yields the panels about all objectives of a namespace. `info` and `link` are as in `overview.lines`."""
    yield Line(4, _counts())
    yield Line(12, [objectives(info, link)])
    yield Line(9, [_worst(), _worst_over_time()])
    yield Line(8, [alerts(), _without_data()])


def gates(namespace: str) -> Iterator[Line]:
    yield Line(6, [_closed_gates(namespace)])


def _counts() -> list[Panel]:
    left = queries.budget_left(ALL)
    state = queries.data_state(ALL)
    return [
        panels.number(
            Words(
                "Evaluated objectives",
                "How many objectives Prometheus evaluates. Fewer than there are? The condition "
                "Ready of the others says why their rules are not loaded.",
            ),
            panels.COUNT,
            Query(queries.loaded(ALL)),
        ),
        panels.number(
            Words(
                "Overspent",
                "How many have spent more than their error budget. Their services should not release "
                "until it recovers.",
            ),
            panels.COUNT,
            Query(queries.how_many(f"{left} < bool 0")),
            steps=panels.NONE_WANTED,
        ),
        panels.number(
            Words(
                "Below 25 %",
                "How many have less than a quarter of their error budget left, and more than none: these are next.",
            ),
            panels.COUNT,
            Query(queries.how_many(f"({left} < bool 0.25) * ({left} >= bool 0)")),
            steps=((None, "green"), (1, "orange")),
        ),
        panels.number(
            Words("Firing pages", "How many alerts about error budgets wake somebody now."),
            panels.COUNT,
            Query(queries.pages(ALL)),
            steps=panels.NONE_WANTED,
        ),
        panels.number(
            Words(
                "Data",
                "How many objectives are in each state. Idle has no traffic; Broken had data and has none; "
                "Unknown never had any. The table further down names those without data.",
            ),
            panels.COUNT,
            *(Query(queries.how_many(f"({state}) == bool {value}"), word) for value, word, _ in STATES),
        ),
    ]


def _worst() -> Panel:
    return panels.bars(
        Words(
            "The worst ten",
            "The ten objectives with the least error budget left. Red is overspent, orange is below 25 %.",
        ),
        panels.PERCENT,
        Query(f"sort(bottomk(10, {queries.budget_left(ALL)}))", "{{slo_id}}"),
        panels.BUDGET,
    )


def _worst_over_time() -> Panel:
    left = queries.budget_left(ALL)
    ended = queries.budget_left(ALL, "@ end()")
    panel = panels.graph(
        Words(
            "The worst ten over time",
            "How those that are worst at the end of the time shown came there. A cliff "
            "is an outage, a slope a steady burn.",
        ),
        panels.PERCENT,
        Query(f"{left} and bottomk(10, {ended})", "{{slo_id}}"),
    )
    return panels.with_levels(panel, panels.BUDGET)


def _without_data() -> Panel:
    lost = f"({queries.data_state(ALL)}) < {queries.IDLE}"
    return panels.rows(
        Words(
            "Objectives without data",
            "Broken had data and has none, Unknown never had any. Look whether the "
            "service is scraped, and whether its series still have the names in spec.indicator.",
            "none",
        ),
        Labels({"service": "Service", "name": "Objective"}, hidden=("objective", "window", "slo_id")),
        [TableColumn("Data", f"({queries.info(ALL)}) * 0 + on (slo_id) group_left () ({lost})", "none", states=STATES)],
        "Service",
    )


def _closed_gates(namespace: str) -> Panel:
    return panels.rows(
        Words(
            "Closed gates",
            "Release gates of the namespace that refuse change now, by the operator's own metrics. "
            "`kubectl get gate` says why and when each opens.",
            "no gate is closed, or the operator is not scraped",
        ),
        Labels({"gate": "Gate", "decision": "Decision"}),
        [TableColumn("Closed", queries.closed_gates(namespace), "none")],
        "Gate",
    )
