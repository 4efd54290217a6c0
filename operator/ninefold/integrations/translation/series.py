"""What the names of an expression's series imply about its values. Pure."""

from __future__ import annotations

import promql_parser as promql

COUNTED = {"rate": False, "increase": True, "changes": True, "resets": True}
"""Functions over a range of a counter that add up, and whether they grow with the range."""

_ONES = ("_info", "_labels", "_annotations", "_metadata", "_owner")
"""Suffixes of metrics whose labels are their content; their value is 1."""
_KEPT = frozenset({"label_replace", "label_join", "last_over_time", "max_over_time", "min_over_time"})
_CHOSEN = frozenset({"max", "min", "avg", "topk", "bottomk"})


def bare(expression: promql.Expr | None) -> promql.Expr | None:
    """The expression without surrounding parentheses."""
    while isinstance(expression, promql.ParenExpr):
        expression = expression.expr
    return expression


def is_one(expression: promql.Expr) -> bool:
    """Whether each of its values is 1, so that a join adds labels and does not change values."""
    match bare(expression):
        case promql.VectorSelector(name=name):
            return (name or "").endswith(_ONES)
        case promql.MatrixSelector(vector_selector=selector):
            return is_one(selector)
        case promql.AggregateExpr(op=op, expr=inner):
            return str(op) == "group" or (str(op) in _CHOSEN and is_one(inner))
        case promql.Call(func=function, args=arguments) if function.name in _KEPT:
            return is_one(arguments[0])
        case promql.BinaryExpr(op=op, lhs=left) if str(op) in ("==", "and", "unless", "or", "*"):
            return is_one(left)
    return False


def within(part: promql.Expr, whole: promql.Expr) -> bool:
    """Whether the events of `part` are among those of `whole`: then the difference is never below 0."""
    taken, given = _counted(part), _counted(whole)
    if taken is None or given is None or taken[0] != given[0]:
        return False
    name, conditions = _events(taken[1])
    other_name, wanted = _events(given[1])
    return bool(name) and name == other_name and conditions >= wanted


def _counted(expression: promql.Expr) -> tuple[str, promql.VectorSelector] | None:
    """How events are counted, and the series; None for an expression other than a count or its sum."""
    call, summed = bare(expression), ""
    if isinstance(call, promql.AggregateExpr) and str(call.op) == "sum":
        summed = f"sum {call.modifier or ''}"
        call = bare(call.expr)
    if not isinstance(call, promql.Call) or call.func.name not in COUNTED:
        return None
    ranged = call.args[0]
    if not isinstance(ranged, promql.MatrixSelector):
        return None
    selector = ranged.vector_selector
    return f"{summed} {call.func.name} {ranged.range} {selector.offset} {selector.at}", selector


def _events(selector: promql.VectorSelector) -> tuple[str, set[tuple[str, str, str]]]:
    """The metric, and the conditions on its series. A bucket holds some of the events that a histogram counts."""
    if selector.matchers.or_matchers:
        return "", set()
    name = selector.name or ""
    conditions = {(matcher.name, str(matcher.op), matcher.value) for matcher in selector.matchers.matchers}
    if name.endswith("_bucket"):
        conditions.discard(("le", str(promql.MatchOp.Equal), "+Inf"))
    return name.removesuffix("_bucket").removesuffix("_count"), conditions
