"""Whether PromQL counts events per second or events per window, from its syntax tree. Pure."""

from __future__ import annotations

from typing import Literal

import promql_parser as promql

Unit = Literal["PerSecond", "PerWindow"] | None
"""None: not known, as for a gauge, a share, or a product with a number."""

_COUNTED: dict[str, Unit] = {
    **dict.fromkeys(("rate", "irate", "deriv"), "PerSecond"),
    **dict.fromkeys(("increase", "delta", "changes", "resets", "count_over_time"), "PerWindow"),
}
_THROUGH = frozenset(
    {
        *("abs", "ceil", "clamp", "clamp_max", "clamp_min", "floor", "round", "histogram_count"),
        *("label_join", "label_replace", "sort", "sort_desc", "scalar", "vector"),
    }
)
"""Functions that keep the unit of their argument."""
_AGGREGATED = frozenset({"sum", "avg", "min", "max", "topk", "bottomk", "limitk"})
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})


class Mixed(Exception):
    """An operator combines both units; the message is the operator."""


def unit(expression: promql.Expr) -> Unit:
    """Raises Mixed."""
    match expression:
        case promql.ParenExpr() | promql.UnaryExpr():
            return unit(expression.expr)
        case promql.Call():
            return _call(expression)
        case promql.AggregateExpr():
            inner = unit(expression.expr)
            return inner if str(expression.op) in _AGGREGATED else None
        case promql.BinaryExpr():
            return _binary(expression)
    return None


def _call(call: promql.Call) -> Unit:
    name = call.func.name
    if name in _COUNTED:
        # A count of anything other than samples of a series, such as of a rate, has its own unit.
        return _COUNTED[name] if isinstance(call.args[0], promql.MatrixSelector) else None
    inner = [unit(argument) for argument in call.args if not isinstance(argument, promql.StringLiteral)]
    return inner[0] if name in _THROUGH and inner else None


def _binary(expression: promql.BinaryExpr) -> Unit:
    operator = str(expression.op)
    left, right = unit(expression.lhs), unit(expression.rhs)
    if operator in ("and", "unless"):
        return left
    if operator != "*" and left and right and left != right:
        raise Mixed(operator)
    if operator in _COMPARISONS:
        verdict = expression.modifier is not None and expression.modifier.return_bool
        return None if verdict else left
    return left or right if operator in ("+", "-", "or") else None
