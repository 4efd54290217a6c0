"""Operations of PromQL on labels: matchers, signatures, label_replace. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

import promql_parser as promql

from ninefold.reliability.backtest.grid import NAME, CannotEvaluate, Labels, labels_of


def nameless(labels: Labels) -> Labels:
    """Labels without the metric's name, which an operation drops if its result is another quantity."""
    return tuple(pair for pair in labels if pair[0] != NAME)


def keep(labels: Labels, names: Collection[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] in names)


def drop(labels: Labels, names: Collection[str]) -> Labels:
    return tuple(pair for pair in labels if pair[0] not in names)


def matchers_of(selector: promql.VectorSelector) -> list[promql.Matcher]:
    """The matchers of a selector without its name. Raises CannotEvaluate for `or` between matchers."""
    if selector.matchers.or_matchers:
        raise CannotEvaluate(f"`or` between matchers is not supported here: {selector.prettify()}")
    return list(selector.matchers.matchers)


def matches(labels: dict[str, str], matchers: Iterable[promql.Matcher]) -> bool:
    """Whether all matchers match; a missing label is empty."""
    return all(_fits(matcher, labels.get(matcher.name, "")) for matcher in matchers)


def _fits(matcher: promql.Matcher, value: str) -> bool:
    if matcher.op in (promql.MatchOp.Equal, promql.MatchOp.NotEqual):
        same = matcher.value == value
    else:
        same = anchored(matcher.value).fullmatch(value) is not None
    return same != (matcher.op in (promql.MatchOp.NotEqual, promql.MatchOp.NotRe))


def anchored(pattern: str) -> re.Pattern[str]:
    """A regular expression of Prometheus, for `fullmatch`. Raises CannotEvaluate where Python's syntax differs."""
    if "[[:" in pattern or re.search(r"\\[pPQzCE]", pattern):
        raise CannotEvaluate(f"this regular expression is not supported here: {pattern}")
    try:
        return re.compile(pattern, re.DOTALL)
    except re.error as error:
        raise CannotEvaluate(f"this regular expression is not supported here: {pattern}: {error}") from None


_REFERENCE = re.compile(r"\$(?:(\$)|(\w+)|\{(\w+)\})", re.ASCII)


def replaced(labels: Labels, target: str, replacement: str, source: str, pattern: re.Pattern[str]) -> Labels:
    """label_replace of one series: `target` becomes the replacement if the source matches, and is dropped if empty."""
    known = dict(labels)
    match = pattern.fullmatch(known.get(source, ""))
    if match is None:
        return labels
    known[target] = _REFERENCE.sub(lambda reference: _expanded(reference, match), replacement)
    return labels_of(known)


def _expanded(reference: re.Match[str], match: re.Match[str]) -> str:
    """The value of $1, ${1}, $name or ${name}; empty for a missing group, as in Go."""
    dollar, plain, braced = reference.groups()
    name = plain or braced
    if dollar:
        return "$"
    try:
        return match[int(name) if name.isdigit() else name] or ""
    except IndexError:
        return ""
