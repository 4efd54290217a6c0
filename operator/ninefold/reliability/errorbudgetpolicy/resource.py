"""What a user writes to say what spending an error budget does, and what is told back. Pure."""

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
    """When a rule that held stops to hold: later than it began, so that nothing flaps."""

    margin: Share = Field(
        default="1",
        description="How many percentage points above its threshold the budget must come, and be there to spare if it "
        "is to last; a burn rate just back to it.",
    )
    for_: Duration = Field(
        default="15m", alias="for", description="How long it must stay there, with data known all the while."
    )


class Exempt(Model):
    """A time in which spending has no consequences."""

    reason: str = Field(
        min_length=1, max_length=256, description="Why, for those who read the policy: a launch, a move, a drill."
    )
    until: Timestamp = Field(description="When it ends, by itself, such as 2026-12-01T06:00:00Z.")


class Forgiven(Model):
    """What an objective had spent before it was deleted or changed does not count any more."""

    objective: ObjectName = Field(description="The objective, as status.objectives[].name has it.")
    since: Timestamp = Field(
        description="Its carried.since in the status: what is spent and carried later is not forgiven by this."
    )
    by: str = Field(
        min_length=1, max_length=256, description="Who says so: the API server takes only the name of the user."
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
    """Which objectives, what follows from their budgets, and when it ends."""

    objectives: Objectives = Field(description="Which objectives of this namespace the policy is about.")
    rules: list[PolicyRule] = Field(
        min_length=1,
        max_length=MAX_RULES,
        description="What spending does. Of all rules that hold, the most severe state and decision win.",
    )
    minimum_coverage: Share = Field(
        default="1",
        description="How much of an objective's window, in percent, must be measured before its budget is judged. "
        "A new objective has seen so little that one failed request may overspend it; burn rates are judged at once.",
    )
    recovery: Recovery = Field(default_factory=Recovery, description="When a rule that held ends.")
    exempt: Exempt | None = Field(
        default=None,
        description="For a time nothing is asked of gates and of delivery. Figures and rules go on being looked at, "
        "and what holds at the end of it counts from then on.",
    )
    forgive: list[Forgiven] = Field(
        default_factory=list,
        max_length=MAX_FORGIVEN,
        description="What stays spent although its objective was deleted or changed, and is not to count any more.",
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
    """What spending an error budget does: states, with hysteresis, and what they ask of release gates."""

    spec: ErrorBudgetPolicySpec
    status: ErrorBudgetPolicyStatus = Field(default_factory=ErrorBudgetPolicyStatus)
