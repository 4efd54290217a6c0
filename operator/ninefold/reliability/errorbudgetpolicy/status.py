"""What a policy tells back. Pure.

It is also all that the policy remembers from one look to the next: which rules hold, since when, and what was known.
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
"""How an objective is no longer what it was: deleted, counting something else, over another window, moved under other
corrections, suspended, deleted and created again (or suspended for a while), replaced by one of another name, or back
after it counted something else."""


class ActiveRule(Model):
    """A rule that holds for an objective."""

    rule: str = Field(max_length=128, description="The rule's condition, in words.")
    state: RuleState = Field(description="The state that the rule asks for.")
    gate: GateDecision | None = Field(default=None, description="What the rule asks of gates.")
    pace: str | None = Field(
        default=None, max_length=2, description="How large the steps of a delivery may be, in percent of the usual."
    )
    since: Timestamp = Field(description="When it began to hold.")
    recovering_since: Timestamp | None = Field(
        default=None, description="Since when the figure has been good enough for the rule to end."
    )


class Identity(Model):
    """What the figures of an objective depend on."""

    indicator: str = Field(
        max_length=16, description="A digest of what it counts, with its groups, its time slices and its components."
    )
    window: str = Field(max_length=64, description="Its window.")
    objective: str = Field(max_length=16, description="The share of good events that it promises, in percent.")
    objects: str = Field(max_length=16, description="A digest of the uids of the objective and of its components.")
    labels: str = Field(max_length=16, description="A digest of what Corrections select by: service and labels.")
    corrections: str = Field(max_length=16, description="A digest of the names of the Corrections that apply.")
    suspended: bool = Field(default=False, description="Whether its rules may be those of an earlier spec.")


class Carried(Model):
    """What an objective had spent before it was deleted or changed, which still counts."""

    change: Change = Field(description="What became of the objective.")
    since: Timestamp = Field(description="When that was seen; spec.forgive names this time.")
    until: Timestamp = Field(description="When all that was spent has left the window of the objective.")
    measured_by: str | None = Field(
        default=None, max_length=253, description="The objective that counts the same now; not set if there is none."
    )
    mixed: bool = Field(
        default=False, description="Whether recordings under its name hold something else than what it counted."
    )
    by: str | None = Field(
        default=None, max_length=160, description="The last field manager of the objective: a claim, not a proof."
    )
    more: int = Field(default=0, description="How many further objectives this entry stands for.")


class Remembered(Model):
    """As much of an objective as must be known to go on from one look to the next."""

    name: str = Field(max_length=253, description="The ServiceLevelObjective.")
    decision: Decision = Field(
        description="What this objective asks of gates, as long as the policy is not exempt; Unknown if its data never "
        "were known."
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when its data are missing; not set while they are there."
    )
    never_measured: bool | None = Field(
        default=None, description="True while there have been no data of it at all since the policy first looked."
    )
    active: list[ActiveRule] = Field(
        default_factory=list,
        max_length=MAX_RULES,
        description="The rules that hold for it, kept while data are missing.",
    )
    identity: Identity | None = Field(
        default=None, description="What the objective was when it closed gates; set while it does."
    )
    carried: Carried | None = Field(
        default=None, description="Set while the objective is no longer what it was when it closed gates."
    )

    @property
    def closes(self) -> bool:
        """Whether a rule that asks something of gates holds."""
        return any(rule.gate for rule in self.active)


class Exhaustion(Model):
    """When the budget will be spent, by the burn rates over several windows: from now, and not to the minute."""

    earliest: str = Field(max_length=16, description='At the highest of them, such as 14h; "never" if it lasts.')
    latest: str = Field(max_length=16, description='At the lowest of them, such as 3d; "never" if it lasts.')


class ObjectiveState(Remembered):
    """Where one objective stands."""

    data: DataState = Field(
        description="What is known: Healthy, Idle (no traffic), Unknown or Broken (no usable data)."
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
        default=None, description="When the budget will be spent; not set where too little is measured to tell."
    )


class Transition(Model):
    """One change of state."""

    at: Timestamp = Field(description="When the state changed.")
    from_: State = Field(alias="from", description="The state before.")
    to: State = Field(description="The state after.")
    reason: str = Field(max_length=512, description="Why, with the figures of that time.")


class Stay(Model):
    """How often a state was entered, and for how long it lasted."""

    state: State = Field(description="The state.")
    entered: int = Field(default=0, description="How often it was entered.")
    seconds: int = Field(default=0, description="For how long it lasted, up to the last change of state.")


class ErrorBudgetPolicyStatus(Status):
    """What the policy says now. Figures are rounded and change here only when they have moved enough to matter."""

    state: State = Field(
        default="Unknown", description="The most severe state of all objectives; Exempt while spec.exempt says so."
    )
    decision: Decision = Field(
        default="Unknown", description="What the policy asks of gates, as far as data are or were known."
    )
    since: Timestamp | None = Field(default=None, description="When the state last changed.")
    pace: str | None = Field(
        default=None,
        max_length=2,
        description="How large the steps of a delivery may be now, in percent of their usual size; not set at full.",
    )
    watched: int = Field(default=0, description="How many objectives the policy watches.")
    lowest_budget: str | None = Field(
        default=None, max_length=16, description='The least budget left of the objectives listed, such as "38.2 %".'
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
        default_factory=list,
        max_length=MAX_LISTED,
        description="Where the objectives stand, those first that matter most: with rules that hold, without data, "
        "with the least budget left.",
    )
    others: list[Remembered] = Field(
        default_factory=list,
        max_length=MAX_WATCHED - MAX_LISTED + MAX_CARRIED,
        description="The objectives that are watched beyond these.",
    )
    transitions: list[Transition] = Field(
        default_factory=list, max_length=MAX_TRANSITIONS, description="The last changes of state, the newest first."
    )
    totals: list[Stay] = Field(
        default_factory=list, max_length=5, description="What the changes of state add up to, also of those forgotten."
    )
