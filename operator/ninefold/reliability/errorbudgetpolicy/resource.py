"""What a user writes to say what spending an error budget does, and what is told back. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import Field

from ninefold.kube.fields import Cel, Duration, LabelValue, MatchLabels, Number, ObjectName, Timestamp, matches
from ninefold.kube.model import Column, Model, Resource, Spec, Status
from ninefold.reliability.servicelevelobjective.resource import DataState

RuleState = Literal["Caution", "Exhausted"]
State = Literal["Healthy", "Caution", "Exhausted", "Unknown"]
GateDecision = Literal["Hold", "Deny"]
Decision = Literal["Allow", "Hold", "Deny", "Unknown"]

MAX_OBJECTIVES = 64
MAX_RULES = 8

Share = Annotated[
    str,
    Field(min_length=1, max_length=10),
    matches(r"100(\.0{1,6})?|[0-9]{1,2}(\.[0-9]{1,6})?", 'write a percentage from "0" to "100", such as "25"'),
]
"""A percentage from "0" to "100" as a decimal string."""


class Objectives(Model, exactly_one_of=("service", "names", "match_labels")):
    """Which objectives of the same namespace a policy is about."""

    service: LabelValue | None = Field(
        default=None, description="All ServiceLevelObjectives whose spec.service has this value."
    )
    names: list[ObjectName] | None = Field(
        default=None, min_length=1, max_length=MAX_OBJECTIVES, description="The ServiceLevelObjectives of these names."
    )
    match_labels: MatchLabels | None = Field(
        default=None, description="All ServiceLevelObjectives that carry these labels."
    )


class BurnRate(Model):
    """A rate of spending: 1 spends exactly the budget over the objective's window."""

    above: Number = Field(description='The burn rate above which the rule holds, such as "14.4".')
    over: Duration = Field(
        description="The window that the burn rate is taken over, such as 1h; the objectives must alert on it.",
    )


class When(Model, exactly_one_of=("budget_left_below", "burn_rate")):
    """A condition on one objective."""

    budget_left_below: Share | None = Field(
        default=None,
        description='Less than this percentage of the error budget is left; "0" means that it is overspent.',
    )
    burn_rate: BurnRate | None = Field(default=None, description="The budget is being spent faster than this.")

    def __str__(self) -> str:
        """The condition in words; also what tells rules apart in status, so that their order does not matter.

        >>> str(When(budget_left_below="25")), str(When(burn_rate=BurnRate(above="14.4", over="1h")))
        ('budget left below 25 %', 'burn rate above 14.4x over 1h')
        """
        if self.burn_rate is not None:
            return f"burn rate above {self.burn_rate.above}x over {self.burn_rate.over}"
        return f"budget left below {self.budget_left_below} %"


class Then(Model):
    """What follows when a rule holds."""

    gate: GateDecision = Field(
        description="What the gates that name this policy decide: Hold lets change wait, Deny refuses it."
    )


class Rule(Model):
    """One step of the policy."""

    when: When = Field(description="The condition; it is looked at for each objective by itself.")
    state: RuleState = Field(description="The state that the policy takes when the condition holds for any objective.")
    then: Then | None = Field(default=None, description="What follows; left out, the rule only shows in the state.")


class Recovery(Model):
    """When a rule that held stops to hold: later than it began, so that nothing flaps."""

    margin: Share = Field(
        default="1",
        description="How many percentage points above its threshold the budget must come; a burn rate just back to it.",
    )
    for_: Duration = Field(
        default="15m", alias="for", description="How long it must stay there, with data known all the while."
    )


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
    rules: list[Rule] = Field(
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


class ActiveRule(Model):
    """A rule that holds for an objective."""

    rule: str = Field(max_length=128, description="The rule's condition, in words.")
    state: RuleState = Field(description="The state that the rule asks for.")
    gate: GateDecision | None = Field(default=None, description="What the rule asks of gates.")
    since: Timestamp = Field(description="When it began to hold.")
    recovering_since: Timestamp | None = Field(
        default=None, description="Since when the figure has been good enough for the rule to end."
    )


class ObjectiveState(Model):
    """Where one objective stands."""

    name: str = Field(max_length=253, description="The ServiceLevelObjective.")
    data: DataState = Field(
        description="What is known: Healthy, Idle (no traffic), Unknown or Broken (no usable data)."
    )
    budget_left: str | None = Field(
        default=None,
        max_length=16,
        description='The error budget left, such as "38.2 %"; negative when overspent.',
    )
    burn: str | None = Field(
        default=None, max_length=40, description='How fast the budget is being spent, such as "22x over 1h".'
    )
    decision: Decision = Field(description="What this objective asks of gates; Unknown if its data never were known.")
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when its data are missing; not set while they are there."
    )
    active: list[ActiveRule] = Field(
        default_factory=list,
        max_length=MAX_RULES,
        description="The rules that hold for it, kept while data are missing.",
    )


class ErrorBudgetPolicyStatus(Status):
    """What the policy says now. Figures are rounded and change here only when they have moved enough to matter."""

    state: State = Field(default="Unknown", description="The most severe state of all objectives.")
    decision: Decision = Field(
        default="Unknown", description="What the policy asks of gates, as far as data are or were known."
    )
    since: Timestamp | None = Field(default=None, description="When the state last changed.")
    lowest_budget: str | None = Field(
        default=None, max_length=16, description='The least budget left of all objectives, such as "38.2 %".'
    )
    reason: str = Field(default="", max_length=1024, description="Why the state is what it is, as a sentence.")
    recovers: str = Field(
        default="", max_length=1024, description="What must come true for gates to open; empty while they may be open."
    )
    predicted_recovery: Timestamp | None = Field(
        default=None, description="When that is, if the figures stay as they are; not set where it cannot be told."
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when data of an objective are missing: the state is then the last known one."
    )
    objectives: list[ObjectiveState] = Field(
        default_factory=list, max_length=MAX_OBJECTIVES, description="Where each objective stands."
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
        Column("Why", ".status.reason", wide=True),
    ),
):
    """What spending an error budget does: states, with hysteresis, and what they ask of release gates."""

    spec: ErrorBudgetPolicySpec
    status: ErrorBudgetPolicyStatus = Field(default_factory=ErrorBudgetPolicyStatus)
