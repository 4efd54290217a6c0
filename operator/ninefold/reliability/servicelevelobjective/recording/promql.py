"""Makes the PromQL of users safe: parses it, checks it for its field, and prints it again from the syntax tree.

No text of a user is pasted into a rule, so it cannot close a bracket or start a comment there. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import promql_parser as promql

from ninefold.kube import promqltext
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import seconds
from ninefold.reliability.servicelevelobjective.recording.bounds import widened
from ninefold.reliability.servicelevelobjective.recording.units import Mixed, Unit, unit

_ABSENT = "1h"
"""A series that existed this long before is not born: it had a gap."""
_NEWBORN = 10
"""A counter that begins above this value has counted for longer than a scrape interval, or has so many events that the
first value does not matter."""
_WINDOW = re.compile(r"\[\s*\$window(?=\s*[\]:])")

_GRAFANAS = re.compile(r"\$\{?__\w+\}?")


def rate(text: str, length: str, aggregate: str, field: str) -> str:
    """Events per second over a range, aggregated ("sum"), from a selector of counters or PromQL with [$window]."""
    if _WINDOW.search(text):
        # A comparison drops NaN, which would otherwise stay in every average for as long as its window is.
        counted = over(text, length, field)
        if _unit(counted, field) == "PerWindow":
            counted = f"({counted}) / {seconds(length)}"
        return verified(f"{aggregate}({counted}) >= 0", field)
    return verified(f"{aggregate}(rate({selector(text, field)}[{length}]))", field)


def births(text: str, total: str, length: str, groups: str, field: str) -> str:
    """First values of counters that were born in a range while others existed, in events per second by `groups`."""
    chosen = selector(text, field)
    born = f"min_over_time({chosen}[{length}]) <= {_NEWBORN} unless last_over_time({chosen}[{_ABSENT}] offset {length})"
    lived = f"group by ({groups}) ({selector(total, field)} offset {length})"
    return verified(f"sum by ({groups}) ({born}) / {seconds(length)} and {lived}", field)


def plain(text: str) -> str | None:
    """A selector as it was written; None for PromQL with [$window]."""
    return None if _WINDOW.search(text) else text


def over(text: str, length: str, field: str) -> str:
    """PromQL with [$window], over ranges of this length."""
    if not _WINDOW.search(text):
        raise Stalled("InvalidPromQL", f"{field}: write the range as [$window], as in rate(x[$window])")
    printed = _printed(_WINDOW.sub(f"[{length}", text), field)
    _unit(printed, field)
    return printed


def instant(text: str, field: str) -> str:
    """PromQL of an instant vector, as printed from its syntax tree."""
    if _WINDOW.search(text):
        raise Stalled("InvalidPromQL", f"{field}: leave out [$window]: the level is read at the present moment")
    return _printed(text, field)


def minutes(length: str) -> int:
    """The whole minutes of a range."""
    return seconds(length) // 60


def selector(text: str, field: str) -> str:
    """A plain selector of series, as printed from its syntax tree."""
    expression = _written(text, field)
    if not isinstance(expression, promql.VectorSelector):
        raise Stalled(
            "InvalidPromQL",
            f'{field}: write a selector such as http_requests_total{{job="checkout"}}, or PromQL in which the range '
            f"is [$window], as in sum(rate(http_requests_total[$window])); this is neither: {_short(text)}",
        )
    if expression.offset is not None or expression.at is not None:
        raise Stalled("InvalidPromQL", f"{field}: leave out offset and @, rules are evaluated at the present time")
    return _print(expression, text, field)


def vector_selectors(text: str, field: str) -> list[tuple[promql.VectorSelector, bool]]:
    """Every selection of series in PromQL, with or without [$window], and whether it is subtracted."""
    return list(_signed(expression(text, field), subtracted=False))


def expression(text: str, field: str) -> promql.Expr:
    """The syntax tree of PromQL with or without [$window]."""
    return _written(_WINDOW.sub("[5m", text), field)


def metric(selector: promql.VectorSelector) -> str:
    """The name of the metric, before the braces or, if it is not a plain name, in them; "" without a name."""
    named = [matcher.value for matcher in selector.matchers.matchers if _is_name(matcher)]
    return selector.name or (named[0] if len(named) == 1 else "")


def _is_name(matcher: promql.Matcher) -> bool:
    return matcher.name == "__name__" and matcher.op == promql.MatchOp.Equal


def _signed(expression: promql.Expr, *, subtracted: bool) -> Iterator[tuple[promql.VectorSelector, bool]]:
    match expression:
        case promql.ParenExpr(expr=inner):
            yield from _signed(inner, subtracted=subtracted)
        case promql.AggregateExpr(expr=inner, param=parameter):
            if parameter is not None:
                yield from _signed(parameter, subtracted=subtracted)
            yield from _signed(inner, subtracted=subtracted)
        case promql.BinaryExpr(op=op, lhs=left, rhs=right):
            yield from _signed(left, subtracted=subtracted)
            yield from _signed(right, subtracted=subtracted != (str(op) == "-"))
        case _:
            found: list[promql.VectorSelector] = []
            promql.walk(
                expression, lambda node: found.append(node) if isinstance(node, promql.VectorSelector) else None
            )
            yield from ((node, subtracted) for node in found)


def histogram(text: str, field: str) -> tuple[str, str]:
    """The base name of a histogram and its matchers, "" or such as 'job="checkout"'."""
    printed = selector(text, field)
    name, _, matchers = printed.removesuffix("}").partition("{")
    if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
        raise Stalled(
            "InvalidPromQL",
            f'{field}: begin with the name of the histogram, as name{{job="checkout"}}; of one whose name stands in '
            "quotes write indicator.ratio with its bucket and its count",
        )
    for suffix in ("_bucket", "_count", "_sum"):
        if name.endswith(suffix):
            raise Stalled("InvalidPromQL", f"{field}: write {name.removesuffix(suffix)}, without {suffix}")
    if re.search(r"(^|,)\s*le\s*[=!]", matchers) or " or " in matchers:
        raise Stalled("InvalidPromQL", f"{field}: leave out le and `or`; the threshold chooses the bucket")
    return name, matchers


def verified(expression: str, field: str) -> str:
    """The expression, parsed once more in the form that the rule contains."""
    _parsed(expression, field)
    return expression


def _unit(text: str, field: str) -> Unit:
    try:
        return unit(_written(text, field))
    except Mixed as mixed:
        raise Stalled(
            "UnitsDiffer",
            f"{field}: `{mixed}` joins events per second (rate) with events per window (increase): write rate in place "
            "of increase",
        ) from None


def _printed(text: str, field: str) -> str:
    return _print(_written(text, field), text, field)


def _print(expression: promql.Expr, text: str, field: str) -> str:
    # Not str(), which prints label values without the necessary escapes.
    printed: str = expression.prettify()
    if _parsed(printed, field).prettify() != printed:
        raise Stalled("InvalidPromQL", f"{field}: write this in a simpler way: {_short(text)}")
    return verified(widened(printed), field)


def _written(text: str, field: str) -> promql.Expr:
    """Parses the text of a user, after checking its bounds."""
    if too_much := promqltext.excess(text):
        raise Stalled("InvalidPromQL", f"{field}: {too_much}")
    return _parsed(text, field)


def _parsed(text: str, field: str) -> promql.Expr:
    try:
        return promqltext.parse(text)
    except ValueError as error:
        if grafanas := _GRAFANAS.search(text):
            cause = f"{grafanas[0]} is a variable of Grafana, which has no value here: write the range as [$window]"
            raise Stalled("InvalidPromQL", f"{field}: {cause}, in {_short(text)}") from None
        raise Stalled("InvalidPromQL", f"{field}: this is not PromQL: {error}, in {_short(text)}") from None


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
