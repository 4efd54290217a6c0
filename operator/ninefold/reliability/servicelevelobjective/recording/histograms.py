"""Finds classic histograms of which PromQL adds several buckets, although each contains the lower ones. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import promql_parser

from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.recording import promql
from ninefold.reliability.servicelevelobjective.recording.bounds import numbers

_MADE_FOR_THEM = frozenset({"histogram_quantile", "histogram_fraction"})
_ANY = frozenset({".*", ".+"})


def all_buckets(text: str) -> list[str]:
    """The names of such buckets in PromQL that counts events; [] for invalid PromQL."""
    try:
        expression = promql.expression(text, "")
    except Stalled:
        return []
    return list(dict.fromkeys(_several(expression)))


def _several(expression: promql_parser.Expr) -> Iterator[str]:
    if isinstance(expression, promql_parser.VectorSelector):
        name, bounds = (
            promql.metric(expression),
            [matcher for matcher in expression.matchers.matchers if matcher.name == "le"],
        )
        if name.endswith("_bucket") and not any(_is_one(matcher) for matcher in bounds):
            yield name
    for part in _counted(expression):
        yield from _several(part)


def _counted(expression: promql_parser.Expr) -> Sequence[promql_parser.Expr]:
    """The parts of an expression whose values it counts unchanged."""
    match expression:
        case promql_parser.Call(func=function, args=arguments):
            return [] if function.name in _MADE_FOR_THEM else arguments
        case promql_parser.AggregateExpr(modifier=modifier, expr=inner):
            kept = modifier.labels if modifier and modifier.type == promql_parser.AggModifierType.By else ()
            return [] if "le" in kept else [inner]
        case promql_parser.BinaryExpr(lhs=left, rhs=right):
            return [left, right]
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr() | promql_parser.SubqueryExpr():
            return [expression.expr]
        case promql_parser.MatrixSelector(vector_selector=selector):
            return [selector]
    return []


def _is_one(matcher: promql_parser.Matcher) -> bool:
    """Whether a condition on le selects a single bucket, as far as that is known."""
    if matcher.op == promql_parser.MatchOp.Equal:
        return True
    if matcher.op != promql_parser.MatchOp.Re or matcher.value in _ANY:
        return False
    found = numbers(matcher.value)
    # Prometheus 2 and 3 write the same bound in two ways.
    return found is None or len(set(found)) == 1
