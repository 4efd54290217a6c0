"""A look into PromQL that others wrote, to carry it into the fields of ours. Pure.

`$window` stands for the range, as in our resource. What cannot be parsed is None here: the compiler refuses it later,
with the parser's words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal, InvalidOperation

import promql_parser as promql

WINDOW = "[$window]"

_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`""")
_GO_TEMPLATE = re.compile(r"\{\{-?\s*\.(?:window|Window)\s*-?\}\}")
_RANGE = re.compile(r"\[\s*((?:[0-9]+(?:ms|[smhdwy]))+)\s*(:[^\]]*|)\]")
_OURS = re.compile(r"\[\s*\$window\s*(?=[\]:])")
_RATED = re.compile(r"\b(?:rate|irate|increase|histogram_count)\s*\(")
_INCREASE = re.compile(r"\bincrease(?=\s*\()")


def from_template(text: str) -> str:
    """`{{.window}}`, as Sloth writes it, becomes `$window`."""
    return _GO_TEMPLATE.sub("$window", text.strip())


def has_window(text: str) -> bool:
    return _OURS.search(text) is not None


def is_rated(text: str) -> bool:
    """Whether a query takes the rate of counters itself."""
    return _RATED.search(_STRING.sub('""', text)) is not None


def per_second(text: str) -> str:
    """`increase` becomes `rate`: events per second, as our fields count them."""
    return _outside_strings(text, lambda plain: _INCREASE.sub("rate", plain))


def with_window(text: str) -> str:
    """Fixed ranges become `[$window]`, and `increase` becomes `rate`."""
    return per_second(_outside_strings(text, lambda plain: _RANGE.sub(r"[$window\2]", plain)))


def selector(text: str) -> promql.VectorSelector | None:
    """A plain selector of series."""
    expression = _parsed(text)
    if not isinstance(expression, promql.VectorSelector):
        return None
    return expression if expression.offset is None and expression.at is None else None


def summed(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Of `sum(selector)` and `sum by (a) (selector)` the selector and the labels."""
    expression = _bare(_parsed(text))
    if not isinstance(expression, promql.AggregateExpr) or str(expression.op) != "sum":
        return None
    labels, inner = _by(expression), _bare(expression.expr)
    if labels is None or not isinstance(inner, promql.VectorSelector) or selector(inner.prettify()) is None:
        return None
    return inner.prettify(), labels


def grouping(text: str) -> tuple[str, ...] | None:
    """The labels by which a query keeps series apart; None where it cannot be told, as in `rate(x[$window])`."""
    return _grouping(_parsed(text))


def latency(good: str, total: str) -> tuple[str, Decimal] | None:
    """Of `name_bucket{le="0.3", …}` and `name_count{…}` the selector of the histogram and the bound."""
    bucket, count = selector(good), selector(total)
    if bucket is None or count is None or not bucket.name or not count.name or bucket.matchers.or_matchers:
        return None
    name = bucket.name.removesuffix("_bucket")
    others = [matcher for matcher in bucket.matchers.matchers if matcher.name != "le"]
    bounds = [matcher for matcher in bucket.matchers.matchers if matcher.name == "le"]
    if (bucket.name, count.name) != (f"{name}_bucket", f"{name}_count") or len(bounds) != 1:
        return None
    if _as_set(others) != _as_set(count.matchers.matchers) or bounds[0].op != promql.MatchOp.Equal:
        return None
    try:
        bound = Decimal(bounds[0].value)
    except InvalidOperation:
        return None
    return (count.prettify().replace(count.name, name, 1), bound) if bound.is_finite() else None


def with_matcher(text: str, suffix: str, matcher: str = "") -> str | None:
    """The selector with its name prolonged and one matcher more; None if it is none or has no name."""
    parsed = selector(text)
    if parsed is None or not parsed.name:
        return None
    name, _, matchers = parsed.prettify().removesuffix("}").partition("{")
    inner = ",".join(filter(None, (matchers, matcher)))
    return f"{name}{suffix}{{{inner}}}" if inner else f"{name}{suffix}"


def _parsed(text: str) -> promql.Expr | None:
    try:
        return promql.parse(_OURS.sub("[5m", text))
    except ValueError:
        return None


def _bare(expression: promql.Expr | None) -> promql.Expr | None:
    while isinstance(expression, promql.ParenExpr):
        expression = expression.expr
    return expression


def _grouping(expression: promql.Expr | None) -> tuple[str, ...] | None:
    expression = _bare(expression)
    if isinstance(expression, promql.AggregateExpr):
        return _by(expression)
    if isinstance(expression, promql.BinaryExpr):
        sides = [_bare(side) for side in (expression.lhs, expression.rhs)]
        found = {_grouping(side) for side in sides if not isinstance(side, promql.NumberLiteral)}
        return found.pop() if len(found) == 1 else None
    if isinstance(expression, promql.UnaryExpr):
        return _grouping(expression.expr)
    if isinstance(expression, promql.Call) and expression.func.name in _PASSING:
        return _grouping(expression.args[0])
    if isinstance(expression, promql.Call) and expression.func.name == "vector":
        return ()
    return None


_PASSING = frozenset({"abs", "ceil", "clamp", "clamp_max", "clamp_min", "floor", "round"})
"""Functions that keep the labels of what they are given."""


def _by(aggregate: promql.AggregateExpr) -> tuple[str, ...] | None:
    """The labels that an aggregation keeps; None for `without` and for those that keep whole series."""
    if str(aggregate.op) in ("topk", "bottomk", "limitk", "limit_ratio"):
        return None
    if aggregate.modifier is None:
        return ()
    by = aggregate.modifier.type == promql.AggModifierType.By
    return tuple(aggregate.modifier.labels) if by else None


def _as_set(matchers: list[promql.Matcher]) -> set[tuple[str, str, str]]:
    return {(matcher.name, str(matcher.op), matcher.value) for matcher in matchers}


def _outside_strings(text: str, change: Callable[[str], str]) -> str:
    parts, end = [], 0
    for string in _STRING.finditer(text):
        parts += [change(text[end : string.start()]), string[0]]
        end = string.end()
    return "".join([*parts, change(text[end:])])
