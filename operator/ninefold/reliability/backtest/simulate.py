"""Runs groups of rules over history: what they would have recorded, and when alerts would have fired. Pure."""

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
    """A time in which an alert was active; `value` is the value of its expression when it began to fire."""

    labels: Mapping[str, str]
    spell: Spell
    value: float | None


@dataclass(frozen=True, slots=True)
class SimulationOutcome:
    """The recordings of a group and of the groups that it reads, and the alerts of that group alone."""

    recordings: Recordings
    alerts: list[Alert]


class Simulation:
    """Runs groups over the same history. Rules that groups have in common are evaluated once."""

    def __init__(self, grid: Grid, answers: Mapping[str, Vector]) -> None:
        """`answers` has the answer of Prometheus to each `questions.question` of the rules."""
        self.grid = grid
        self._known = dict(answers)

    def outcome(self, groups: Sequence[Group]) -> SimulationOutcome:
        """The outcome of the last group, which comes after the groups that it reads. Raises CannotEvaluate."""
        meanings = self._meanings([rule for group in groups for rule in group])
        recordings, alerts = Recordings(self.grid), list[Alert]()
        for group in groups:
            known = {rule: self._known[meanings[rule]] for rule in group if meanings[rule] in self._known}
            alerts = run(group, recordings, known)
            self._known |= {meanings[rule]: vector for rule, vector in known.items()}
        return SimulationOutcome(recordings, alerts)

    def _meanings(self, rules: Sequence[FileRule]) -> dict[FileRule, str]:
        """A key for each rule: two rules have the same key if they have the same text and read the same series."""
        makers, meanings = Makers(rules), dict[FileRule, str]()
        for rule in rules:
            asked = question(rule, makers)
            parts = [rule.expression.prettify()]
            for maker in dict.fromkeys(maker for selector in rule.selectors for maker in makers.of(selector)):
                parts += [maker.makes, json.dumps(sorted(maker.labels.items())), meanings[maker]]
            digest = hashlib.sha256("\0".join(parts).encode()).hexdigest()
            meanings[rule] = asked if asked is not None else digest
        return meanings


def run(group: Group, recordings: Recordings, known: dict[FileRule, Vector]) -> list[Alert]:
    """Evaluates the rules of a group in their order, and adds what they record.

    `known` has the values of some rules, such as answers of Prometheus, and receives those of the other rules.
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
    """The series with the labels of the rule, which replace their own labels of the same name."""
    result: Vector = {}
    for labels, values in vector.items():
        known = dict(nameless(labels))
        written = {name: _expanded(text, known) for name, text in rule.labels.items()}
        put(result, labels_of({**known, **written}), values, rule.name)
    return result


def _expanded(text: str, labels: Mapping[str, str]) -> str:
    """A label of an alert; {{ $value }} stays unchanged, since each value would otherwise make another alert."""
    return _LABEL.sub(lambda label: labels.get(label[1], ""), text)


def _alerted(rule: FileRule, vector: Vector, recordings: Recordings) -> list[Alert]:
    alerts: list[Alert] = []
    grid, marks = recordings.grid, Vector()
    for labels, values in _labelled(rule, vector).items():
        named = {**dict(labels), "alertname": rule.name}
        times = list(spells(values, _steps(rule.hold, grid), _steps(rule.keep, grid)))
        for spell in times:
            alerts.append(Alert(named, spell, None if spell.fires is None else float(values[spell.fires])))
        for state, there in states(times, grid.count).items():
            marks[labels_of({**named, "alertstate": state})] = there
    recordings.add(ALERTS, marks)
    return alerts


def _steps(length: int, grid: Grid) -> int:
    """The number of evaluations until `length` milliseconds have passed."""
    return -(-length // grid.step)
