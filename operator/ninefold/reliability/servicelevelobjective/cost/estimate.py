"""Estimates what the rules of an objective cost Prometheus, from their syntax trees. Pure.

The count is that of Prometheus (`totalQueryableSamples`): a selector reads one sample of each of its series, and a
subquery `[R:S]` reads its expression R/S times, whatever its offset; nested subqueries multiply.
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
"""The share by which a number must move before it is written again."""

_STEP = timedelta(minutes=1)
"""The assumed distance between samples if an expression does not state it: rules are evaluated once a minute."""

_SINGLE = ("slo:objective:ratio", "slo:info", "slo:local_time:", "slo:indicator:number")
"""Recordings with a single series, however many groups an objective has."""

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
    """The part of the cost that is known without Prometheus."""

    rules: int
    series: Amount
    """All series that may be recorded; some have no value at times."""
    samples: Amount
    """The samples of recordings that one evaluation reads, once their history is as long as the longest window."""

    def cost(self, groups: int = 1, raw: int = 0) -> Cost:
        """The cost with `groups` groups; `raw` are the samples that the user's expressions read."""
        return Cost(rules=self.rules, series=self.series.of(groups), samples=self.samples.of(groups) + raw)


def estimate(group: Group) -> Estimate:
    """The cost of compiled rules, except for what the user's expressions read."""
    components = sum(rule.get("record") == _COMPONENT for rule in group.rules)
    # Rules contain the user's expressions unchanged; the longest first, since one may be a part of another.
    left_out = dict.fromkeys(sorted(set(group.user_expressions), key=len, reverse=True), "vector(0)")
    # Without its identity, an expression is the same for many objectives, and is parsed once.
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
    """The cost to show: the shown cost until a number has moved by a fifth or the number of rules has changed."""
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
    """The number of series of a recording; `one` if an expression selects a single component."""
    if name.startswith(_SINGLE):
        return Amount(single=1)
    by_component = name == _COMPONENT or name.startswith(_BLAME)
    return Amount(each=components if by_component and not one else 1)


@lru_cache(maxsize=4_096)
def _read(text: str, components: int) -> Amount:
    return _of(promqltext.parse(text), components)


def _of(expression: promql.Expr, components: int) -> Amount:
    """The samples of recordings that an expression reads."""
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
