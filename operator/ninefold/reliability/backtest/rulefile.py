"""Rules of a rule file, parsed once: which series they make and read, and in which order. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import promql_parser as promql

from ninefold.kube import promqltext
from ninefold.kube.fields import seconds
from ninefold.reliability.backtest.grid import NAME, CannotEvaluate
from ninefold.reliability.backtest.labels import matchers_of, matches
from ninefold.reliability.backtest.reads import selectors

ALERTS = "ALERTS"


@dataclass(frozen=True, eq=False)
class FileRule:
    """A recording rule or an alert. `hold` is `for`, `keep` is keep_firing_for, in milliseconds."""

    name: str
    expression: promql.Expr
    labels: Mapping[str, str]
    alert: bool
    hold: int
    keep: int

    @property
    def makes(self) -> str:
        """The name of the series that the rule makes."""
        return ALERTS if self.alert else self.name

    @cached_property
    def selectors(self) -> list[promql.VectorSelector]:
        return list(selectors(self.expression))

    @cached_property
    def fixed(self) -> dict[str, str]:
        """The labels that all its series have, including the name."""
        written = {name: value for name, value in self.labels.items() if "{{" not in value}
        return {**written, NAME: self.makes, **({"alertname": self.name} if self.alert else {})}

    def may_make(self, selector: promql.VectorSelector) -> bool:
        """Whether the selector may find series of the rule, according to the rule's constant labels."""
        if selector.name not in (None, self.makes):
            return False
        return matches(self.fixed, (matcher for matcher in matchers_of(selector) if matcher.name in self.fixed))

    @classmethod
    def parse(cls, rule: Mapping[str, Any]) -> FileRule:
        """Parses a rule of a rule file. Raises CannotEvaluate if the expression cannot be parsed."""
        name = rule.get("record") or rule["alert"]
        try:
            expression = promqltext.parse(rule["expr"])
        except ValueError as error:
            raise CannotEvaluate(f"{name} is not PromQL that is supported here: {error}") from None
        hold, keep = (seconds(rule[key]) * 1000 if key in rule else 0 for key in ("for", "keep_firing_for"))
        return cls(name, expression, rule.get("labels", {}), "alert" in rule, hold, keep)


Group = Sequence[FileRule]


def parse(group: Mapping[str, Any]) -> Group:
    """The rules of a group, in their order. Raises CannotEvaluate."""
    return [FileRule.parse(rule) for rule in group["rules"]]


class Makers:
    """The rules that make the series of a selector."""

    def __init__(self, rules: Iterable[FileRule]) -> None:
        self._by_name: dict[str, list[FileRule]] = {}
        self._by_label: dict[tuple[str, str], dict[str, list[FileRule]]] = {}
        for rule in rules:
            self._by_name.setdefault(rule.makes, []).append(rule)
            for name, value in rule.fixed.items():
                self._by_label.setdefault((rule.makes, name), {}).setdefault(value, []).append(rule)

    def of(self, selector: promql.VectorSelector) -> list[FileRule]:
        return [rule for rule in self._candidates(selector) if rule.may_make(selector)]

    def _candidates(self, selector: promql.VectorSelector) -> list[FileRule]:
        """The rules of the selector's name; only those with its label if all have such a label, so that a thousand
        objectives do not make every lookup slow."""
        if not selector.name:
            return [rule for rules in self._by_name.values() for rule in rules]
        named = self._by_name.get(selector.name, [])
        for matcher in matchers_of(selector):
            labelled = self._by_label.get((selector.name, matcher.name), {})
            if matcher.op == promql.MatchOp.Equal and sum(map(len, labelled.values())) == len(named):
                return labelled.get(matcher.value, [])
        return named


class Library:
    """Groups that may read one another.

    Prometheus evaluates groups concurrently, so a value that one group reads of another may be as old as an interval.
    """

    def __init__(self, groups: Iterable[Group]) -> None:
        self._home = {rule: group for group in groups for rule in group}
        self._makers = Makers(self._home)

    def needed(self, group: Group, instead_of: Group | None = None) -> list[Group]:
        """The groups that a group reads, directly or indirectly, each after the groups that it reads itself.

        The group may replace the group `instead_of` of the library. Raises CannotEvaluate if groups, or the rules of a
        group, read each other in a circle.
        """
        visited: list[Group] = []
        self._visit(group, (instead_of if instead_of is not None else group,), visited)
        return visited[:-1]

    def _visit(self, group: Group, path: tuple[Group, ...], visited: list[Group]) -> None:
        for other in self._read_by(group):
            if other is path[-1]:
                continue
            if any(other is ancestor for ancestor in path):
                raise CannotEvaluate(f"groups of rules read each other in a circle: see {group[0].name}")
            self._visit(other, (*path, other), visited)
        if not any(group is known for known in visited):
            visited.append(group)

    def _read_by(self, group: Group) -> Iterator[Group]:
        """The groups that a group reads, possibly itself. Raises CannotEvaluate if a rule reads a later rule."""
        own = Makers(group)
        for position, rule in enumerate(group):
            for selector in rule.selectors:
                late = next((maker for maker in own.of(selector) if maker in group[position:]), None)
                if late is not None:
                    raise CannotEvaluate(f"{rule.name} reads {late.makes}, which is recorded after it")
                yield from (self._home[maker] for maker in self._makers.of(selector))
