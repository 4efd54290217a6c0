"""The hysteresis: when a rule begins to hold for an objective, and when it ends. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.projection import lasts, rates
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec, Recovery
from ninefold.reliability.errorbudgetpolicy.rules import BurnRate, PolicyRule, When
from ninefold.reliability.errorbudgetpolicy.status import ActiveRule

Judgement = Literal["Holds", "Between", "Recovered"]

LAG = timedelta(minutes=10)
"""For how long after a period began the figures may still be those of the one before."""


def judge(when: When, spec: ErrorBudgetPolicySpec, objective: WatchedObjective, now: datetime) -> Judgement | None:
    """Whether a condition holds, is back far enough for it to end, or lies between; None where that is not known.

    Without traffic there is nothing to burn: a missing figure of an idle objective counts as a good one.
    """
    reading = objective.reading
    if not reading.known:
        return None
    if when.burn_rate is not None:
        return _judge_burn(when.burn_rate, reading)
    if reading.budget_left is None:
        return "Recovered" if reading.data == "Idle" else None
    if is_young(spec, reading):
        return None
    if when.exhausted_within is not None:
        return _judge_end(when.exhausted_within, spec, objective, reading.budget_left, now)
    left, threshold = reading.budget_left * 100, float(when.budget_left_below or 0)
    if left < threshold:
        return "Holds"
    return "Recovered" if left >= threshold + float(spec.recovery.margin) else "Between"


def _judge_burn(burn_rate: BurnRate, reading: BudgetReading) -> Judgement | None:
    """One window that is back to the rate is enough for the rule to end."""
    missing = 0.0 if reading.data == "Idle" else None
    found = [reading.burn.get(window, missing) for window in burn_rate.windows]
    above = [rate > float(burn_rate.above) for rate in found if rate is not None]
    if not all(above):
        return "Recovered"
    return "Holds" if len(above) == len(found) else None


def _judge_end(
    within: str, spec: ErrorBudgetPolicySpec, objective: WatchedObjective, left: float, now: datetime
) -> Judgement | None:
    """By the window that gives the budget most time; the margin must be there to spare."""
    found = rates(objective)
    if found is None:
        return None
    if lasts(objective, left, found.lowest, now) <= seconds(within):
        return "Holds"
    spare = left - float(spec.recovery.margin) / 100
    return "Recovered" if lasts(objective, spare, found.lowest, now) > seconds(within) else "Between"


def is_young(spec: ErrorBudgetPolicySpec, reading: BudgetReading) -> bool:
    """Whether too little of the window is measured to judge its budget: the first failed request of a new objective
    is a large part of the few that were seen, and next to nothing of thirty days."""
    return reading.coverage is not None and reading.coverage * 100 < float(spec.minimum_coverage)


def step(
    rule: PolicyRule, spec: ErrorBudgetPolicySpec, before: ActiveRule | None, objective: WatchedObjective, now: datetime
) -> ActiveRule | None:
    """The rule as it holds from now on, or None if it does not.

    It begins at once, and ends when the figure has been good for `recovery.for` on end. A gap in the data begins that
    time anew: nobody knows what happened in it.
    """
    judgement = judge(rule.when, spec, objective, now)
    if judgement is None and before is not None and _is_settled(rule.when, before, objective):
        judgement = "Recovered"
    if before is None and judgement != "Holds":
        return None
    since = before.since if before else now
    recovering = None
    if judgement == "Recovered":
        recovering = (before.recovering_since if before else None) or now
        if now >= recovering + lasting(spec.recovery):
            return None
    return ActiveRule(
        rule=str(rule.when),
        state=rule.state,
        gate=rule.then.gate if rule.then else None,
        pace=rule.then.pace if rule.then else None,
        since=since,
        recovering_since=recovering,
    )


def _is_settled(when: When, before: ActiveRule, objective: WatchedObjective) -> bool:
    """Whether the budget that a rule is about went with its period: too little of the new one is measured to judge it,
    and the old one counts no more."""
    period = objective.period
    return when.about_budget and objective.reading.known and period is not None and before.since < period.start + LAG


def lasting(recovery: Recovery) -> timedelta:
    """How long a figure must be good."""
    return timedelta(seconds=seconds(recovery.for_))
