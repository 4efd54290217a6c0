"""What users write in PromQL, made safe: parsed, checked for its place, and printed again from the syntax tree.

Nothing a user wrote is pasted into a rule as text, so it cannot end a bracket or start a comment there. Pure.
"""

from __future__ import annotations

import re

import promql_parser as promql

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import seconds

_ABSENT = "1h"
"""What was there so long before is not born: it had a break."""
_NEWBORN = 10
"""What begins above that has counted for longer than between two scrapes, or has so many events that one is nothing."""
_WINDOW = re.compile(r"\[\s*\$window(?=\s*[\]:])")


def rate(text: str, length: str, aggregate: str, field: str) -> str:
    """Events per second over a range, aggregated ("sum"), from a selector of counters or PromQL with [$window]."""
    if _WINDOW.search(text):
        # A comparison drops NaN, which would otherwise stay in every average for as long as its window is.
        return verified(f"{aggregate}({over(text, length, field)}) >= 0", field)
    return verified(f"{aggregate}(rate({selector(text, field)}[{length}]))", field)


def births(text: str, beside: str, length: str, groups: str, field: str) -> str:
    """First values of counters that were born in a range beside others that lived, in events per second by `groups`."""
    chosen = selector(text, field)
    born = f"min_over_time({chosen}[{length}]) <= {_NEWBORN} unless last_over_time({chosen}[{_ABSENT}] offset {length})"
    lived = f"group by ({groups}) ({selector(beside, field)} offset {length})"
    return verified(f"sum by ({groups}) ({born}) / {seconds(length)} and {lived}", field)


def plain(text: str) -> str | None:
    """A selector as it was written; None for PromQL with [$window]."""
    return None if _WINDOW.search(text) else text


def over(text: str, length: str, field: str) -> str:
    """PromQL with [$window], over ranges of this length."""
    if not _WINDOW.search(text):
        raise Stalled("InvalidPromQL", f"{field}: write the range as [$window], as in rate(x[$window])")
    return _printed(_WINDOW.sub(f"[{length}", text), field)


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
    expression = _parsed(text, field)
    if not isinstance(expression, promql.VectorSelector):
        raise Stalled(
            "InvalidPromQL",
            f'{field}: write a selector such as http_requests_total{{job="checkout"}}, or PromQL in which the range '
            f"is [$window], as in sum(rate(http_requests_total[$window])); this is neither: {_short(text)}",
        )
    if expression.offset is not None or expression.at is not None:
        raise Stalled("InvalidPromQL", f"{field}: leave out offset and @, rules are evaluated at the present time")
    return _print(expression, text, field)


def histogram(text: str, field: str) -> tuple[str, str]:
    """The base name of a histogram and its matchers, "" or such as 'job="checkout"'."""
    printed = selector(text, field)
    name, _, matchers = printed.removesuffix("}").partition("{")
    if not re.fullmatch(r"[a-zA-Z_:][a-zA-Z0-9_:]*", name):
        raise Stalled("InvalidPromQL", f'{field}: begin with the name of the histogram, as name{{job="checkout"}}')
    for suffix in ("_bucket", "_count", "_sum"):
        if name.endswith(suffix):
            raise Stalled("InvalidPromQL", f"{field}: write {name.removesuffix(suffix)}, without {suffix}")
    if re.search(r"(^|,)\s*le\s*[=!]", matchers) or " or " in matchers:
        raise Stalled("InvalidPromQL", f"{field}: leave out le and `or`; the threshold chooses the bucket")
    return name, matchers


def verified(expression: str, field: str) -> str:
    """The expression, parsed once more as it will stand in the rule."""
    _parsed(expression, field)
    return expression


def _printed(text: str, field: str) -> str:
    return _print(_parsed(text, field), text, field)


def _print(expression: promql.Expr, text: str, field: str) -> str:
    # Not str(), which prints the value of a label without the escapes that it needs.
    printed: str = expression.prettify()
    if _parsed(printed, field).prettify() != printed:
        raise Stalled("InvalidPromQL", f"{field}: write this in a simpler way: {_short(text)}")
    return printed


def _parsed(text: str, field: str) -> promql.Expr:
    try:
        return promql.parse(text)
    except ValueError as error:
        raise Stalled("InvalidPromQL", f"{field}: this is not PromQL: {error}, in {_short(text)}") from None


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
