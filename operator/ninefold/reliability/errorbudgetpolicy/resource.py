"""What a user writes to say what spending an error budget does, and what is told back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from pydantic import Field

from ninefold.kube.api import Manifest
from ninefold.kube.fields import Cel, Duration, LabelValue, MatchLabels, ObjectName, Timestamp
from ninefold.kube.model import Column, Model, Resource, Spec
from ninefold.reliability.errorbudgetpolicy.rules import MAX_RULES, Rule, Share
from ninefold.reliability.errorbudgetpolicy.status import Decision, ErrorBudgetPolicyStatus, ObjectiveState

__all__ = [
    "MAX_OBJECTIVES",
    "Decision",
    "ErrorBudgetPolicy",
    "ErrorBudgetPolicySpec",
    "ErrorBudgetPolicyStatus",
    "Exempt",
    "ObjectiveState",
    "Objectives",
    "Recovery",
    "selects",
]

MAX_OBJECTIVES = 64
"""How many objectives can be selected by their names; by service or labels it may be more."""


class Objectives(Model, exactly_one_of=("service", "names", "match_labels")):
    """Which objectives of the same namespace are meant."""

    service: LabelValue | None = Field(
        default=None, description="All ServiceLevelObjectives whose spec.service has this value."
    )
    names: list[ObjectName] | None = Field(
        default=None, min_length=1, max_length=MAX_OBJECTIVES, description="The ServiceLevelObjectives of these names."
    )
    match_labels: MatchLabels | None = Field(
        default=None, description="All ServiceLevelObjectives that carry these labels."
    )


def selects(objectives: Mapping[str, Any], slo: Manifest) -> bool:
    """Whether `Objectives`, as they stand on the wire, select a ServiceLevelObjective of their namespace."""
    labels = slo["metadata"].get("labels") or {}
    wanted = objectives.get("matchLabels")
    return (
        slo["metadata"]["name"] in (objectives.get("names") or ())
        or objectives.get("service", "") == slo.get("spec", {}).get("service")
        or (wanted is not None and all(labels.get(key) == value for key, value in wanted.items()))
    )


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
    exempt: Exempt | None = Field(
        default=None,
        description="For a time nothing is asked of gates and of delivery. Figures and rules go on being looked at, "
        "and what holds at the end of it counts from then on.",
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
