"""The labels that distinguish the series of a query's result, from its syntax tree. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import promql_parser as promql

from ninefold.integrations.translation.series import bare

Labels = tuple[str, ...]
Kept = tuple[Labels, ...]
"""The sets of labels that series of a result may have: several after `or`."""

_CHOOSING = frozenset({"topk", "bottomk", "limitk", "limit_ratio"})
"""Aggregations that keep whole series."""
_SCALARS = frozenset({"scalar", "time", "pi"})
_FROM_MATCHERS = frozenset({"absent", "absent_over_time", "info"})
"""Functions whose result does not have the labels of their argument."""


def kept(expression: promql.Expr | None) -> Kept | None:
    """None if unknown, as for `rate(x[5m])`. Raises RecursionError for an expression that is too deep."""
    match bare(expression):
        case promql.AggregateExpr() as aggregate:
            return _aggregated(aggregate)
        case promql.BinaryExpr() as operation:
            return _joined(operation)
        case promql.UnaryExpr(expr=inner) | promql.SubqueryExpr(expr=inner):
            return kept(inner)
        case promql.Call() as call:
            return _called(call)
    return None


def common(results: Iterable[Kept]) -> Labels | None:
    """The labels that all results share; None if there is no common set of labels, or more than one."""
    first, *others = results
    shared = [labels for labels in first if all(_has(other, labels) for other in others)]
    return shared[0] if len(shared) == 1 else None


def _has(sets: Kept, labels: Labels) -> bool:
    return any(set(candidate) == set(labels) for candidate in sets)


def _each(found: Kept | None, change: Callable[[Labels], Labels]) -> Kept | None:
    return None if found is None else tuple(dict.fromkeys(change(labels) for labels in found))


def _without(labels: Labels, dropped: Iterable[str]) -> Labels:
    return tuple(label for label in labels if label not in set(dropped))


def _with(labels: Labels, added: Iterable[str]) -> Labels:
    return tuple(dict.fromkeys((*labels, *added)))


def _aggregated(aggregate: promql.AggregateExpr) -> Kept | None:
    name, modifier = str(aggregate.op), aggregate.modifier
    if name in _CHOOSING:
        return kept(aggregate.expr)
    if modifier is not None and modifier.type != promql.AggModifierType.By:
        return _each(kept(aggregate.expr), lambda labels: _without(labels, modifier.labels))
    by = tuple(modifier.labels) if modifier is not None else ()
    if name == "count_values" and isinstance(aggregate.param, promql.StringLiteral):
        return (_with(by, [aggregate.param.val]),)
    return (by,)


def _called(call: promql.Call) -> Kept | None:
    name, arguments = call.func.name, call.args
    if name == "vector":
        return ((),)
    if name in _FROM_MATCHERS or not arguments:
        return None
    found = kept(next((argument for argument in reversed(arguments) if _is_series(argument)), None))
    if name in ("histogram_quantile", "histogram_fraction"):
        return _each(found, lambda labels: _without(labels, ["le"]))
    if name in ("label_replace", "label_join"):
        return _each(found, lambda labels: _with(labels, [arguments[1].val]))
    return found


def _is_series(expression: promql.Expr) -> bool:
    return not isinstance(expression, promql.StringLiteral) and not _is_scalar(expression)


def _is_scalar(expression: promql.Expr) -> bool:
    match bare(expression):
        case promql.NumberLiteral():
            return True
        case promql.Call(func=function):
            return function.name in _SCALARS
        case promql.UnaryExpr(expr=inner):
            return _is_scalar(inner)
        case promql.BinaryExpr(lhs=left, rhs=right):
            return _is_scalar(left) and _is_scalar(right)
    return False


def _joined(operation: promql.BinaryExpr) -> Kept | None:
    left, right = kept(operation.lhs), kept(operation.rhs)
    if _is_scalar(operation.lhs) or _is_scalar(operation.rhs):
        return right if _is_scalar(operation.lhs) else left
    match str(operation.op):
        case "and" | "unless":
            return left
        case "or":
            return None if left is None or right is None else tuple(dict.fromkeys((*left, *right)))
    return _matched(operation.modifier, left, right)


def _matched(modifier: promql.BinModifier | None, left: Kept | None, right: Kept | None) -> Kept | None:
    """The labels after arithmetic with, or a comparison of, two vectors."""
    if modifier is not None and modifier.card != promql.VectorMatchCardinality.OneToOne:
        many = left if modifier.card == promql.VectorMatchCardinality.ManyToOne else right
        brought = modifier.group_labels or ()
        return _each(many, lambda labels: _with(labels, brought))
    if modifier is not None and modifier.matching is not None:
        labels = modifier.matching.labels
        if modifier.matching.type == promql.LabelModifierType.Include:
            return (tuple(labels),)
        return _each(left, lambda found: _without(found, labels))
    if left is None or right is None:
        return None
    return tuple(labels for labels in left if _has(right, labels)) or None
