"""The meaning of a query over a window, from its syntax tree: is its value over an hour the sum of 5 m values? Pure.

Sloth and OpenSLO run a query over each window. Ninefold runs it over 5 m (or a slice) and averages the recordings. Both
are the same for queries that are linear in their counters, and for no others.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from enum import Enum

import promql_parser as promql

from ninefold.integrations.translation.series import COUNTED, is_one, within

WINDOW = "299s"
"""Replaces the range in the parsed text; no user writes such a range."""
_WINDOW = timedelta(seconds=299)


class WindowMeaning(Enum):
    """Ordered from values without a window to values that cannot be added up."""

    CONSTANT = "a number"
    LEVEL = "a value of the moment"
    ADDITIVE = "adds up over time"
    GUARDED = "adds up over time except for a constant"
    MOMENTARY = "adds up over time except for a value of the moment"
    JUDGED = "judges a window as a whole"


@dataclass(frozen=True, slots=True)
class Meaning:
    """The class of an expression."""

    kind: WindowMeaning
    per_window: bool = False
    """Whether the value grows with the window, like an increase; otherwise it is per second, or a mean."""
    counters: bool = False
    """Whether it reads counters; otherwise it reads gauges."""
    why: str = ""
    """The part of the query that decides the kind, such as `> 100` or `max`."""
    value: float | None = None
    """The value of a constant, if known."""
    signed: bool = False
    """Whether it may be below 0, like a difference or a gauge."""

    @property
    def moving(self) -> bool:
        """Whether its value depends on a window."""
        return self.kind not in (WindowMeaning.CONSTANT, WindowMeaning.LEVEL)

    @property
    def zero(self) -> bool:
        return self.kind is WindowMeaning.CONSTANT and self.value == 0


_LEVEL = Meaning(WindowMeaning.LEVEL, signed=True)

_ADDED = {"avg_over_time": False, "sum_over_time": True, "count_over_time": True, "delta": True}
"""Functions over a range of a gauge that add up, and whether they grow with the range."""
_MEANS = frozenset({"avg_over_time", "sum_over_time"})
"""Functions whose result has the sign of its argument."""
_LAST = frozenset({"irate", "idelta", "last_over_time", "first_over_time"})
"""Functions that read one end of their range, whatever its length."""
_THROUGH = frozenset(
    {
        *("histogram_count", "histogram_sum", "label_join", "label_replace", "scalar", "vector"),
        *("sort", "sort_desc", "sort_by_label", "sort_by_label_desc"),
    }
)
"""Functions that return their argument unchanged."""
_BOUNDS = frozenset({"clamp", "clamp_max", "clamp_min"})
_ROUNDED = frozenset({"ceil", "floor", "round"})
_UNITLESS = frozenset({"count", "group", "count_values", "histogram_quantile", "histogram_fraction", "absent", "sgn"})
"""Functions and aggregations whose value does not grow with their argument."""
_COMPARISONS = frozenset({"==", "!=", ">", "<", ">=", "<="})


def meaning(expression: promql.Expr) -> Meaning:
    """The class of an expression in which WINDOW is the range. Raises RecursionError for one that is too deep."""
    match expression:
        case promql.NumberLiteral():
            return Meaning(WindowMeaning.CONSTANT, value=expression.val, signed=expression.val < 0)
        case promql.ParenExpr():
            return meaning(expression.expr)
        case promql.UnaryExpr():
            inner = meaning(expression.expr)
            return replace(inner, value=None if inner.value is None else -inner.value, signed=not inner.zero)
        case promql.Call():
            return _call(expression)
        case promql.AggregateExpr():
            return _aggregate(str(expression.op), meaning(expression.expr))
        case promql.BinaryExpr():
            return _binary(expression)
    return _LEVEL if isinstance(expression, promql.VectorSelector) else Meaning(WindowMeaning.CONSTANT)


def _call(call: promql.Call) -> Meaning:
    name, arguments = call.func.name, call.args
    ranged = next((part for part in arguments if isinstance(part, promql.MatrixSelector | promql.SubqueryExpr)), None)
    if ranged is not None:
        return _over(name, ranged)
    given = [meaning(part) for part in arguments if not isinstance(part, promql.StringLiteral)]
    chief = max(given, key=lambda part: part.moving, default=_LEVEL)
    if name in _BOUNDS:
        return _bounded(name, given)
    if name == "abs":
        return _judged(name, chief) if chief.moving and chief.signed else replace(chief, signed=False)
    if name in _THROUGH:
        return chief
    if not chief.moving:
        return _LEVEL
    return (
        _guarded(chief, name) if name in _ROUNDED and chief.kind is not WindowMeaning.JUDGED else _judged(name, chief)
    )


def _over(name: str, ranged: promql.MatrixSelector | promql.SubqueryExpr) -> Meaning:
    """The meaning of a function over a range."""
    inner = meaning(ranged.expr) if isinstance(ranged, promql.SubqueryExpr) else _LEVEL
    counters = name in COUNTED or name == "irate" or inner.counters
    if inner.moving:
        return Meaning(WindowMeaning.JUDGED, inner.per_window, counters, name, signed=inner.signed)
    if ranged.range != _WINDOW or name in _LAST:
        return Meaning(WindowMeaning.LEVEL, counters=counters, why=name if name in _LAST else "", signed=True)
    if (grows := {**COUNTED, **_ADDED}.get(name)) is not None:
        signed = name == "delta" or (name in _MEANS and inner.signed)
        return Meaning(WindowMeaning.ADDITIVE, grows, counters, signed=signed)
    return Meaning(WindowMeaning.JUDGED, counters=counters, why=name)


def _bounded(name: str, given: list[Meaning]) -> Meaning:
    """The meaning of a bounded value. A lower bound of 0 has no effect on a value that is never negative."""
    first, *bounds = given
    if not first.moving or first.kind is WindowMeaning.JUDGED:
        return first
    if not all(bound.kind is WindowMeaning.CONSTANT for bound in bounds):
        return _judged(name, first)
    return first if name == "clamp_min" and bounds[0].zero and not first.signed else _guarded(first, name)


_KEEPING = frozenset({"sum", "avg"})
"""Aggregations that are linear in their argument."""


def _aggregate(name: str, inner: Meaning) -> Meaning:
    return inner if not inner.moving or name in _KEEPING else _judged(name, inner)


def _binary(expression: promql.BinaryExpr) -> Meaning:
    name, left, right = str(expression.op), meaning(expression.lhs), meaning(expression.rhs)
    if name in _COMPARISONS:
        return _compared(expression, left, right)
    rule = _RULES.get(name)
    if not left.moving and not right.moving:
        return _unmoved(name, left, right)
    if rule is None or WindowMeaning.JUDGED in (left.kind, right.kind):
        return _judged(name, left, right, grows=_grows(name, left, right))
    return replace(rule(expression, left, right), signed=_may_be_negative(expression, left, right))


def _may_be_negative(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> bool:
    match str(expression.op):
        case "-":
            return not (right.zero or within(expression.rhs, expression.lhs)) or left.signed
        case "and" | "unless":
            return left.signed
    return left.signed or right.signed


def _grows(name: str, left: Meaning, right: Meaning) -> bool:
    """Whether the result of arithmetic grows with the window."""
    return left.per_window and not right.per_window if name == "/" else left.per_window or right.per_window


def _unmoved(name: str, left: Meaning, right: Meaning) -> Meaning:
    """The meaning of arithmetic with numbers and values of the moment."""
    if name == "*" and (left.zero or right.zero):
        return Meaning(WindowMeaning.CONSTANT, value=0)
    if left.kind is right.kind is WindowMeaning.CONSTANT:
        return Meaning(
            WindowMeaning.CONSTANT, value=left.value if left.value == right.value == 0 else None, signed=True
        )
    return Meaning(
        WindowMeaning.LEVEL, counters=left.counters or right.counters, why=left.why or right.why, signed=True
    )


def _times(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    if left.zero or right.zero:
        return Meaning(WindowMeaning.CONSTANT, value=0)
    if left.moving and right.moving:
        return _judged("*", left, right)
    return _weighted(expression, left, right)


def _over_another(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    if right.moving:
        return _judged("/", left, right, grows=_grows("/", left, right))
    return _weighted(expression, left, right)


def _weighted(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    """The meaning of an additive value that is multiplied or divided by a number or a value of the moment."""
    moving, other = (left, right) if left.moving else (right, left)
    weight = expression.rhs if left.moving else expression.lhs
    # A join that adds labels is there only for the labels.
    joined = expression.modifier is not None and expression.modifier.group_labels
    return moving if other.kind is WindowMeaning.CONSTANT or joined or is_one(weight) else _at_once(moving, expression)


def _sum(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    moving, other = (left, right) if left.moving else (right, left)
    if other.moving:
        return _together(str(expression.op), left, right)
    if other.kind is WindowMeaning.LEVEL:
        return _at_once(moving, expression)
    # A constant per second adds up; a constant per window counts once for 5 m and once for an hour.
    return _guarded(moving, _shown(expression)) if moving.per_window and not other.zero else moving


def _or(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    if left.moving and right.moving:
        return _together("or", left, right)
    moving, other = (left, right) if left.moving else (right, left)
    if other.kind is WindowMeaning.LEVEL:
        return _at_once(moving, expression)
    return moving if other.zero else _guarded(moving, _shown(expression))


def _and(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    """`and` and `unless` filter the values of the left side by the series on the right."""
    if not left.moving:
        return _LEVEL if right.kind is WindowMeaning.ADDITIVE else _judged(str(expression.op), left, right)
    if str(expression.op) == "unless" and right.kind is WindowMeaning.ADDITIVE:
        # A series in one part of the window hides the whole window.
        return _guarded(left, "unless")
    if right.kind is WindowMeaning.LEVEL:
        return left if is_one(expression.rhs) else _at_once(left, expression, right.why)
    condition = right.why if right.kind is not WindowMeaning.ADDITIVE else ""
    return _guarded(left, f"{expression.op} ... {condition}") if condition else left


_RULES = {"*": _times, "/": _over_another, "+": _sum, "-": _sum, "or": _or, "and": _and, "unless": _and}


def _compared(expression: promql.BinaryExpr, left: Meaning, right: Meaning) -> Meaning:
    name = str(expression.op)
    verdict = expression.modifier is not None and expression.modifier.return_bool
    if not left.moving and not right.moving:
        signed = left.signed and not verdict
        return Meaning(
            WindowMeaning.LEVEL, counters=left.counters or right.counters, why=_shown(expression), signed=signed
        )
    if verdict or right.kind is not WindowMeaning.CONSTANT or left.kind is WindowMeaning.JUDGED:
        return _judged(f"{name} bool" if verdict else name, left, right, grows=left.per_window and not verdict)
    # A value of 0 adds nothing, so it may be missing; a value below 0 would count.
    harmless = right.zero and (name == "!=" or (name in (">", ">=") and not left.signed))
    return left if harmless else _guarded(left, _shown(expression))


def _together(name: str, left: Meaning, right: Meaning) -> Meaning:
    if left.per_window != right.per_window:
        return _judged(f"{name} of an increase and a rate", left, right, grows=True)
    why = left.why or right.why
    kind = next(
        (part.kind for part in (left, right) if part.kind is not WindowMeaning.ADDITIVE), WindowMeaning.ADDITIVE
    )
    return Meaning(kind, left.per_window, left.counters or right.counters, why)


def _guarded(moving: Meaning, why: str) -> Meaning:
    """An additive value with a part that applies once per window, whatever its length."""
    return moving if moving.why else replace(moving, kind=WindowMeaning.GUARDED, why=why)


def _at_once(moving: Meaning, expression: promql.BinaryExpr, condition: str = "") -> Meaning:
    """An additive value with a part that is read once, at the end of a window, whatever its length."""
    if moving.why:
        return moving
    why = f"{expression.op} ... {condition}" if condition else _shown(expression)
    return replace(moving, kind=WindowMeaning.MOMENTARY, why=why)


def _judged(why: str, *parts: Meaning, grows: bool | None = None) -> Meaning:
    """A value that judges a window as a whole. The innermost reason counts."""
    if grows is None:
        grows = parts[0].per_window and why not in _UNITLESS
    reason = next((part.why for part in parts if part.kind is WindowMeaning.JUDGED), why)
    return Meaning(WindowMeaning.JUDGED, grows, any(part.counters for part in parts), reason)


def _shown(expression: promql.BinaryExpr) -> str:
    """The operation with the side that does not depend on a window, such as `> 100`."""
    side = expression.lhs if meaning(expression.rhs).moving and not meaning(expression.lhs).moving else expression.rhs
    text = side.prettify()
    return f"{expression.op} {text if len(text) <= 40 else '...'}"
