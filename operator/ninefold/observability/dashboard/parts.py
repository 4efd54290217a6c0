"""The panels of an objective with several parts: its groups, its components, its agreement. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from ninefold.kube.fields import ratio
from ninefold.observability.dashboard import panels, queries
from ninefold.observability.dashboard.layout import Line
from ninefold.observability.dashboard.objective import ShownObjective
from ninefold.observability.dashboard.panels import Labels, Panel, Query, TableColumn, Words
from ninefold.observability.dashboard.subject import MOST_LINES, Subject


def lines(subject: Subject) -> Iterator[Line]:
    """Yields the panels that the subject needs, line by line."""
    specs = [objective.slo.spec for objective in subject.objectives]
    if any(spec.group_by for spec in specs):
        yield Line(9, [_groups(subject), _budget_by_group(subject)])
    if any(spec.indicator.composite for spec in specs):
        yield Line(8, [_blame(subject)])
    if any(spec.agreement for spec in specs):
        yield Line(8, [_agreement(subject)])


def _groups(subject: Subject) -> Panel:
    matcher = subject.matcher
    left, burn = (queries.by_group(name, matcher) for name in ("slo:error_budget_left:ratio", "slo:burn_rate:1h"))
    columns = [
        TableColumn("Budget left", left, panels.PERCENT, panels.BUDGET, digits=1),
        TableColumn("Burn 1h", burn, panels.TIMES, panels.BURN, digits=2),
        TableColumn("Events", queries.by_group("slo:events:rate5m", matcher), panels.PER_SECOND),
        TableColumn("Errors", queries.by_group("slo:errors:rate5m", matcher), panels.PER_SECOND),
        TableColumn(
            "Gone in", queries.by_group("slo:time_to_exhaustion:seconds", matcher), panels.SECONDS, panels.SOON
        ),
    ]
    return panels.rows(
        Words(
            "Groups",
            "The objective by group, each with a budget of its own, the worst first. A group that stands out points to "
            "where the fault is: a region, a tenant, a route.",
        ),
        Labels(),
        columns,
        "Budget left",
    )


def _budget_by_group(subject: Subject) -> Panel:
    panel = panels.graph(
        Words(
            "Budget left by group",
            "The error budget left of each group. If all fall together the cause is shared; if one falls, its own.",
        ),
        panels.PERCENT,
        Query(queries.by_group("slo:error_budget_left:ratio", subject.matcher)),
    )
    return panels.with_levels(panel, panels.BUDGET)


def _blame(subject: Subject) -> Panel:
    panel = panels.graph(
        Words(
            "Blame by component",
            "The share of the errors of this composite that each of its objectives caused. Begin with the largest: its "
            "own dashboard shows more.",
            "no errors to share",
        ),
        panels.PERCENT,
        Query(queries.blame(subject.matcher), "{{component}}"),
    )
    return panel.min(0).max(1)


def _agreement(subject: Subject) -> Panel:
    promised: dict[Decimal, list[ShownObjective]] = defaultdict(list)
    for objective in subject.objectives:
        if objective.slo.spec.agreement:
            promised[ratio(objective.slo.spec.agreement.objective)].append(objective)
    common = sorted(sorted(promised), key=lambda share: -len(promised[share]))[:MOST_LINES]
    limits = [
        Query(subject.constant(1 - share, promised[share]), f"allowed by {(share * 100).normalize():f} %")
        for share in sorted(common)
    ]
    panel = panels.graph(
        Words(
            "Agreement with customers",
            "Bad events over all events in the window of the agreement (SLA). Above the dashed line the agreement is "
            "broken, and credits may be due: tell whoever speaks with customers before it is.",
        ),
        panels.PERCENT,
        Query(queries.agreement_ratio(subject.matcher), "window of the agreement"),
        *limits,
    )
    return panels.with_lines(panel, "^allowed by", "red")
