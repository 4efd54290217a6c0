"""Error ratios in one query: what they are a share of, and whether a bound cuts their values. Pure.

A share is between 0 and 1. A factor, or a subtraction from a number, moves these ends; a bound beyond the ends has no
effect.
"""

from __future__ import annotations

from dataclasses import dataclass

import promql_parser as promql

from ninefold.integrations.translation.meaning import WindowMeaning, meaning
from ninefold.integrations.translation.series import bare


@dataclass(frozen=True, slots=True)
class Share:
    """An expression that is a share, except for constant factors and terms."""

    total: promql.Expr | None
    """What it is a share of; None for a share of the time."""
    low: float = 0.0
    high: float = 1.0

    def between(self, *ends: float) -> Share:
        return Share(self.total, min(ends), max(ends))


def share(expression: promql.Expr) -> Share | None:
    """None if it is not a share, or is cut. Raises RecursionError for one that is too deep."""
    match bare(expression):
        case promql.UnaryExpr(expr=inner):
            inner_share = share(inner)
            return inner_share and inner_share.between(-inner_share.low, -inner_share.high)
        case promql.Call(func=function, args=[inner, *bounds]) if function.name.startswith("clamp"):
            return _bounded(share(inner), function.name, [meaning(bound).value for bound in bounds])
        case promql.BinaryExpr() as operation:
            return _binary(operation) or _of_time(operation)
    return _of_time(expression)


def _of_time(expression: promql.Expr) -> Share | None:
    meant = meaning(expression)
    return Share(None) if meant.kind is WindowMeaning.ADDITIVE and not meant.per_window and not meant.counters else None


def _binary(operation: promql.BinaryExpr) -> Share | None:
    left, right = meaning(operation.lhs), meaning(operation.rhs)
    if right.kind is WindowMeaning.CONSTANT:
        return _with_number(str(operation.op), share(operation.lhs), right.value, verdict=_is_verdict(operation))
    if left.kind is WindowMeaning.CONSTANT:
        return _from_number(str(operation.op), left.value, share(operation.rhs))
    linear = left.kind is right.kind is WindowMeaning.ADDITIVE and left.per_window == right.per_window
    return Share(operation.rhs) if str(operation.op) == "/" and linear else None


def _is_verdict(operation: promql.BinaryExpr) -> bool:
    return operation.modifier is not None and operation.modifier.return_bool


def _with_number(operator: str, found: Share | None, value: float | None, *, verdict: bool) -> Share | None:
    if found is None or value is None or verdict:
        return None
    low, high = found.low, found.high
    match operator:
        case "*":
            return found.between(low * value, high * value)
        case "/" if value:
            return found.between(low / value, high / value)
        case "+":
            return found.between(low + value, high + value)
        case "-":
            return found.between(low - value, high - value)
    idle = operator == "or" and low <= value <= high
    whole = (operator in (">", ">=") and value <= low) or (operator in ("<", "<=") and value >= high)
    strict = operator in (">", "<") and value in (low, high)
    return found if idle or (whole and not strict) else None


def _from_number(operator: str, value: float | None, found: Share | None) -> Share | None:
    if found is None or value is None:
        return None
    match operator:
        case "*":
            return found.between(found.low * value, found.high * value)
        case "+":
            return found.between(value + found.low, value + found.high)
        case "-":
            return found.between(value - found.low, value - found.high)
    return None


def _bounded(found: Share | None, name: str, bounds: list[float | None]) -> Share | None:
    """The share, if no bound cuts it."""
    low, high = {"clamp_min": (*bounds, None), "clamp_max": (None, *bounds)}.get(name, bounds)
    known = None not in bounds
    cut = found is None or (low is not None and low > found.low) or (high is not None and high < found.high)
    return None if cut or not known else found
