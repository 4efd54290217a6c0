"""Whether the metrics that an objective takes rates of are counters, according to their exporters.

The rate of a gauge counts its rises and takes each fall for a restart, so it looks like events. A declared type may be
wrong or unknown, so this is a warning and not a fault.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import promql_parser

from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.reliability.servicelevelobjective.recording import promql
from ninefold.reliability.servicelevelobjective.resource import Indicator, ServiceLevelObjective

_RATED = frozenset({"rate", "irate", "increase"})
_NEVER_COUNT = frozenset({"gauge", "info", "stateset", "gaugehistogram"})
_NEVER_SWITCH = frozenset({"counter", "histogram", "summary"})
_SUFFIXES = ("_total", "_bucket", "_count", "_sum", "_created", "_info", "_gcount", "_gsum")
"""The suffixes that a series may have after the name for which its type is declared."""


async def mistaken(prometheus: Prometheus, slo: ServiceLevelObjective) -> list[tuple[str, str]]:
    """Fields of the indicator, each with a sentence. Raises Unreachable, Refused, and Stalled for invalid PromQL."""
    found = []
    for field, name, counts in _used(slo.spec.indicator):
        types = await _types(prometheus, name) if name else frozenset()
        if sentence := (_counting if counts else _switching)(name, types):
            found.append((f"spec.indicator.{field}", sentence))
    return list(dict.fromkeys(found)) or await _beyond_one(prometheus, slo.spec.indicator)


def _counting(name: str, types: frozenset[str]) -> str:
    if types == {"summary"} and not name.endswith(("_count", "_sum")):
        return f"{name} holds the quantiles of a summary, and a rate of them counts nothing: write {name}_count"
    if not types or not types <= _NEVER_COUNT:
        return ""
    return (
        f"{name} is of the type {min(types)}, and a rate counts what it rises and takes each fall for a restart: "
        "write counters, or indicator.gauge with badAbove or badBelow"
    )


def _switching(name: str, types: frozenset[str]) -> str:
    if types == {"info"} or (types == {"gauge"} and name.endswith("_info")):
        return f"{name} says something by its labels and is always 1, so that it is never bad: write another metric"
    if not types or not types <= _NEVER_SWITCH:
        return ""
    return (
        f"{name} is of the type {min(types)}, which does not go back to 0, so that it is never bad: write "
        "indicator.ratio for counters"
    )


async def _types(prometheus: Prometheus, name: str) -> frozenset[str]:
    base = next((name.removesuffix(suffix) for suffix in _SUFFIXES if name.endswith(suffix)), "")
    # Not every server reports types.
    with suppress(Unreachable, QueryRefused):
        return await prometheus.types(name) or (await prometheus.types(base) if base else frozenset())
    return frozenset()


async def _beyond_one(prometheus: Prometheus, indicator: Indicator) -> list[tuple[str, str]]:
    """A sentence for a boolean indicator whose gauge has values above 1."""
    if indicator.boolean is None:
        return []
    selector = promql.selector(indicator.boolean.selector, "spec.indicator.boolean.selector")
    samples = await prometheus.query(f"topk(1, {selector} > 1)")
    return [
        (
            "spec.indicator.boolean.selector",
            f"a series has the value {sample.value:g}, and a value above 1 is never bad: write indicator.gauge with "
            "badAbove or badBelow",
        )
        for sample in samples
    ]


def _used(indicator: Indicator) -> Iterator[tuple[str, str, bool]]:
    """Fields, the names of the metrics in them, and whether these must be counters; otherwise they must be gauges of 0
    and
    1."""
    written: list[tuple[str, str | None]] = []
    if indicator.ratio is not None:
        written = [(f"ratio.{side}", getattr(indicator.ratio, side)) for side in ("total", "good", "bad")]
    if indicator.error_ratio is not None:
        written = [(f"errorRatio.{side}", getattr(indicator.error_ratio, side)) for side in ("query", "traffic")]
    for field, text in written:
        yield from ((field, name, True) for name in _rated(text or "", field))
    if indicator.boolean is not None:
        yield from (
            ("boolean.selector", promql.metric(node), False)
            for node, _ in promql.vector_selectors(indicator.boolean.selector, "boolean.selector")
        )


def _rated(text: str, field: str) -> list[str]:
    """The metrics of which a rate is taken, by the user's PromQL or by Ninefold."""
    if not text:
        return []
    expression = promql.expression(text, field)
    if isinstance(expression, promql_parser.VectorSelector):
        return [promql.metric(expression)]
    found: list[str] = []

    def visit(node: promql_parser.Expr) -> None:
        if isinstance(node, promql_parser.Call) and node.func.name in _RATED:
            ranged = node.args[0]
            if isinstance(ranged, promql_parser.MatrixSelector):
                found.append(promql.metric(ranged.vector_selector))

    promql_parser.walk(expression, visit)
    return found
