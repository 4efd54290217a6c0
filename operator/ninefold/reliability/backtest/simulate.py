"""Groups of rules over history: everything that they would have recorded, and when alerts would have fired. Pure."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ninefold.reliability.backtest.alerts import Spell, spells, states
from ninefold.reliability.backtest.evaluate import Evaluator
from ninefold.reliability.backtest.grid import CannotEvaluate, Grid, Vector, labels_of, put
from ninefold.reliability.backtest.labels import nameless
from ninefold.reliability.backtest.questions import question
from ninefold.reliability.backtest.recordings import Recordings
from ninefold.reliability.backtest.rulefile import ALERTS, FileRule, Group, Makers

_LABEL = re.compile(r"\{\{ ?\$labels\.(\w+) ?\}\}")


@dataclass(frozen=True, slots=True)
class Alert:
    """One time that an alert was active; `value` is what its expression had when it began to fire."""

    labels: Mapping[str, str]
    spell: Spell
    value: float | None


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
    """All that the rules of a group, and of those it reads, have recorded; the alerts are of that group alone."""

    recordings: Recordings
    alerts: list[Alert]


class Simulation:
    """Runs groups over the same history. What two of them have in common is evaluated once."""

    def __init__(self, grid: Grid, answers: Mapping[str, Vector]) -> None:
        """`answers` has what Prometheus said to each `questions.question` of the rules."""
        self.grid = grid
        self._known = dict(answers)

    def outcome(self, groups: Sequence[Group]) -> SimulationOutcome:
        """Of the last group, which comes after those that it reads. Raises CannotEvaluate."""
        meanings = self._meanings([rule for each in groups for rule in each])
        recordings, alerts = Recordings(self.grid), list[Alert]()
        for each in groups:
            known = {rule: self._known[meanings[rule]] for rule in each if meanings[rule] in self._known}
            alerts = run(each, recordings, known)
            self._known |= {meanings[rule]: vector for rule, vector in known.items()}
        return SimulationOutcome(recordings, alerts)

    def _meanings(self, rules: Sequence[FileRule]) -> dict[FileRule, str]:
        """What each rule comes to: two rules mean the same if they have the same text and read the same."""
        makers, found = Makers(rules), dict[FileRule, str]()
        for rule in rules:
            asked = question(rule, makers)
            parts = [rule.expression.prettify()]
            for maker in dict.fromkeys(maker for selector in rule.selectors for maker in makers.of(selector)):
                parts += [maker.makes, json.dumps(sorted(maker.labels.items())), found[maker]]
            digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
            found[rule] = asked if asked is not None else digest
        return found


def run(group: Group, recordings: Recordings, known: dict[FileRule, Vector]) -> list[Alert]:
    """Evaluate the rules of a group in their order, and add what they record.

    `known` has the values of some rules, such as what Prometheus was asked for, and gets those of the others.
    Raises CannotEvaluate.
    """
    evaluator, alerts = Evaluator(recordings), list[Alert]()
    for rule in group:
        try:
            if rule not in known:
                known[rule] = evaluator.vector(rule.expression, recordings.grid)
            if rule.alert:
                alerts += _alerted(rule, known[rule], recordings)
            else:
                recordings.add(rule.name, _labelled(rule, known[rule]))
        except CannotEvaluate as error:
            raise CannotEvaluate(f"{rule.name}: {error}") from None
    return alerts


def _labelled(rule: FileRule, vector: Vector) -> Vector:
    """With the labels of the rule in the place of the series' own."""
    result: Vector = {}
    for labels, values in vector.items():
        known = dict(nameless(labels))
        written = {name: _expanded(text, known) for name, text in rule.labels.items()}
        put(result, labels_of({**known, **written}), values, rule.name)
    return result


def _expanded(text: str, labels: Mapping[str, str]) -> str:
    """A label of an alert; {{ $value }} stays as it is, since it would make another alert of each value."""
    return _LABEL.sub(lambda label: labels.get(label[1], ""), text)


def _alerted(rule: FileRule, vector: Vector, recordings: Recordings) -> list[Alert]:
    found: list[Alert] = []
    grid, marks = recordings.grid, Vector()
    for labels, values in _labelled(rule, vector).items():
        named = {**dict(labels), "alertname": rule.name}
        times = list(spells(values, _steps(rule.hold, grid), _steps(rule.keep, grid)))
        for spell in times:
            found.append(Alert(named, spell, None if spell.fires is None else float(values[spell.fires])))
        for state, there in states(times, grid.count).items():
            marks[labels_of({**named, "alertstate": state})] = there
    recordings.add(ALERTS, marks)
    return found


def _steps(length: int, grid: Grid) -> int:
    """The evaluations until a time has passed."""
    return -(-length // grid.step)
