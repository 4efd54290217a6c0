"""The status of an objective: its measurements, and the state of its rules, alerts and agreement. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.measurements.measurement import DataState
from ninefold.kube.fields import Timestamp
from ninefold.kube.model import Model, Status


class Budget(Model):
    """The error budget of the window."""

    left: str = Field(description="The budget left, in percent; negative when overspent.", max_length=16)
    total: str = Field(description="The share of events that may be bad, in percent.", max_length=16)
    exhausted_at: Timestamp | None = Field(
        default=None,
        description="The earliest moment at which the budget is spent if the burn rate of the last hour continues; "
        "not set "
        "while it burns slower than allowed.",
    )


class Rules(Model):
    """The rules made for the objective, as Prometheus sees them."""

    object: str = Field(
        description="The object that contains the rules, such as PrometheusRule/slo-checkout-rules.", max_length=320
    )
    revision: str = Field(description="The revision of the rules as written.", max_length=16)
    since: Timestamp | None = Field(default=None, description="Since when the rules have had this revision.")
    loaded: bool | None = Field(
        default=None, description="Whether Prometheus evaluates this revision; not set if it does not answer."
    )
    health: Literal["Ok", "Failing", "Unknown"] = Field(
        default="Unknown", description="Whether Prometheus evaluates the rules without an error."
    )
    message: str | None = Field(default=None, description="The error of a failing rule.", max_length=1024)
    reads: str | None = Field(
        default=None,
        description="The objective with the same indicator whose recordings these rules read instead of the raw "
        "series.",
        max_length=253,
    )


class GroupStatus(Model):
    """The measurements of one group of an objective with groupBy."""

    name: str = Field(description="The values of the labels of groupBy, such as eu/gold.", max_length=512)
    data: DataState = Field(description="The data state of the group, as for the objective.")
    current: str | None = Field(
        default=None, description="The share of good events in the window, in percent.", max_length=16
    )
    left: str | None = Field(default=None, description="The error budget left, in percent.", max_length=16)
    burn: Annotated[
        dict[str, Annotated[str, Field(max_length=16)]],
        Field(default_factory=dict, max_length=8, description="Burn rates by window."),
    ]


class TierStatus(Model):
    """What an alert tier does in a total outage."""

    tier: str = Field(
        description="Burn rate and long window, as in the label burn_tier, such as 14.4x/1h.", max_length=32
    )
    severity: Literal["Page", "Ticket"] = Field(description="Who is notified.")
    outage_after: str = Field(
        description="How soon the alert fires in a total outage, at the latest, with the traffic of minimumTraffic; "
        '"or later" if minimumErrors or confidence wait for events and minimumTraffic does not say how many occur.',
        max_length=32,
    )
    budget: str = Field(description="The share of the error budget that is spent when the alert fires.", max_length=16)
    resets_within: str = Field(description="How soon the alert ends after a total outage.", max_length=16)


class Detection(Model):
    """The detection time of an alert: the prediction and the measurement."""

    tier: str = Field(description="The tier that fired, such as 14.4x/1h.", max_length=32)
    group: str = Field(default="", description="The group that the alert fired for.", max_length=512)
    at: Timestamp = Field(description="When the alert fired.")
    detected_after: str = Field(
        description="How long after the recorded burn rate over 5m rose above 1 the alert fired, accurate to 5s.",
        max_length=16,
    )
    predicted_after: str = Field(
        description="How long the alert should have taken at the error ratio of that time.", max_length=16
    )
    budget_spent: str = Field(description="The share of the error budget that was spent by then.", max_length=16)


class Breach(Model):
    """A time in which the agreement was breached."""

    since: Timestamp = Field(
        description="When the breach began: the start of the period, or the moment the operator saw it."
    )
    until: Timestamp | None = Field(default=None, description="When the breach ended; not set while it lasts.")
    achieved: str = Field(description="The lowest share of good events of that time, in percent.", max_length=16)
    credit: str = Field(description="The credit that follows, in percent of the bill.", max_length=16)


class AgreementStatus(Model):
    """The state of the agreement with customers."""

    achieved: str | None = Field(
        default=None, description="The share of good events in the agreement's window, in percent.", max_length=16
    )
    breached: bool = Field(default=False, description="Whether the share is below the promise.")
    credit: str | None = Field(
        default=None,
        description="The credit that follows if the share stays unchanged, in percent of the bill.",
        max_length=16,
    )
    measured_until: Timestamp | None = Field(
        default=None, description="Until when periods have been judged, if the window is a calendar window."
    )
    breaches: Annotated[
        list[Breach],
        Field(default_factory=list, max_length=24, description="The last breaches, the latest last."),
    ]


class CorrectionInForce(Model):
    """The Correction that is active now."""

    name: str = Field(description="The name of the Correction.", max_length=253)
    until: Timestamp = Field(description="When its present occurrence ends.")


class Cost(Model):
    """What an objective costs Prometheus."""

    rules: int = Field(description="The number of its recording rules and alerts.")
    series: int = Field(description="The number of series that they record, including all groups of groupBy.")
    samples: int = Field(
        description="The samples that one evaluation of all rules reads, including the expressions of the indicator if "
        "Prometheus reports what they read."
    )


class ServiceLevelObjectiveStatus(Status):
    """The measurements. The operator writes them when a rounded value has moved enough to matter, not at each
    evaluation."""

    data: DataState = Field(
        default="Unknown",
        description="Healthy: measured. Idle: no traffic. Unknown: not known. Broken: data have disappeared, or a rule "
        "fails. Contested: something other than the rules of the objective writes its series.",
    )
    current: str | None = Field(
        default=None, description="The share of good events in the window, in percent.", max_length=16
    )
    budget: Budget | None = Field(default=None, description="The error budget of the window.")
    burn: Annotated[
        dict[str, Annotated[str, Field(max_length=16)]],
        Field(
            default_factory=dict,
            max_length=8,
            description="Burn rates by window: 1x spends exactly the budget over the objective's window.",
        ),
    ]
    coverage: str | None = Field(
        default=None, description="The share of the window that has data, in percent.", max_length=16
    )
    correction: CorrectionInForce | None = Field(
        default=None,
        description="The Correction that excludes the present time; of several, the one that lasts longest.",
    )
    period_ends: Timestamp | None = Field(
        default=None, description="When the next period begins with a full budget, if the window is a calendar window."
    )
    groups: Annotated[
        list[GroupStatus],
        Field(
            default_factory=list,
            max_length=16,
            description="The groups of an objective with groupBy that have the lowest budget left; the other fields "
            "of the "
            "status have the worst values of all groups.",
        ),
    ]
    group_count: int | None = Field(default=None, description="The number of groups.")
    blame: Annotated[
        dict[str, Annotated[str, Field(max_length=16)]],
        Field(
            default_factory=dict,
            max_length=16,
            description="The share of each component in the bad events of a composite, in percent.",
        ),
    ]
    tiers: Annotated[
        list[TierStatus],
        Field(
            default_factory=list,
            max_length=8,
            description="What the alert tiers do in a total outage, the fastest first.",
        ),
    ]
    last_detection: Detection | None = Field(
        default=None, description="The detection time of the last alert that fired."
    )
    agreement: AgreementStatus | None = Field(default=None, description="The state of the agreement with customers.")
    rules: Rules | None = Field(default=None, description="The rules made for the objective, as Prometheus sees them.")
    cost: Cost | None = Field(
        default=None, description="What the rules cost Prometheus; written again when a number has moved by a fifth."
    )
