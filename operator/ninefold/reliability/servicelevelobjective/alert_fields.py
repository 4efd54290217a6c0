"""How an objective alerts, as a user writes it: tiers or their goals, and the text of alerts. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from ninefold.kube.fields import Cel, Duration, Number, Percent, matches, seconds
from ninefold.kube.model import Model
from ninefold.reliability.servicelevelobjective.fields import (
    MINUTES,
    AlertName,
    AlertWindow,
    Annotations,
    Hold,
    Labels,
    PlainText,
)


class Tier(
    Model,
    rules=(
        Cel(
            f"{MINUTES.replace('self.', 'self.short.')} <= {MINUTES.replace('self.', 'self.long.')}",
            "write a short window that is not longer than the long one",
            lambda tier: seconds(tier.short) <= seconds(tier.long),
        ),
    ),
):
    """An alert that fires while the burn rate is above `burnRate` in both windows."""

    burn_rate: Annotated[
        Number,
        Cel("double(self) > 0.0", "write a burn rate above 0", lambda value: Decimal(value) > 0),
    ] = Field(description='How many times faster than allowed the budget is being spent, such as "14.4".')
    long: AlertWindow = Field(
        description="The window that determines how much is spent before the alert fires, such as 1h."
    )
    short: AlertWindow = Field(description="The window that lets the alert end soon after recovery, such as 5m.")
    severity: Literal["Page", "Ticket"] = Field(
        description="Who is notified: Page wakes a person, Ticket waits for office hours."
    )
    hold: Hold | None = Field(
        default=None,
        alias="for",
        description="How long the condition must hold before the alert fires; usually not needed, since the windows "
        "suffice.",
    )


Traffic = Annotated[
    str,
    Field(min_length=1, max_length=16),
    matches(r"[0-9]{1,9}(\.[0-9]{1,3})?/[smhd]", 'write events per second, minute, hour or day, such as "20/h"'),
    Cel(
        "double(self.split('/')[0]) > 0.0",
        "write a traffic above 0",
        lambda value: Decimal(value.split("/")[0]) > 0,
    ),
]
"""A rate of events, such as "20/h"."""


class SeverityAlerts(Model):
    """Settings for the alerts of one severity."""

    disabled: bool = Field(default=False, description="Write no alerts of this severity.")
    name: AlertName | None = Field(
        default=None, description="The name of these alerts, their label alertname; if not set, the name of all alerts."
    )
    labels: Labels = Field(description="Labels to add; they override the labels of all alerts.")
    annotations: Annotations = Field(description="Annotations to add; they override the annotations of all alerts.")
    runbook: PlainText | None = Field(
        default=None,
        description="The name or address of the runbook of these alerts, instead of the runbook of all alerts.",
    )


_NOTHING_OF_THEIR_OWN = SeverityAlerts(labels={}, annotations={})
_CONTRACT = ("page_within", "budget_at_page", "reset_within")


class Alerting(
    Model,
    rules=(
        Cel(
            "!has(self.tiers) || (!has(self.pageWithin) && !has(self.budgetAtPage) && !has(self.resetWithin))",
            "set either tiers, or the goals of tiers: pageWithin, budgetAtPage, resetWithin",
            lambda model: model.tiers is None or all(getattr(model, name) is None for name in _CONTRACT),
        ),
    ),
):
    """The alerts about the error budget: with tiers as written, or with tiers that Ninefold chooses for goals."""

    disabled: bool = Field(default=False, description="Write no alerts; the series are still recorded.")
    tiers: list[Tier] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="The alert tiers. If not set, Ninefold chooses them: 14.4x, 6x, 3x and 1x with windows in "
        "proportion "
        "to the objective's window (1h, 6h, 1d and 3d at 30d), as far as pageWithin, budgetAtPage, resetWithin, "
        "minimumErrors and minimumTraffic allow.",
    )
    page_within: Duration | None = Field(
        default=None, description="How soon a total outage must page, from its first failed event, such as 3m."
    )
    budget_at_page: (
        Annotated[
            Percent,
            Cel(
                "double(self) > 0.0 && double(self) <= 50.0",
                'write a share of the budget above 0 and up to 50 percent, such as "5"',
                lambda value: 0 < Decimal(value) <= 50,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description='How much of the error budget may be spent at most when a page fires, in percent, such as "5".',
    )
    reset_within: Duration | None = Field(
        default=None, description="How soon a page must end after a total outage has ended, such as 10m."
    )
    minimum_errors: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="The fewest bad events in a tier's long window that may raise an alert: prevents a page for one "
        "failed request in services with little traffic. If not set, it is 2 for tiers that Ninefold chooses and "
        "indicators that count events, otherwise 1.",
    )
    confidence: (
        Annotated[
            Percent,
            Cel(
                "double(self) >= 80.0 && double(self) < 100.0",
                'write a confidence of 80 to below 100 percent, such as "95"',
                lambda value: 80 <= Decimal(value) < 100,
            ),
        ]
        | None
    ) = Field(
        default=None,
        description="How certain an alert must be that the burn rate is really above its threshold, in percent: the "
        "alert "
        "compares the lower bound of the error ratio (Wilson's, for the number of events) instead of the ratio itself. "
        'For services with little traffic; "95" is usual.',
    )
    minimum_traffic: Traffic | None = Field(
        default=None,
        description="The traffic of a quiet hour, such as 20/h. Ninefold makes windows long enough for minimumErrors "
        "to "
        "occur in them, so that a dead service pages even if it is rarely used.",
    )
    scrape_interval: Duration = Field(
        default="30s",
        description="The longest interval at which your series are scraped and rules are evaluated: both delay an "
        "alert, "
        "and pageWithin includes that delay.",
    )
    name: AlertName = Field(default="ErrorBudgetBurn", description="The name of alerts: their label alertname.")
    labels: Labels = Field(description="Labels to add to every alert.")
    annotations: Annotations = Field(description="Annotations to add to every alert.")
    page: SeverityAlerts | None = Field(
        default=None, description="Settings for pages: their own name, labels, annotations and runbook."
    )
    ticket: SeverityAlerts | None = Field(
        default=None, description="Settings for tickets: their own name, labels, annotations and runbook."
    )
    runbook: PlainText | None = Field(
        default=None,
        description="The name or address of the runbook, written to the annotation runbook; an address "
        "(https://...) also to runbook_url, where Grafana and most Alertmanager templates look for the link.",
    )
    dashboard: PlainText | None = Field(
        default=None, description="The address of a dashboard, written to the annotation dashboard."
    )

    def own(self, severity: Literal["Page", "Ticket"]) -> SeverityAlerts:
        """The settings for the alerts of a severity; empty settings if none are written."""
        return (self.page if severity == "Page" else self.ticket) or _NOTHING_OF_THEIR_OWN
