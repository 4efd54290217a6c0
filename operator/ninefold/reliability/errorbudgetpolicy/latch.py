"""The hysteresis: when a rule begins to hold for an objective, and when it ends. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.resource import (
    ActiveRule,
    ErrorBudgetPolicySpec,
    Recovery,
    Rule,
    When,
)
from ninefold.reliability.servicelevelobjective.resource import DataState


@dataclass(frozen=True, slots=True)
class Reading:
    """What is measured of one objective: the budget left as a share (1 untouched, negative overspent), burn rates by
    window ("1h"), and the share of the objective's window that has data. None and a missing window: no figure."""

    data: DataState
    budget_left: float | None = None
    burn: Mapping[str, float] = field(default_factory=dict)
    coverage: float | None = None

    @property
    def known(self) -> bool:
        return self.data in ("Healthy", "Idle")


Judgement = Literal["Holds", "Between", "Recovered"]


def judge(when: When, spec: ErrorBudgetPolicySpec, reading: Reading) -> Judgement | None:
    """Whether a condition holds, is back far enough for it to end, or lies between; None where that is not known.

    Without traffic there is nothing to burn: a missing figure of an idle objective counts as a good one.
    """
    if not reading.known:
        return None
    if when.burn_rate is not None:
        rate = reading.burn.get(when.burn_rate.over)
        if rate is None:
            return "Recovered" if reading.data == "Idle" else None
        return "Holds" if rate > float(when.burn_rate.above) else "Recovered"
    if reading.budget_left is None:
        return "Recovered" if reading.data == "Idle" else None
    if is_young(spec, reading):
        return None
    left, threshold = reading.budget_left * 100, float(when.budget_left_below or 0)
    if left < threshold:
        return "Holds"
    return "Recovered" if left >= threshold + float(spec.recovery.margin) else "Between"


def is_young(spec: ErrorBudgetPolicySpec, reading: Reading) -> bool:
    """Whether too little of the window is measured to judge its budget: the first failed request of a new objective
    is a large part of the few that were seen, and next to nothing of thirty days."""
    return reading.coverage is not None and reading.coverage * 100 < float(spec.minimum_coverage)


def step(
    rule: Rule, spec: ErrorBudgetPolicySpec, before: ActiveRule | None, reading: Reading, now: datetime
) -> ActiveRule | None:
    """The rule as it holds from now on, or None if it does not.

    It begins at once, and ends when the figure has been good for `recovery.for` on end. A gap in the data begins that
    time anew: nobody knows what happened in it.
    """
    judgement = judge(rule.when, spec, reading)
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
        since=since,
        recovering_since=recovering,
    )


def lasting(recovery: Recovery) -> timedelta:
    """How long a figure must be good."""
    return timedelta(seconds=seconds(recovery.for_))
