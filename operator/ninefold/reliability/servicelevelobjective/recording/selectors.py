"""The series that the indicator of an objective selects, and the role of each selection. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import promql_parser

from ninefold.reliability.servicelevelobjective.recording import promql
from ninefold.reliability.servicelevelobjective.recording.bounds import widened
from ninefold.reliability.servicelevelobjective.resource import Indicator, Latency

Role = Literal["All", "Good", "Bad"]
"""All: without these series nothing is known. Good: without them, all events are bad. Bad: without them, no event is
bad, which may be correct."""

_FIELD = "spec.indicator"
_OPERATORS = {"MatchOp.Equal": "=", "MatchOp.NotEqual": "!=", "MatchOp.Re": "=~", "MatchOp.NotRe": "!~"}


class Matcher(NamedTuple):
    """A condition on a label."""

    label: str
    operator: str
    value: str

    def __str__(self) -> str:
        label = self.label if _is_plain(self.label) else json.dumps(self.label, ensure_ascii=False)
        return f"{label}{self.operator}{json.dumps(self.value, ensure_ascii=False)}"


@dataclass(frozen=True, slots=True)
class Selector:
    """A selection of series in a field of an objective."""

    field: str
    role: Role
    name: str
    """The name of the metric; "" if the selector matches names by a pattern or not at all."""
    matchers: tuple[Matcher, ...]
    text: str
    """The selector as PromQL, without offset."""

    def of(self, *matchers: Matcher) -> str:
        """A selector of the same metric with these conditions alone."""
        name = self.name if _is_plain(self.name) else ""
        named = () if name or not self.name else (Matcher("__name__", "=", self.name),)
        inner = ",".join(str(matcher) for matcher in (*named, *matchers))
        return widened(f"{name}{{{inner}}}") if inner else name


def selectors(indicator: Indicator) -> list[Selector]:
    """The selectors of an indicator, each once, in the order of fields; none for a composite. Raises Stalled for
    invalid
    PromQL."""
    found = [selector for field, role, text in _written(indicator) for selector in _in(f"{_FIELD}.{field}", role, text)]
    return list(dict.fromkeys(found))


def grouped(indicator: Indicator, groups: Sequence[str], matched: Sequence[Selector]) -> list[Selector]:
    """For each label of groupBy, a selector of the series that have it, if all events come from a single plain
    metric."""
    whole = [selector for selector in matched if selector.role == "All" and selector.name]
    written = [text for _, role, text in _written(indicator) if role == "All"]
    if len(whole) != 1 or any("label_" in text or "group_" in text or "info(" in text for text in written):
        return []
    (one,) = whole
    return [_having(one, label) for label in groups]


def _having(selector: Selector, label: str) -> Selector:
    matchers = (*selector.matchers, Matcher(label, "!=", ""))
    return replace(selector, field="spec.groupBy", matchers=matchers, text=selector.of(*matchers))


def loose(selector: Selector, others: Sequence[Selector]) -> list[Matcher]:
    """Conditions that make events good or bad, and that a series without their label meets.

    A condition that applies to all events as well, such as an excluded path, decides nothing.
    """
    if selector.role == "All" or not selector.name:
        return []
    shared = {matcher for other in others if other.role == "All" for matcher in other.matchers}
    return [matcher for matcher in selector.matchers if _is_loose(matcher) and matcher not in shared]


def _is_loose(matcher: Matcher) -> bool:
    """Whether a condition excludes values, so that a series without the label meets it.

    A condition that the label is absent does not count: such a label may come with the first failure.
    """
    if matcher.operator == "!=":
        return bool(matcher.value)
    try:
        return matcher.operator == "!~" and not any(re.fullmatch(matcher.value, text) for text in ("", "x"))
    except re.error:
        # Python does not accept all patterns of Prometheus.
        return False


def _written(indicator: Indicator) -> Iterator[tuple[str, Role, str]]:
    """What the user wrote, by field."""
    if indicator.ratio is not None:
        yield "ratio.total", "All", indicator.ratio.total
        if indicator.ratio.bad is not None:
            yield "ratio.bad", "Bad", indicator.ratio.bad
        else:
            yield "ratio.good", "Good", indicator.ratio.good or ""
    if indicator.error_ratio is not None:
        yield "errorRatio.query", "All", indicator.error_ratio.query
        if indicator.error_ratio.traffic is not None:
            yield "errorRatio.traffic", "All", indicator.error_ratio.traffic
    if indicator.latency is not None:
        yield "latency.histogram", "All", _histogram(indicator.latency)
    if indicator.boolean is not None:
        yield "boolean.selector", "All", indicator.boolean.selector
    if indicator.gauge is not None:
        yield "gauge.query", "All", indicator.gauge.query


def _histogram(latency: Latency) -> str:
    name, matchers = promql.histogram(latency.histogram, f"{_FIELD}.latency.histogram")
    return f"{name}{{{matchers}}}" if latency.buckets == "Native" else f"{name}_count{{{matchers}}}"


def _in(field: str, role: Role, text: str) -> Iterator[Selector]:
    for node, subtracted in promql.vector_selectors(text, field):
        matchers = [_matcher(matcher) for matcher in node.matchers.matchers]
        name = promql.metric(node)
        kept = tuple(matcher for matcher in matchers if matcher.label != "__name__" or not name)
        # Events subtracted from bad events are good: without them, all events are bad.
        stands = "Good" if subtracted and role == "Bad" else role
        yield Selector(field, stands, name, kept, _text(node, matchers))


def _matcher(matcher: promql_parser.Matcher) -> Matcher:
    return Matcher(matcher.name, _OPERATORS[str(matcher.op)], matcher.value)


def _text(node: promql_parser.VectorSelector, matchers: Sequence[Matcher]) -> str:
    either = node.matchers.or_matchers or [node.matchers.matchers]
    inner = " or ".join(",".join(str(_matcher(matcher)) for matcher in group) for group in either)
    return widened(f"{node.name or ''}{{{inner}}}")


def _is_plain(name: str) -> bool:
    return name.isascii() and name.replace(":", "_").isidentifier()
