"""The panels of a row, with all details of one objective. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from decimal import Decimal

from ninefold.kube.fields import duration
from ninefold.observability.dashboard import panels, parts, queries
from ninefold.observability.dashboard.layout import Line
from ninefold.observability.dashboard.objective import ShownObjective
from ninefold.observability.dashboard.panels import Panel, Query, Words
from ninefold.observability.dashboard.states import STATES
from ninefold.observability.dashboard.subject import MOST_LINES, Subject


def lines(subject: Subject) -> Iterator[Line]:
    """Yields the panels, line by line."""
    yield Line(4, _numbers(subject))
    yield Line(8, [_budget(subject), _burn(subject)])
    yield Line(8, [_error_ratio(subject), _events(subject)])
    yield Line(6, [_data(subject), _coverage(subject)])
    yield from parts.lines(subject)


def _numbers(subject: Subject) -> list[Panel]:
    matcher = subject.matcher
    return [
        panels.number(
            Words(
                "Budget left",
                f"{_promise(subject)}What is left of the error budget of the window: 100 % is untouched, 0 % is spent, "
                "negative is overspent. Of groups, the worst. Below 25 % take fewer risks; below 0 % stop releases and "
                "mend what burns." + _runbook(subject),
            ),
            panels.PERCENT,
            Query(queries.budget_left(matcher)),
            steps=panels.BUDGET,
            digits=1,
        ),
        panels.number(
            Words(
                "Errors in the window",
                "Bad events over all events of the objective's window. Above what is allowed the objective is missed."
                + _limit(subject),
            ),
            panels.PERCENT,
            Query(queries.error_ratio(matcher)),
            steps=_error_steps(subject),
        ),
        panels.number(
            Words(
                "Burn rate, 1 h",
                "How many times faster than allowed the budget was spent in the last hour. Above 1x it does not last "
                "until the window ends; red is where a page comes. Look at what changed when it rose.",
            ),
            panels.TIMES,
            Query(queries.burn_rate(matcher, "1h")),
            steps=_burn_steps(subject),
            digits=2,
        ),
        panels.number(
            Words(
                "Budget gone in",
                "When the last of the budget is spent if the last hour goes on. Nothing while it burns slower than "
                "allowed, or while nothing is left. Red is within a day.",
                "not in sight",
            ),
            panels.SECONDS,
            Query(queries.exhaustion(matcher)),
            steps=panels.SOON,
        ),
        panels.number(
            Words(
                "Coverage",
                "The share of the window that has data. A budget over less than 90 % of its window is a beginning: "
                "do not judge by it yet.",
            ),
            panels.PERCENT,
            Query(queries.coverage(matcher)),
            steps=panels.COVERAGE,
            digits=0,
        ),
        panels.states_now(
            Words(
                "Data",
                "Healthy: measured. Idle: the total is there and nothing happens. Broken: there were data, and the "
                "total has vanished. Unknown: there never were. If Broken or Unknown, look whether the service is "
                "scraped and whether its series still have these names.",
                "rules not loaded",
            ),
            Query(queries.data_state(matcher)),
            STATES,
        ),
    ]


def _budget(subject: Subject) -> Panel:
    panel = panels.graph(
        Words(
            "Budget left over time",
            "The error budget left, at each moment over the window that ended then. A cliff is an outage; a slope is "
            "a steady burn; a rise means that old errors leave the window. The lines are at 25 % and at 0 %.",
        ),
        panels.PERCENT,
        Query(queries.budget_left(subject.matcher), "budget left"),
    )
    return panels.with_levels(panel, panels.BUDGET)


def _burn(subject: Subject) -> Panel:
    tiers: dict[tuple[Decimal, int, int, str], list[ShownObjective]] = defaultdict(list)
    for objective in subject.objectives:
        for tier in objective.tiers:
            tiers[tier.burn_rate, tier.long, tier.short, tier.severity].append(objective)
    common = sorted(sorted(tiers, reverse=True), key=lambda tier: -len(tiers[tier]))[:MOST_LINES]
    limits = [
        Query(
            subject.constant(burn_rate, tiers[burn_rate, long, short, severity]),
            f"{severity.lower()} above {burn_rate.normalize():f}x in {duration(long)} and {duration(short)}",
        )
        for burn_rate, long, short, severity in sorted(common, reverse=True)
    ]
    panel = panels.graph(
        Words(
            "Burn rates by window",
            "How many times faster than allowed the budget is spent, by window; 1x spends exactly the budget. An alert "
            "fires while both of its windows are above its dashed line: the long one tells that it matters, the short "
            "one that it goes on. Logarithmic above 1x.",
        ),
        panels.TIMES,
        Query(queries.burn_rates(subject.matcher), "{{window}}"),
        *limits,
    )
    panels.with_lines(panel, "^page above", "red")
    panels.with_lines(panel, "^ticket above", "orange")
    return panels.logarithmic(panel)


def _error_ratio(subject: Subject) -> Panel:
    panel = panels.graph(
        Words(
            "Error ratio against the objective",
            "Bad events over all events: in the last 5 minutes, and in the objective's window. The window's must stay "
            "below the dashed line, what the objective allows; the last minutes may pass it for a while.",
        ),
        panels.PERCENT,
        Query(queries.recent_error_ratio(subject.matcher), "5 minutes"),
        Query(queries.error_ratio(subject.matcher), "window"),
        Query(queries.allowed_ratio(subject.matcher), "allowed"),
    )
    return panels.with_lines(panel, "^allowed$", "red")


def _events(subject: Subject) -> Panel:
    panel = panels.graph(
        Words(
            "Events and errors",
            "All events and bad events per second, over 5 minutes. A gap means that the total has no series; 0 means "
            "that nothing happens. A fall of all events is worth a look, too: who does not get through counts nowhere.",
        ),
        panels.PER_SECOND,
        Query(queries.events(subject.matcher), "all"),
        Query(queries.errors(subject.matcher), "bad"),
    )
    return panel.min(0)


def _data(subject: Subject) -> Panel:
    return panels.states(
        Words(
            "Data over time",
            "What was known of the service. While data are Broken or Unknown its budget says nothing, and a gate obeys "
            "its failMode.",
            "rules not loaded",
        ),
        Query(queries.data_state(subject.matcher), "data"),
        STATES,
    )


def _coverage(subject: Subject) -> Panel:
    return panels.graph(
        Words(
            "Coverage, and errors beyond all events",
            "The share of the window that has data. A second line appears only while the indicator counts more bad "
            "events than events: its two queries then count different things; mend spec.indicator.",
        ),
        panels.PERCENT,
        Query(queries.coverage(subject.matcher), "coverage"),
        Query(queries.excess(subject.matcher), "bad beyond all"),
    )


def _promise(subject: Subject) -> str:
    """Returns the objective in words if the row shows exactly one; "" otherwise."""
    if subject.only is None:
        return ""
    spec = subject.only.slo.spec
    description = f"{spec.description} " if spec.description else ""
    return f"{description}{spec.objective} % over {spec.window}. "


def _limit(subject: Subject) -> str:
    if subject.only is None:
        return ""
    return f" It allows {((1 - subject.only.slo.objective) * 100).normalize():f} %."


def _runbook(subject: Subject) -> str:
    runbook = subject.only.slo.spec.alerting.runbook if subject.only else None
    return f" Runbook: {runbook}" if runbook else ""


def _error_steps(subject: Subject) -> panels.Steps:
    if subject.only is None:
        return panels.PLAIN
    return (None, "green"), (float(1 - subject.only.slo.objective), "red")


def _burn_steps(subject: Subject) -> panels.Steps:
    """Returns thresholds that are red from the lowest burn rate that pages, if the row shows exactly one objective and
    it pages at all."""
    pages = [float(t.burn_rate) for t in subject.only.tiers if t.severity == "Page"] if subject.only else []
    return (*panels.BURN[:-1], (min(pages), "red")) if pages and min(pages) > 1 else panels.BURN
