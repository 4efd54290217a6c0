"""The values by which the rules of an objective that closed gates end: those of its identity at that time. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.carrying import LAG
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec
from ninefold.reliability.errorbudgetpolicy.rules import When
from ninefold.reliability.errorbudgetpolicy.status import Carried, Identity, Remembered

_UNKNOWN = BudgetReading("Unknown")
_ALIKE = 1.000001
"""Up to this factor, two objectives in percent differ only in how they are written."""


def judged(when: When, entry: Remembered | None, objective: WatchedObjective, now: datetime) -> WatchedObjective:
    """The objective with the values that a rule is judged by; with Unknown values, the rule stays unchanged."""
    if entry is None or not entry.closes or entry.identity is None:
        return objective
    carried = entry.carried
    if carried is None:
        return _held(objective, entry.identity)
    if str(when) not in {rule.rule for rule in entry.active}:
        return objective
    if carried.measured_by is None:
        return _blind(objective)
    if when.burn_rate is not None:
        longest = max(seconds(window) for window in when.burn_rate.windows)
        whole = now >= measured_whole(carried, longest)
        return _held(objective, entry.identity) if whole else _blind(objective)
    # A forecast needs burn rates over windows of days, and the budget under a new name is known only after its window.
    if when.budget_left_below is None or carried.change != "Remade":
        return _blind(objective)
    return _at_worst(_held(objective, entry.identity), entry.identity, now)


def shown(entry: Remembered | None, objective: WatchedObjective, now: datetime) -> BudgetReading:
    """The values to show; with Unknown, the status keeps the last ones."""
    if entry is None or not entry.closes or entry.identity is None:
        return objective.reading
    if entry.carried is None:
        return _held(objective, entry.identity).reading
    if entry.carried.measured_by is None or entry.carried.change != "Remade":
        return _UNKNOWN
    return _at_worst(_held(objective, entry.identity), entry.identity, now).reading


def measured_whole(carried: Carried, length: int) -> datetime:
    """When a window of `length` seconds contains only time that is measured again."""
    return carried.since + timedelta(seconds=length) + LAG


def changes(spec: ErrorBudgetPolicySpec, state: Remembered) -> list[datetime]:
    """The times at which the evaluation of a carried objective changes without a new measurement."""
    carried = state.carried
    if carried is None:
        return []
    windows = {window for rule in spec.rules if rule.when.burn_rate for window in rule.when.burn_rate.windows}
    return [carried.until, *(measured_whole(carried, seconds(window)) for window in windows)]


def is_weaker(identity: Identity, objective: WatchedObjective) -> bool:
    """Whether the objective is lower than it was."""
    return _factor(identity, objective) > 1


def _factor(identity: Identity, objective: WatchedObjective) -> float:
    """The factor for spent budgets and burn rates; 1 unless the objective is lower than it was."""
    was, present = float(identity.objective) / 100, objective.reading.promised
    if present is None:
        present = float(objective.identity.objective) / 100 if objective.identity else was
    factor = (1 - present) / (1 - was)
    return factor if factor > _ALIKE else 1.0


def _held(objective: WatchedObjective, identity: Identity) -> WatchedObjective:
    """The values converted to the objective that was in force when it closed gates, if it is lower by now."""
    reading, factor = objective.reading, _factor(identity, objective)
    if factor == 1:
        return objective
    left = None if reading.budget_left is None else 1 - (1 - reading.budget_left) * factor
    burn = {window: rate * factor for window, rate in reading.burn.items()}
    return replace(objective, reading=replace(reading, budget_left=left, burn=burn))


def _at_worst(objective: WatchedObjective, identity: Identity, now: datetime) -> WatchedObjective:
    """The remaining budget if everything failed in the time without measurements, at the usual traffic."""
    reading = objective.reading
    if reading.budget_left is None or reading.coverage is None:
        return _blind(objective)
    covered, span = reading.coverage, objective.period
    if span is not None:
        elapsed = (now - span.start) / (span.end - span.start)
        covered = min(covered / max(elapsed, 1e-9), 1.0)
    missing = (1 - covered) / (1 - float(identity.objective) / 100)
    left = 1 - covered * (1 - reading.budget_left) - missing
    return replace(objective, reading=replace(reading, budget_left=left))


def _blind(objective: WatchedObjective) -> WatchedObjective:
    return replace(objective, reading=_UNKNOWN)
