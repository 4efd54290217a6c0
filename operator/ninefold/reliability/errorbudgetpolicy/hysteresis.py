"""The hysteresis of a rule: when it begins to hold for an objective, and when it ends. Pure."""

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
"""How long after the start of a period the values may still be those of the period before."""


def judge(when: When, spec: ErrorBudgetPolicySpec, objective: WatchedObjective, now: datetime) -> Judgement | None:
    """Whether a condition holds, has recovered far enough to end, or lies between; None if that is not known.

    Without traffic nothing burns: a missing value of an idle objective counts as a good one.
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
    """The rule ends as soon as one window is back at the rate."""
    missing = 0.0 if reading.data == "Idle" else None
    measured = [reading.burn.get(window, missing) for window in burn_rate.windows]
    above = [rate > float(burn_rate.above) for rate in measured if rate is not None]
    if not all(above):
        return "Recovered"
    return "Holds" if len(above) == len(measured) else None


def _judge_end(
    within: str, spec: ErrorBudgetPolicySpec, objective: WatchedObjective, left: float, now: datetime
) -> Judgement | None:
    """Uses the window that gives the budget most time; to recover, the margin must remain to spare."""
    measured = rates(objective)
    if measured is None:
        return None
    if lasts(objective, left, measured.lowest, now) <= seconds(within):
        return "Holds"
    spare = left - float(spec.recovery.margin) / 100
    return "Recovered" if lasts(objective, spare, measured.lowest, now) > seconds(within) else "Between"


def is_young(spec: ErrorBudgetPolicySpec, reading: BudgetReading) -> bool:
    """Whether too little of the window is measured to judge its budget: the first failed request of a new objective
    is a large part of the few requests so far, and almost nothing of thirty days."""
    return reading.coverage is not None and reading.coverage * 100 < float(spec.minimum_coverage)


def step(
    rule: PolicyRule, spec: ErrorBudgetPolicySpec, before: ActiveRule | None, objective: WatchedObjective, now: datetime
) -> ActiveRule | None:
    """The rule as it holds from now on, or None if it does not hold.

    A rule begins at once, and ends when its value has been good for `recovery.for` without interruption. A gap in the
    data restarts that time, since what happened in the gap is not known.
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
    """Whether a rule is about the budget of a period that is over: too little of the new period is measured to judge
    it, and the old period no longer counts."""
    period = objective.period
    return when.about_budget and objective.reading.known and period is not None and before.since < period.start + LAG


def lasting(recovery: Recovery) -> timedelta:
    """How long a value must be good before a rule ends."""
    return timedelta(seconds=seconds(recovery.for_))
