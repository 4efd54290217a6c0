"""How an objective alerts, as a user writes it: tiers, or what they are to achieve, and what alerts say. Pure."""

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
    """One alert: fires while the burn rate is above `burnRate` in both windows."""

    burn_rate: Annotated[
        Number,
        Cel("double(self) > 0.0", "write a burn rate above 0", lambda value: Decimal(value) > 0),
    ] = Field(description='How many times faster than allowed the budget is being spent, as "14.4".')
    long: AlertWindow = Field(description="The window that decides how much is spent before the alert fires, as 1h.")
    short: AlertWindow = Field(description="The window that lets the alert end soon after recovery, as 5m.")
    severity: Literal["Page", "Ticket"] = Field(
        description="Whom it reaches: Page wakes somebody, Ticket waits for office hours."
    )
    hold: Hold | None = Field(
        default=None,
        alias="for",
        description="How long the condition must hold before the alert fires; usually not needed: the windows do it.",
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
"""A rate of events: "20/h"."""


class SeverityAlerts(Model):
    """What sets the alerts of one severity apart."""

    disabled: bool = Field(default=False, description="Write no alerts of this severity.")
    name: AlertName | None = Field(
        default=None, description="Their name, the label alertname; left out, that of all alerts of the objective."
    )
    labels: Labels = Field(description="Labels to add; they win over those of all alerts.")
    annotations: Annotations = Field(description="Annotations to add; they win over those of all alerts.")
    runbook: PlainText | None = Field(
        default=None, description="The name or address of their runbook, in the place of that of all alerts."
    )


_NOTHING_OF_THEIR_OWN = SeverityAlerts(labels={}, annotations={})
_CONTRACT = ("page_within", "budget_at_page", "reset_within")


class Alerting(
    Model,
    rules=(
        Cel(
            "!has(self.tiers) || (!has(self.pageWithin) && !has(self.budgetAtPage) && !has(self.resetWithin))",
            "set either tiers, or what the tiers are to achieve: pageWithin, budgetAtPage, resetWithin",
            lambda model: model.tiers is None or all(getattr(model, name) is None for name in _CONTRACT),
        ),
    ),
):
    """The alerts about the error budget: tiers as written, or tiers found for what they are to achieve."""

    disabled: bool = Field(default=False, description="Write no alerts; the series are still recorded.")
    tiers: list[Tier] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="The alert tiers. Left out, Ninefold finds them: 14.4x, 6x, 3x and 1x with windows in proportion "
        "to the objective's window (1h, 6h, 1d and 3d at 30d), as far as pageWithin, budgetAtPage, resetWithin, "
        "minimumErrors and minimumTraffic allow.",
    )
    page_within: Duration | None = Field(
        default=None, description="How soon a total outage must page, from its first failed event, as 3m."
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
        description='The most of the error budget that may be gone when a page comes, in percent, as "5".',
    )
    reset_within: Duration | None = Field(
        default=None, description="How soon a page must end once a total outage has, as 10m."
    )
    minimum_errors: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="The fewest bad events in a tier's long window that may raise an alert: guards services with "
        "little traffic against a page for one failed request. Left out, it is 2 for tiers that Ninefold finds and "
        "indicators that count events, else 1.",
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
        description="How sure an alert must be that the burn rate is really above its threshold, in percent: the lower "
        "bound of the error ratio (Wilson's, for so many events) is compared instead of the ratio itself. For services "
        'with little traffic; "95" is usual.',
    )
    minimum_traffic: Traffic | None = Field(
        default=None,
        description="The traffic of a quiet hour, such as 20/h. Windows are made long enough for minimumErrors to "
        "occur in them, so that a dead service pages however little it is used.",
    )
    scrape_interval: Duration = Field(
        default="30s",
        description="How often your series are scraped, and rules evaluated at the latest: both delay an alert, and "
        "are allowed for in pageWithin.",
    )
    name: AlertName = Field(default="ErrorBudgetBurn", description="What alerts are called: their label alertname.")
    labels: Labels = Field(description="Labels to add to every alert.")
    annotations: Annotations = Field(description="Annotations to add to every alert.")
    page: SeverityAlerts | None = Field(
        default=None, description="What sets pages apart: a name, labels, annotations and a runbook of their own."
    )
    ticket: SeverityAlerts | None = Field(
        default=None, description="What sets tickets apart: a name, labels, annotations and a runbook of their own."
    )
    runbook: PlainText | None = Field(
        default=None,
        description="The name or address of the runbook, written to the annotation runbook; an address "
        "(https://...) also to runbook_url, where Grafana and most templates of Alertmanager look for the link.",
    )
    dashboard: PlainText | None = Field(
        default=None, description="The address of a dashboard, written to the annotation dashboard."
    )

    def own(self, severity: Literal["Page", "Ticket"]) -> SeverityAlerts:
        """What sets the alerts of a severity apart; nothing where it is not written."""
        return (self.page if severity == "Page" else self.ticket) or _NOTHING_OF_THEIR_OWN
