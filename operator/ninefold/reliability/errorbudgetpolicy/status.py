"""The status of a policy. Pure.

It is also everything that the policy remembers between reconciliations: which rules hold, since when, and what was
known.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.measurements.measurement import DataState
from ninefold.kube.fields import Timestamp, figure
from ninefold.kube.model import Model, Status
from ninefold.reliability.errorbudgetpolicy.rules import MAX_RULES, GateDecision, RuleState

State = Literal["Healthy", "Caution", "Exhausted", "Exempt", "Unknown"]
Decision = Literal["Allow", "Approve", "Hold", "Deny", "Unknown"]

MAX_LISTED = 64
MAX_WATCHED = 512
MAX_CARRIED = 64
MAX_TRANSITIONS = 32

Change = Literal["Gone", "Indicator", "Window", "Corrections", "Suspended", "Remade", "Renamed", "Restored"]
"""How an objective has changed, in the order of the words: deleted, counting other events, over another window,
relabelled so that other Corrections apply, suspended, deleted and created again (or suspended for a while), replaced by
an objective of another name, or restored after it counted other events."""


class ActiveRule(Model):
    """A rule that holds for an objective."""

    rule: str = Field(max_length=128, description="The rule's condition, in words.")
    state: RuleState = Field(description="The state that the rule asks for.")
    gate: GateDecision | None = Field(default=None, description="What the rule asks of gates.")
    pace: str | None = Field(
        default=None,
        max_length=2,
        description="How large the steps of a delivery may be, in percent of their usual size.",
    )
    since: Timestamp = Field(description="When the rule began to hold.")
    recovering_since: Timestamp | None = Field(
        default=None, description="Since when the value has been good enough for the rule to end."
    )


class Identity(Model):
    """What the measurements of an objective depend on."""

    indicator: str = Field(
        max_length=16,
        description="A digest of what the objective counts, with its groups, its time slices and its components.",
    )
    window: str = Field(max_length=64, description="The window of the objective.")
    objective: str = Field(
        max_length=16, description="The objective in percent: the share of events that must be good."
    )
    objects: str = Field(max_length=16, description="A digest of the uids of the objective and of its components.")
    labels: str = Field(max_length=16, description="A digest of what Corrections select by: service and labels.")
    corrections: str = Field(max_length=16, description="A digest of the names of the Corrections that apply.")
    suspended: bool = Field(
        default=False,
        description="Whether the objective is suspended, so that its rules may follow from an earlier spec.",
    )


class Carried(Model):
    """What an objective had spent before it was deleted or changed, which still counts."""

    change: Change = Field(description="How the objective changed.")
    since: Timestamp = Field(description="When the policy saw the change; spec.forgive names this time.")
    until: Timestamp = Field(description="When everything that was spent has left the window of the objective.")
    measured_by: str | None = Field(
        default=None,
        max_length=253,
        description="The objective that counts the same events now; not set if there is none.",
    )
    mixed: bool = Field(
        default=False,
        description="Whether recordings under its name also contain other events than those that it counted.",
    )
    by: str | None = Field(
        default=None, max_length=160, description="The last field manager of the objective: a claim, not a proof."
    )
    more: int = Field(default=0, description="How many further objectives this entry represents.")


class Remembered(Model):
    """What a policy remembers of an objective between reconciliations."""

    name: str = Field(max_length=253, description="The ServiceLevelObjective.")
    decision: Decision = Field(
        description="What this objective asks of gates while the policy is not exempt; Unknown if it never had data."
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when its data are missing; not set while there are data."
    )
    never_measured: bool | None = Field(
        default=None, description="True while the objective has had no data at all since the policy first evaluated it."
    )
    active: list[ActiveRule] = Field(
        default_factory=list,
        max_length=MAX_RULES,
        description="The rules that hold for the objective; they stay while data are missing.",
    )
    identity: Identity | None = Field(
        default=None, description="The identity of the objective when it closed gates; set while it closes them."
    )
    carried: Carried | None = Field(
        default=None, description="Set while the objective differs from its identity of when it closed gates."
    )

    @property
    def closes(self) -> bool:
        """Whether a rule with a decision for gates holds."""
        return any(rule.gate for rule in self.active)


class Exhaustion(Model):
    """The forecast time until the budget is spent, from the burn rates over several windows; not exact to the
    minute."""

    earliest: str = Field(
        max_length=16, description='At the highest burn rate, such as 14h; "never" if the budget lasts.'
    )
    latest: str = Field(max_length=16, description='At the lowest burn rate, such as 3d; "never" if the budget lasts.')


class ObjectiveState(Remembered):
    """The state of one objective."""

    data: DataState = Field(
        description="What is known of its data: Healthy, Idle (no traffic), Unknown or Broken (no usable data)."
    )
    budget_left: Annotated[str | None, figure(" %")] = Field(
        default=None,
        max_length=16,
        description='The error budget left, such as "38.2 %"; negative when overspent.',
    )
    burn: str | None = Field(
        default=None, max_length=40, description='How fast the budget is being spent, such as "22x over 1h".'
    )
    exhaustion: Exhaustion | None = Field(
        default=None, description="When the budget will be spent; not set if too little is measured to say so."
    )


class Transition(Model):
    """A change of state."""

    at: Timestamp = Field(description="When the state changed.")
    from_: State = Field(alias="from", description="The state before.")
    to: State = Field(description="The state after.")
    reason: str = Field(max_length=512, description="Why, with the values of that time.")


class Stay(Model):
    """How often the policy entered a state, and how long it stayed in it."""

    state: State = Field(description="The state.")
    entered: int = Field(default=0, description="How often the policy entered the state.")
    seconds: int = Field(default=0, description="How long the policy was in the state, up to the last change of state.")


class ErrorBudgetPolicyStatus(Status):
    """The present state of the policy. Values are rounded, and change only when they have moved enough to matter."""

    state: State = Field(
        default="Unknown", description="The most severe state of all objectives; Exempt while spec.exempt is in force."
    )
    decision: Decision = Field(
        default="Unknown", description="What the policy asks of gates, from the present or the last known data."
    )
    since: Timestamp | None = Field(default=None, description="When the state last changed.")
    pace: str | None = Field(
        default=None,
        max_length=2,
        description="How large the steps of a delivery may be now, in percent of their usual size; not set at full "
        "size.",
    )
    watched: int = Field(default=0, description="How many objectives the policy watches.")
    lowest_budget: str | None = Field(
        default=None, max_length=16, description='The lowest budget left of the listed objectives, such as "38.2 %".'
    )
    reason: str = Field(default="", max_length=1024, description="A sentence that explains the state.")
    recovers: str = Field(
        default="",
        max_length=1024,
        description="What must become true for gates to open; empty while they may be open.",
    )
    predicted_recovery: Timestamp | None = Field(
        default=None, description="When gates can open if the values stay unchanged; not set if that is not known."
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when data of an objective are missing; the state is then the last known state."
    )
    objectives: list[ObjectiveState] = Field(
        default_factory=list,
        max_length=MAX_LISTED,
        description="The states of the objectives, the most important first: with rules that hold, without data, with "
        "the lowest budget left.",
    )
    others: list[Remembered] = Field(
        default_factory=list,
        max_length=MAX_WATCHED - MAX_LISTED + MAX_CARRIED,
        description="The watched objectives that do not fit into objectives.",
    )
    transitions: list[Transition] = Field(
        default_factory=list, max_length=MAX_TRANSITIONS, description="The last changes of state, the newest first."
    )
    totals: list[Stay] = Field(
        default_factory=list,
        max_length=5,
        description="The totals of all changes of state, including those that transitions no longer lists.",
    )
