"""What is reported of an objective: what was measured, and how its rules, alerts and agreement fare. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.measurements.measurement import DataState
from ninefold.kube.fields import Timestamp
from ninefold.kube.model import Model, Status


class Budget(Model):
    """The error budget of the window."""

    left: str = Field(description="What is left of it, in percent; negative when overspent.", max_length=16)
    total: str = Field(description="The share of events that may be bad, in percent.", max_length=16)
    exhausted_at: Timestamp | None = Field(
        default=None,
        description="The earliest moment at which it is spent if the burn rate of the last hour goes on; absent "
        "while it burns slower than allowed.",
    )


class Rules(Model):
    """The rules made for the objective, as Prometheus sees them."""

    object: str = Field(description="The object that holds them, as PrometheusRule/slo-checkout.", max_length=320)
    revision: str = Field(description="The revision of the rules as written.", max_length=16)
    since: Timestamp | None = Field(default=None, description="Since when they have had this revision.")
    loaded: bool | None = Field(
        default=None, description="Whether Prometheus evaluates this revision; absent when it cannot be asked."
    )
    health: Literal["Ok", "Failing", "Unknown"] = Field(
        default="Unknown", description="Whether Prometheus evaluates them without an error."
    )
    message: str | None = Field(default=None, description="The error of a failing rule.", max_length=1024)
    reads: str | None = Field(
        default=None,
        description="The objective with the same indicator whose recordings they read in place of the raw series.",
        max_length=253,
    )


class GroupStatus(Model):
    """What was measured of one group of an objective with groupBy."""

    name: str = Field(description="The values of the labels of groupBy, as eu/gold.", max_length=512)
    data: DataState = Field(description="As of the objective.")
    current: str | None = Field(default=None, description="As of the objective.", max_length=16)
    left: str | None = Field(default=None, description="What is left of its error budget, in percent.", max_length=16)
    burn: Annotated[
        dict[str, Annotated[str, Field(max_length=16)]],
        Field(default_factory=dict, max_length=8, description="As of the objective."),
    ]


class TierStatus(Model):
    """What an alert tier does."""

    tier: str = Field(description="Burn rate and long window, as the label burn_tier: 14.4x/1h.", max_length=32)
    severity: Literal["Page", "Ticket"] = Field(description="Whom it reaches.")
    outage_after: str = Field(
        description="How soon it fires in a total outage, at the latest, with the traffic of minimumTraffic; "
        '"or later" where minimumErrors or confidence wait for events, and minimumTraffic does not say how many come.',
        max_length=32,
    )
    budget: str = Field(description="The share of the error budget that is gone when it fires.", max_length=16)
    resets_within: str = Field(description="How soon it ends after a total outage.", max_length=16)


class Detection(Model):
    """How an alert did: what was predicted beside what was measured."""

    tier: str = Field(description="The tier that fired, as 14.4x/1h.", max_length=32)
    group: str = Field(default="", description="The group that it fired for.", max_length=512)
    at: Timestamp = Field(description="When it fired.")
    detected_after: str = Field(
        description="How long after the burn rate over 5m had gone above 1, as Prometheus recorded it, to 5s.",
        max_length=16,
    )
    predicted_after: str = Field(
        description="How long it should have taken at the error ratio of that time.", max_length=16
    )
    budget_spent: str = Field(description="The share of the error budget that was gone by then.", max_length=16)


class Breach(Model):
    """A time in which customers did not get what they were promised."""

    since: Timestamp = Field(description="When it began: the start of the period, or the moment it was seen.")
    until: Timestamp | None = Field(default=None, description="When it ended; absent while it goes on.")
    achieved: str = Field(description="The share of good events, the lowest of that time, in percent.", max_length=16)
    credit: str = Field(description="The credit that follows, in percent of the bill.", max_length=16)


class AgreementStatus(Model):
    """How the agreement with customers stands."""

    achieved: str | None = Field(
        default=None, description="The share of good events in the agreement's window, in percent.", max_length=16
    )
    breached: bool = Field(default=False, description="Whether it is below what was promised.")
    credit: str | None = Field(
        default=None, description="The credit that follows if it stays so, in percent of the bill.", max_length=16
    )
    measured_until: Timestamp | None = Field(
        default=None, description="Until when periods have been judged, where the window is of the calendar."
    )
    breaches: Annotated[
        list[Breach],
        Field(default_factory=list, max_length=24, description="The last breaches, the latest last."),
    ]


class CorrectionInForce(Model):
    """A time that does not count, going on now."""

    name: str = Field(description="The Correction.", max_length=253)
    until: Timestamp = Field(description="When it ends.")


class Cost(Model):
    """What an objective costs Prometheus."""

    rules: int = Field(description="Its recording rules and alerts.")
    series: int = Field(description="The series that they record, all groups of groupBy included.")
    samples: int = Field(
        description="The samples that one evaluation of all of them reads, with what the expressions of the indicator "
        "read where Prometheus tells."
    )


class ServiceLevelObjectiveStatus(Status):
    """What was measured. Written when a rounded figure has moved enough to matter, not at every evaluation."""

    data: DataState = Field(
        default="Unknown",
        description="Healthy: measured. Idle: no traffic. Unknown: cannot be told. Broken: no data where there was "
        "some, or a rule fails. Contested: something else than the rules of the objective writes its series.",
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
        default=None, description="The Correction by which nothing counts now; of several the one that holds longest."
    )
    period_ends: Timestamp | None = Field(
        default=None, description="When the budget begins anew, where the window is of the calendar."
    )
    groups: Annotated[
        list[GroupStatus],
        Field(
            default_factory=list,
            max_length=16,
            description="The groups of an objective with groupBy, those with the least budget left; the figures above "
            "are the worst of all groups.",
        ),
    ]
    group_count: int | None = Field(default=None, description="How many groups there are.")
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
        Field(default_factory=list, max_length=8, description="What the alerts do, the fastest first."),
    ]
    last_detection: Detection | None = Field(default=None, description="How the last alert that fired did.")
    agreement: AgreementStatus | None = Field(default=None, description="How the agreement with customers stands.")
    rules: Rules | None = Field(default=None, description="The rules made for the objective, as Prometheus sees them.")
    cost: Cost | None = Field(
        default=None, description="What the rules cost Prometheus; written again when a figure has moved by a fifth."
    )
