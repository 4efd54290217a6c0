"""By which figures the rules of an objective end that closed gates: by those of what it was then. Pure."""

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
"""Up to this factor two promises differ only by how they are written."""


def judged(when: When, entry: Remembered | None, objective: WatchedObjective, now: datetime) -> WatchedObjective:
    """The objective with the figures that a rule goes by; Unknown figures let it be as it is."""
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
    # Foretelling takes burn rates over windows of days; and of a new name the budget is known when its window is over.
    if when.budget_left_below is None or carried.change != "Remade":
        return _blind(objective)
    return _at_worst(_held(objective, entry.identity), entry.identity, now)


def shown(entry: Remembered | None, objective: WatchedObjective, now: datetime) -> BudgetReading:
    """The figures to show; Unknown lets those of before stand."""
    if entry is None or not entry.closes or entry.identity is None:
        return objective.reading
    if entry.carried is None:
        return _held(objective, entry.identity).reading
    if entry.carried.measured_by is None or entry.carried.change != "Remade":
        return _UNKNOWN
    return _at_worst(_held(objective, entry.identity), entry.identity, now).reading


def measured_whole(carried: Carried, length: int) -> datetime:
    """From when on a window of so many seconds holds nothing but what is measured again."""
    return carried.since + timedelta(seconds=length) + LAG


def changes(spec: ErrorBudgetPolicySpec, state: Remembered) -> list[datetime]:
    """When something else counts for a carried objective by the clock alone."""
    carried = state.carried
    if carried is None:
        return []
    windows = {window for rule in spec.rules if rule.when.burn_rate for window in rule.when.burn_rate.windows}
    return [carried.until, *(measured_whole(carried, seconds(window)) for window in windows)]


def is_weaker(identity: Identity, objective: WatchedObjective) -> bool:
    """Whether the objective promises less than it did."""
    return _factor(identity, objective) > 1


def _factor(identity: Identity, objective: WatchedObjective) -> float:
    """By which budgets spent and burn rates are to be multiplied; 1 if the objective promises as much as it did."""
    was, present = float(identity.objective) / 100, objective.reading.promised
    if present is None:
        present = float(objective.identity.objective) / 100 if objective.identity else was
    factor = (1 - present) / (1 - was)
    return factor if factor > _ALIKE else 1.0


def _held(objective: WatchedObjective, identity: Identity) -> WatchedObjective:
    """The figures by the promise that was in force when it closed gates, if it is less by now."""
    reading, factor = objective.reading, _factor(identity, objective)
    if factor == 1:
        return objective
    left = None if reading.budget_left is None else 1 - (1 - reading.budget_left) * factor
    burn = {window: rate * factor for window, rate in reading.burn.items()}
    return replace(objective, reading=replace(reading, budget_left=left, burn=burn))


def _at_worst(objective: WatchedObjective, identity: Identity, now: datetime) -> WatchedObjective:
    """What is left if everything failed in the time that nobody measured, at the usual traffic."""
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
