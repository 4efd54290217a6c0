"""Evaluates one objective in one reconciliation: which rules hold, what is known, and what the status shows. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from ninefold.kube.fields import percentage, seconds
from ninefold.reliability.errorbudgetpolicy import formatting, holding, projection
from ninefold.reliability.errorbudgetpolicy.hysteresis import is_young, step
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.ranking import most_severe
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec
from ninefold.reliability.errorbudgetpolicy.status import (
    ActiveRule,
    Decision,
    Exhaustion,
    Identity,
    ObjectiveState,
    Remembered,
)


def advance(
    spec: ErrorBudgetPolicySpec, objective: WatchedObjective, before: Remembered | None, lost: datetime, now: datetime
) -> ObjectiveState:
    """The next state of an objective. `lost`: since when its data are missing, if they are."""
    held = {rule.rule: rule for rule in before.active} if before else {}
    steps = [
        step(rule, spec, held.get(str(rule.when)), holding.judged(rule.when, before, objective, now), now)
        for rule in spec.rules
    ]
    active = [rule for rule in steps if rule is not None]
    objective = replace(objective, reading=holding.shown(before, objective, now))
    reading = objective.reading
    closes = before is not None and before.closes and any(rule.gate for rule in active)
    carried = before.carried if before and closes else None
    # An edit that removes the measurements, a user who contests them or one who keeps the rules from running must not
    # leave it to `failMode` of gates to decide on what was spent.
    disturbed = reading.data == "Contested" or (objective.hindered and not reading.known)
    kept = carried is not None or (closes and disturbed)
    known = kept or (reading.known and (closes or not unanswered(spec, objective)))
    last = before if isinstance(before, ObjectiveState) else None
    # A rule that begins, recovers or ends refreshes the shown values, so that values and state agree.
    shown = last if last and last.active == active else None
    data = reading.data if known or not reading.known else "Unknown"
    budget = _budget(reading, shown, last)
    return ObjectiveState(
        name=objective.name,
        data=data,
        budget_left=budget,
        burn=_burn(spec, reading, active, shown, last),
        exhaustion=_exhaustion(spec, objective, budget, shown, last, now),
        decision=_decision(active, answered=known or (before is not None and before.decision != "Unknown")),
        unknown_since=None if known else (before.unknown_since if before else None) or lost,
        never_measured=_never_measured(reading, before) or None,
        active=active,
        identity=_identity(before, objective, active),
        carried=carried,
    )


def _identity(before: Remembered | None, objective: WatchedObjective, active: Iterable[ActiveRule]) -> Identity | None:
    if not any(rule.gate for rule in active):
        return None
    return before.identity if before and before.closes and before.identity else objective.identity


def _never_measured(reading: BudgetReading, before: Remembered | None) -> bool:
    """Only an answer of Prometheus can say so: a Prometheus that does not answer says nothing about an objective."""
    if reading.known or (before is not None and before.decision != "Unknown"):
        return False
    return reading.absent or (before is not None and before.never_measured is True)


def unanswered(spec: ErrorBudgetPolicySpec, objective: WatchedObjective) -> list[str]:
    """The burn rate windows and values that rules need and that an objective with traffic does not have."""
    reading = objective.reading
    if reading.data != "Healthy":
        return []
    asked = {window for rule in spec.rules if rule.when.burn_rate for window in rule.when.burn_rate.windows}
    missing = sorted(asked - reading.burn.keys())
    if any(rule.when.about_budget for rule in spec.rules) and reading.budget_left is None:
        missing.append("budget")
    if any(rule.when.exhausted_within for rule in spec.rules) and projection.rates(objective) is None:
        missing.append("projection")
    return missing


def _budget(reading: BudgetReading, shown: ObjectiveState | None, last: ObjectiveState | None) -> str | None:
    if reading.budget_left is not None:
        return formatting.show_budget(reading.budget_left, shown.budget_left if shown else None)
    return last.budget_left if last and not reading.known else None


def _burn(
    spec: ErrorBudgetPolicySpec,
    reading: BudgetReading,
    active: Sequence[ActiveRule],
    shown: ObjectiveState | None,
    last: ObjectiveState | None,
) -> str | None:
    """The burn rate over the window of a rule that holds, otherwise over one that a rule uses, otherwise over 1h or the
    shortest window."""
    held = {rule.rule for rule in active}
    rules = sorted((rule.when for rule in spec.rules if rule.when.burn_rate), key=lambda when: str(when) not in held)
    asked = [when.burn_rate.over for when in rules if when.burn_rate]
    windows = [window for window in (*asked, "1h", *sorted(reading.burn, key=seconds)) if window in reading.burn]
    if windows:
        return formatting.show_burn(reading.burn[windows[0]], windows[0], shown.burn if shown else None)
    return last.burn if last and not reading.known else None


def _exhaustion(
    spec: ErrorBudgetPolicySpec,
    objective: WatchedObjective,
    budget: str | None,
    shown: ObjectiveState | None,
    last: ObjectiveState | None,
    now: datetime,
) -> Exhaustion | None:
    """Follows from the shown budget, which is steady, not from the exact one, which fluctuates."""
    reading = objective.reading
    if not reading.known:
        return last.exhaustion if last else None
    if budget is None or is_young(spec, reading):
        return None
    rates = projection.rates(objective)
    if rates is None:
        return None
    kept = shown.exhaustion if shown and shown.budget_left == budget else None
    return projection.show(objective, percentage(budget) / 100, rates, kept, now)


def _decision(active: Iterable[ActiveRule], *, answered: bool) -> Decision:
    least: Decision = "Allow" if answered else "Unknown"
    return most_severe([least, *(rule.gate for rule in active if rule.gate)])
