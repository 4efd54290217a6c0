"""What the rules of an objective cost Prometheus, from their syntax trees. Pure.

Counted as Prometheus counts (`totalQueryableSamples`): a selector reads one sample of each of its series, a subquery
`[R:S]` reads what it is about R/S times, wherever its offset is, and one within another so many times again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache

import promql_parser as promql

from ninefold.kube import promqltext
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.status import Cost

BAND = 0.2
"""The share by which a figure moves before it is written again."""

_STEP = timedelta(minutes=1)
"""How far apart samples are taken to be where an expression does not say: rules are evaluated once a minute."""

_SINGLE = ("slo:objective:ratio", "slo:info", "slo:local_time:", "slo:indicator:number")
"""Recordings that are one series, however many groups an objective has."""

_COMPONENT, _BLAME = "slo:component:error_ratio", "slo:blame:"
"""Recordings with a series for each component of a composite."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number that grows with the groups of an objective."""

    single: float = 0
    each: float = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.single + other.single, self.each + other.each)

    def times(self, factor: float) -> Amount:
        return Amount(self.single * factor, self.each * factor)

    def of(self, groups: int) -> int:
        return round(self.single + self.each * groups)


@dataclass(frozen=True, slots=True)
class Estimate:
    """What can be told without Prometheus."""

    rules: int
    series: Amount
    """All that may be recorded; some have no value at times."""
    samples: Amount
    """Of recordings, read by one evaluation when their history is as long as the longest window."""

    def cost(self, groups: int = 1, raw: int = 0) -> Cost:
        """With so many groups; `raw` are the samples that the user's own expressions read."""
        return Cost(rules=self.rules, series=self.series.of(groups), samples=self.samples.of(groups) + raw)


def estimate(group: Group) -> Estimate:
    """The cost of compiled rules, but for what the user's own expressions read."""
    components = sum(rule.get("record") == _COMPONENT for rule in group.rules)
    # What the user wrote stands in its rule as it is here; the longest first, since one may be a part of another.
    left_out = dict.fromkeys(sorted(set(group.user_expressions), key=len, reverse=True), "vector(0)")
    # Without its identity an expression is that of many objectives, and read once.
    left_out[json.dumps(group.name.removeprefix("ninefold/"))] = '""'
    return Estimate(
        rules=len(group.rules),
        series=_total(
            _width(name, components, one=name == _COMPONENT)
            for name in (rule["record"] for rule in group.rules if "record" in rule)
        ),
        samples=_total(_read(_without(rule["expr"], left_out), components) for rule in group.rules),
    )


def shown(before: Cost | None, fresh: Cost) -> Cost:
    """What to show: what is shown already, until a figure has moved by a fifth or the rules are others."""
    if before is None or before.rules != fresh.rules:
        return fresh
    pairs = ((before.series, fresh.series), (before.samples, fresh.samples))
    return fresh if any(abs(new - old) > BAND * old for old, new in pairs) else before


def _without(expression: str, left_out: Mapping[str, str]) -> str:
    for part, instead in left_out.items():
        expression = expression.replace(part, instead)
    return expression


def _total(amounts: Iterable[Amount]) -> Amount:
    return sum(amounts, Amount())


def _width(name: str, components: int, *, one: bool) -> Amount:
    """The series of a recording; `one` if a single component is asked for."""
    if name.startswith(_SINGLE):
        return Amount(single=1)
    by_component = name == _COMPONENT or name.startswith(_BLAME)
    return Amount(each=components if by_component and not one else 1)


@lru_cache(maxsize=4_096)
def _read(text: str, components: int) -> Amount:
    return _of(promqltext.parse(text), components)


def _of(expression: promql.Expr, components: int) -> Amount:
    """What an expression reads, of recordings alone."""
    match expression:
        case promql.VectorSelector():
            one = any(matcher.name == "component" for matcher in expression.matchers.matchers)
            return _width(expression.name or "", components, one=one)
        case promql.MatrixSelector():
            return _of(expression.vector_selector, components).times(expression.range / _STEP)
        case promql.SubqueryExpr():
            return _of(expression.expr, components).times((expression.range or _STEP) / (expression.step or _STEP))
        case promql.Call():
            return _total(_of(argument, components) for argument in expression.args)
        case promql.BinaryExpr():
            return _of(expression.lhs, components) + _of(expression.rhs, components)
        case promql.AggregateExpr() | promql.ParenExpr() | promql.UnaryExpr():
            return _of(expression.expr, components)
    return Amount()
