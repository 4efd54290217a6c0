"""Analyses and converts PromQL that other tools' users wrote. Pure.

`$window` is the range, as in Ninefold's resource. PromQL that cannot be parsed, or exceeds the bounds, is None here:
the compiler refuses it later, with the parser's message or the bound.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation

import promql_parser as promql

from ninefold.integrations.translation import labels, meaning, shares
from ninefold.integrations.translation.labels import Kept, Labels
from ninefold.integrations.translation.meaning import Meaning, WindowMeaning
from ninefold.integrations.translation.series import bare
from ninefold.integrations.translation.shares import Share
from ninefold.kube import promqltext

BASE = 300
"""The seconds of [$window] unless an objective counts slices of time: events are recorded over this interval."""

_STRING = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`""")
_GO_TEMPLATE = re.compile(r"\{\{-?\s*\.(?:window|Window)\s*-?\}\}")
_RANGE = re.compile(r"\[\s*((?:[0-9]+(?:ms|[smhdwy]))+)\s*(:[^\]]*|)\]")
_OFFSET = re.compile(r"\boffset\s+-?\s*\$window\b")
_OURS = re.compile(r"\[\s*\$window\s*(?=[\]:])")
_RATED = re.compile(r"\b(?:rate|irate|increase|histogram_count)\s*\(")
_INCREASE = re.compile(r"\bincrease(?=\s*\()")
_MATCHERS = rf"\{{(?:{_STRING.pattern}|[^{{}}\"'`])*\}}"
_NAME = r"[a-zA-Z_:][a-zA-Z0-9_:]*(?:\$window[a-zA-Z0-9_:]*)?"
_SELECTOR = re.compile(rf"{_STRING.pattern}|(?P<selector>{_NAME}(?:\s*{_MATCHERS})?|{_MATCHERS})(?P<range>\s*\[)?")


def from_template(text: str) -> str:
    """`{{.window}}`, as Sloth writes it, becomes `$window`."""
    return _GO_TEMPLATE.sub("$window", text.strip())


def has_window(text: str) -> bool:
    return _OURS.search(text) is not None


def is_shifted(text: str) -> bool:
    """Whether its offset is as long as its window, by `offset $window`."""
    return _OFFSET.search(_STRING.sub('""', text)) is not None


def read_once(text: str) -> str:
    """The query with `$window` only in ranges: a recording such as `errors:rate$window` is read over 5m."""

    def read(found: re.Match[str]) -> str:
        chosen = found["selector"]
        if chosen is None or "$window" not in chosen or found["range"]:
            return found[0]
        return f"last_over_time({chosen}[$window])".replace("$window", "5m", chosen.count("$window"))

    made = _SELECTOR.sub(read, text)
    return re.sub(r"\$window", lambda found: "$window" if _OURS.match(made, _opening(made, found)) else "5m", made)


def _opening(text: str, found: re.Match[str]) -> int:
    """The position where the bracket before it would be."""
    return len(text[: found.start()].rstrip()) - 1


def is_rated(text: str) -> bool:
    """Whether a query takes the rate of counters itself."""
    return _RATED.search(_STRING.sub('""', text)) is not None


def meant(text: str) -> Meaning | None:
    """The meaning of a query; None if it is not PromQL, or too deep to analyse."""
    expression = _parsed(text)
    try:
        return None if expression is None else meaning.meaning(expression)
    except RecursionError:
        return None


def per_second(text: str, seconds: int) -> str:
    """Converts a query that counts events in [$window], which is `seconds` long, to events per second."""
    before = meant(text)
    if before is None or not before.per_window:
        return text
    plain = _STRING.sub('""', text)
    rated = _outside_strings(text, lambda part: _INCREASE.sub("rate", part))
    after = meant(rated)
    if (
        before.kind is WindowMeaning.ADDITIVE
        and not _RANGE.search(plain)
        and after is not None
        and not after.per_window
    ):
        return rated
    return f"({text}{chr(10) if '#' in plain else ''}) / {seconds}"


def share(text: str) -> Share | None:
    """What an error ratio is a share of; None if it is not a share."""
    expression = _parsed(text)
    try:
        return None if expression is None else shares.share(expression)
    except RecursionError:
        return None


def denominator(text: str) -> str | None:
    """The denominator of a share of events per second; None for any other query."""
    ratio = share(text)
    if ratio is None or ratio.total is None:
        return None
    printed = _outside_strings(ratio.total.prettify(), lambda plain: re.sub(r"\s+", " ", plain))
    # Durations are printed in their largest units.
    return printed.replace("[4m59s", "[$window")


def with_window(text: str) -> str:
    """Fixed ranges become `[$window]`."""
    return _outside_strings(text, lambda plain: _RANGE.sub(r"[$window\2]", plain))


def rated(text: str) -> str:
    """The rate of a selector of counters; other PromQL unchanged."""
    return f"rate({text}[$window])" if selector(text) is not None else offset_rated(text)


def offset_rated(text: str) -> str:
    """The rate of a counter selector with an offset, which Ninefold's selectors cannot have; other PromQL unchanged."""
    expression = _parsed(text)
    if not isinstance(expression, promql.VectorSelector) or expression.offset is None or expression.at is not None:
        return text
    chosen, _, offset = expression.prettify().rpartition(" offset ")
    return f"rate({chosen}[$window] offset {offset})"


def exported(text: str, renamed: Iterable[tuple[str, str]]) -> str:
    """A query with labels copied to other names."""
    for old, new in renamed:
        text = f'label_replace({text}, "{new}", "$1", "{old}", "(.*)")'
    return text


def selector(text: str) -> promql.VectorSelector | None:
    """A plain selector of series."""
    expression = _parsed(text)
    if not isinstance(expression, promql.VectorSelector):
        return None
    return expression if expression.offset is None and expression.at is None else None


def summed(text: str) -> tuple[str, tuple[str, ...]] | None:
    """The selector and the labels of `sum(selector)` and `sum by (a) (selector)`."""
    expression = bare(_parsed(text))
    if not isinstance(expression, promql.AggregateExpr) or str(expression.op) != "sum":
        return None
    by, inner = _by(expression), bare(expression.expr)
    if by is None or not isinstance(inner, promql.VectorSelector) or selector(inner.prettify()) is None:
        return None
    return inner.prettify(), by


def kept(text: str) -> Kept | None:
    """The sets of labels that distinguish a query's series; None if unknown, as for `rate(x[$window])`."""
    expression = _parsed(text)
    try:
        return labels.kept(expression)
    except RecursionError:
        return None


def grouping(text: str) -> Labels | None:
    """Like `kept`, for a query whose series all have the same labels."""
    sets = kept(text)
    return sets[0] if sets is not None and len(sets) == 1 else None


def latency(good: str, total: str) -> tuple[str, Decimal] | None:
    """The selector of the histogram and the bound of `name_bucket{le="0.3", …}` and `name_count{…}`."""
    bucket, count = selector(good), selector(total)
    if bucket is None or count is None or not bucket.name or not count.name or bucket.matchers.or_matchers:
        return None
    name = bucket.name.removesuffix("_bucket")
    others = [matcher for matcher in bucket.matchers.matchers if matcher.name != "le"]
    bounds = [matcher for matcher in bucket.matchers.matchers if matcher.name == "le"]
    if (bucket.name, count.name) != (f"{name}_bucket", f"{name}_count") or len(bounds) != 1:
        return None
    if _as_set(others) != _as_set(count.matchers.matchers):
        return None
    bound = _bound(bounds[0])
    return (count.prettify().replace(count.name, name, 1), bound) if bound and bound.is_finite() else None


def has_one_bucket(text: str) -> bool:
    """Whether a selector selects one bucket of a histogram; True for text that is not a selector."""
    chosen = selector(text)
    bounds = [] if chosen is None else [matcher for matcher in chosen.matchers.matchers if matcher.name == "le"]
    return chosen is None or any(_bound(matcher) is not None for matcher in bounds)


def _bound(matcher: promql.Matcher) -> Decimal | None:
    """The only bound that a condition on le allows: Prometheus 2 writes it as 1 and Prometheus 3 as 1.0."""
    if matcher.op not in (promql.MatchOp.Equal, promql.MatchOp.Re):
        return None
    either = matcher.value.replace("\\", "").split("|") if matcher.op == promql.MatchOp.Re else [matcher.value]
    try:
        bounds = {Decimal(text.removesuffix("(.0)?")) for text in either}
    except InvalidOperation:
        return None
    return bounds.pop() if len(bounds) == 1 else None


def with_matcher(text: str, suffix: str, matcher: str = "") -> str | None:
    """The selector with a suffix on its name and one more matcher; None if it is not a selector or has no name."""
    parsed = selector(text)
    if parsed is None or not parsed.name:
        return None
    name, _, matchers = parsed.prettify().removesuffix("}").partition("{")
    inner = ",".join(filter(None, (matchers, matcher)))
    return f"{name}{suffix}{{{inner}}}" if inner else f"{name}{suffix}"


def _parsed(text: str) -> promql.Expr | None:
    if promqltext.excess(text):
        return None
    try:
        return promqltext.parse(_OURS.sub(f"[{meaning.WINDOW}", text))
    except ValueError:
        return None


def _by(aggregate: promql.AggregateExpr) -> tuple[str, ...] | None:
    """The labels that a sum keeps; None for `without`."""
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
