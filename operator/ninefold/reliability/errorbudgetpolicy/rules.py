"""A rule of a policy as a user writes it: a condition on one objective, and what follows. Pure."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from ninefold.kube.fields import Cel, Duration, Number, ObjectName, matches, quoted, seconds
from ninefold.kube.model import Model

RuleState = Literal["Caution", "Exhausted"]
GateDecision = Literal["Approve", "Hold", "Deny"]
Severity = Literal["SEV1", "SEV2", "SEV3", "SEV4"]

MAX_RULES = 8
FORECAST = "budget spent within"
"""The first words of a condition on the time that the budget lasts, as `str(When)` writes it."""

Share = Annotated[
    str,
    Field(min_length=1, max_length=10),
    matches(r"100(\.0{1,6})?|[0-9]{1,2}(\.[0-9]{1,6})?", 'write a percentage from "0" to "100", such as "25"'),
]
"""A percentage from "0" to "100" as a decimal string."""

Pace = Annotated[
    str,
    Field(min_length=1, max_length=10),
    BeforeValidator(quoted),
    matches(r"[1-9][0-9]?", 'write whole percent from "1" to "99", such as "50"'),
]
"""How large a step of a delivery may be, in percent of its usual size; not set at full size."""

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}


def _length(field: str) -> str:
    """CEL for the seconds of a `Duration`: CEL's own durations have neither days nor weeks."""
    parts = (
        f"({field}.matches('[0-9]{unit}') ? int({field}.find('[0-9]+{unit}').replace('{unit}', '')) * {length} : 0)"
        for unit, length in _UNITS.items()
    )
    return " + ".join(parts)


def _is_shorter(burn_rate: Any) -> bool:
    return burn_rate.and_ is None or seconds(burn_rate.and_) < seconds(burn_rate.over)


class BurnRate(
    Model,
    rules=(
        Cel(
            f"!has(self.and) || {_length('self.and')} < {_length('self.over')}",
            "write a window in `and` that is shorter than the one in `over`, so that the rule ends soon",
            _is_shorter,
        ),
    ),
):
    """A burn rate: 1 spends exactly the budget over the objective's window."""

    above: Number = Field(description='The burn rate above which the rule holds, such as "14.4".')
    over: Duration = Field(
        description="The window of the burn rate, such as 1h; the objectives must record it, which they do if they "
        "alert on it.",
    )
    and_: Duration | None = Field(
        default=None,
        alias="and",
        description="A second, shorter window whose burn rate must be above the same value, too, such as 5m: the "
        "rule then "
        "ends soon after the errors end.",
    )

    @property
    def windows(self) -> tuple[str, ...]:
        return (self.over, self.and_) if self.and_ else (self.over,)


class When(Model, exactly_one_of=("budget_left_below", "burn_rate", "exhausted_within")):
    """A condition on one objective."""

    budget_left_below: Share | None = Field(
        default=None,
        description='Less than this percentage of the error budget is left; "0" means that it is overspent.',
    )
    burn_rate: BurnRate | None = Field(default=None, description="The budget is being spent faster than this.")
    exhausted_within: Duration | None = Field(
        default=None,
        description="The budget will be spent within this time, such as 3d, at the burn rate over each of these "
        "windows: "
        "1h, 6h, and the longest that the objective records below its own. One short spike is not enough.",
    )

    @property
    def about_budget(self) -> bool:
        """Whether the condition is about the remaining budget, so that enough of the window must be measured."""
        return self.burn_rate is None

    def __str__(self) -> str:
        """The condition in words. It also identifies the rule in the status, so that the order of rules does not
        matter.

        >>> str(When(budget_left_below="25")), str(When(burn_rate=BurnRate(above="14.4", over="1h")))
        ('budget left below 25 %', 'burn rate above 14.4x over 1h')
        """
        if self.burn_rate is not None:
            return f"burn rate above {self.burn_rate.above}x over {' and '.join(self.burn_rate.windows)}"
        if self.exhausted_within is not None:
            return f"{FORECAST} {self.exhausted_within}"
        return f"budget left below {self.budget_left_below} %"


class IncidentShare(Model):
    """An incident to open."""

    severity: Severity = Field(description="How bad it is: SEV1 is the worst.")


class Then(Model, at_least_one_of=("gate", "pace", "notify", "incident")):
    """What follows when a rule holds."""

    gate: GateDecision | None = Field(
        default=None,
        description="What the gates that name this policy decide: Approve lets a change wait until someone approves "
        "it, "
        "Hold lets it wait, Deny refuses it.",
    )
    pace: Pace | None = Field(
        default=None,
        description="Delivery tools take steps of at most this percentage of their usual size, such as half the weight "
        'of each canary step with "50".',
    )
    notify: list[ObjectName] | None = Field(
        default=None,
        min_length=1,
        max_length=16,
        description="Names of channels to notify once when the rule begins, by an Event with reason Notify.",
    )
    incident: IncidentShare | None = Field(
        default=None,
        description="Asks for an incident once when the rule begins, by an Event with reason IncidentWanted.",
    )


class PolicyRule(Model):
    """A rule of the policy: a condition, a state and what follows."""

    when: When = Field(description="The condition; the policy evaluates it for each objective separately.")
    state: RuleState = Field(description="The state that the policy takes when the condition holds for any objective.")
    then: Then | None = Field(default=None, description="What follows; if not set, the rule shows only in the state.")
