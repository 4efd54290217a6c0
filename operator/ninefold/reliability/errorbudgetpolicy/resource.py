"""The spec of an ErrorBudgetPolicy: what follows when an error budget is spent. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from pydantic import Field

from ninefold.domain.selectors.objectives import Objectives
from ninefold.kube.fields import Cel, Duration, ObjectName, Timestamp
from ninefold.kube.model import Column, Model, Resource, Spec
from ninefold.reliability.errorbudgetpolicy.rules import MAX_RULES, PolicyRule, Share
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

MAX_FORGIVEN = 16


class Recovery(Model):
    """When an active rule ends: its value must be better than the one at which it began, so that the rule does not
    flap."""

    margin: Share = Field(
        default="1",
        description="How many percentage points above its threshold the remaining budget must be; for "
        "exhaustedWithin, how "
        "many must remain to spare. A burn rate only has to be back at its threshold.",
    )
    for_: Duration = Field(
        default="15m",
        alias="for",
        description="How long the value must stay there without interruption and without a gap in the data.",
    )


class Exempt(Model):
    """A time in which a spent budget has no consequences."""

    reason: str = Field(
        min_length=1, max_length=256, description="Why, for readers of the policy: a launch, a move, a drill."
    )
    until: Timestamp = Field(description="When the exemption ends by itself, such as 2026-12-01T06:00:00Z.")


class Forgiven(Model):
    """Forgives what an objective had spent before it was deleted or changed: it no longer counts."""

    objective: ObjectName = Field(description="The name of the objective, as in status.objectives[].name.")
    since: Timestamp = Field(
        description="The carried.since of the objective in the status: this entry does not forgive what is carried "
        "later."
    )
    by: str = Field(
        min_length=1,
        max_length=256,
        description="Who forgives: the API server accepts only the name of the user who writes this.",
    )
    reason: str = Field(min_length=1, max_length=256, description="Why, for the record.")


def _within_reach(spec: Any) -> bool:
    margin = Decimal(spec.recovery.margin)
    return all(Decimal(rule.when.budget_left_below or "0") + margin <= 100 for rule in spec.rules)


_MARGIN = "(has(self.recovery) && has(self.recovery.margin) ? double(self.recovery.margin) : 1.0)"


class ErrorBudgetPolicySpec(
    Spec,
    rules=(
        Cel(
            f"self.rules.all(r, !has(r.when.budgetLeftBelow) || double(r.when.budgetLeftBelow) + {_MARGIN} <= 100.0)",
            "budgetLeftBelow plus recovery.margin must not pass 100, or the rule could never end: lower one of them",
            _within_reach,
        ),
    ),
):
    """Which objectives the policy watches, what follows from their budgets, and when it ends."""

    objectives: Objectives = Field(description="Which objectives of this namespace the policy watches.")
    rules: list[PolicyRule] = Field(
        min_length=1,
        max_length=MAX_RULES,
        description="What follows when a budget is spent. Of all rules that hold, the most severe state and decision "
        "win.",
    )
    minimum_coverage: Share = Field(
        default="1",
        description="How much of an objective's window, in percent, must be measured before its budget is judged. "
        "A new objective has seen so few events that one failed request may overspend its budget; burn rates are "
        "judged "
        "at once.",
    )
    recovery: Recovery = Field(default_factory=Recovery, description="When an active rule ends.")
    exempt: Exempt | None = Field(
        default=None,
        description="A time in which the policy asks nothing of gates and deliveries. It keeps evaluating budgets and "
        "rules, and the rules that hold at the end count from then on.",
    )
    forgive: list[Forgiven] = Field(
        default_factory=list,
        max_length=MAX_FORGIVEN,
        description="Spending of deleted or changed objectives (status.objectives[].carried) that no longer counts.",
    )


class ErrorBudgetPolicy(
    Resource,
    plural="errorbudgetpolicies",
    short_names=("ebp",),
    columns=(
        Column("State", ".status.state"),
        Column("Lowest Budget", ".status.lowestBudget"),
        Column("Since", ".status.since", "date"),
        Column("Decision", ".status.decision", wide=True),
        Column("Pace", ".status.pace", wide=True),
        Column("Watched", ".status.watched", "integer", wide=True),
        Column("Why", ".status.reason", wide=True),
    ),
):
    """What follows when an error budget is spent: states, with hysteresis, and decisions for release gates."""

    spec: ErrorBudgetPolicySpec
    status: ErrorBudgetPolicyStatus = Field(default_factory=ErrorBudgetPolicyStatus)
