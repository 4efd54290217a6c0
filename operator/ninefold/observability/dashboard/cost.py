"""The cost of the objectives' rules for Prometheus, from Prometheus' own metrics. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.observability.dashboard import panels, queries
from ninefold.observability.dashboard.layout import Line
from ninefold.observability.dashboard.panels import Panel, Query, Words


def lines() -> Iterator[Line]:
    """Yields the panels of the cost of the rules, line by line."""
    yield Line(4, [_load(), _evaluated(), _failures()])
    yield Line(9, [_slowest()])


def _load() -> Panel:
    return panels.number(
        Words(
            "Evaluation",
            "The share of its time that Prometheus evaluates these rules, all objectives together. "
            "Near 100 % evaluations are missed: spread the objectives over more than one Prometheus.",
        ),
        panels.PERCENT,
        Query(queries.evaluation_load("$ids")),
        steps=((None, "green"), (0.5, "orange"), (0.9, "red")),
        digits=2,
    )


def _evaluated() -> Panel:
    return panels.number(
        Words("Recorded series", "How many series these rules record, which Prometheus keeps beside the raw ones."),
        panels.COUNT,
        Query(queries.evaluated_series("$ids")),
    )


def _failures() -> Panel:
    return panels.number(
        Words(
            "Failed evaluations",
            "How often a rule could not be evaluated in the last hour. The status of its objective has the "
            "words of Prometheus.",
        ),
        panels.COUNT,
        Query(queries.evaluation_failures("$ids")),
        steps=panels.NONE_WANTED,
    )


def _slowest() -> Panel:
    return panels.bars(
        Words(
            "The most expensive ten",
            "How long one evaluation of all rules of an objective takes. What grows with "
            "the raw series is its total and its bad events over 5 minutes: make their selectors narrower.",
        ),
        panels.SECONDS,
        Query(f"sort_desc(topk(10, {queries.evaluation_seconds('$ids')}))", "{{slo_id}}"),
        panels.PLAIN,
    )
