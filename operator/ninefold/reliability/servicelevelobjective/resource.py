"""What a user writes: a service, an objective, a window, and what counts as a good or a bad event."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field
from pydantic_core import PydanticCustomError

from ninefold.kube.fields import Cel, LabelValue, Number, Percent, Timestamp, matches, ratio, seconds
from ninefold.kube.model import Column, Model, Resource, Spec, Status

DataState = Literal["Healthy", "Idle", "Unknown", "Broken"]
"""Healthy: measured. Idle: the total exists, nothing happens. Unknown: cannot be told. Broken: measured before,
not now, or a rule fails."""

SHORTEST, LONGEST = 3_600, 400 * 86_400
"""Bounds of the objective's window in seconds: one hour to 400 days."""

RESERVED = ("alertname", "slo_id", "slo_namespace", "slo_name", "service", "severity", "burn_tier")
"""Labels of an alert that only the compiler writes."""

_WINDOW = "[0-9]{1,6}[mhdw]"
_UNITS = "{'m': 1, 'h': 60, 'd': 1440, 'w': 10080}"
_MINUTES = f"int(self.substring(0, self.size() - 1)) * {_UNITS}[self.substring(self.size() - 1)]"
_PLACEHOLDER = (
    r"\{\{ ?[$](value|labels[.][a-zA-Z_][a-zA-Z0-9_]*)"
    r"( [|] (humanize|humanize1024|humanizeDuration|humanizePercentage))? ?\}\}"
)
_LABEL_NAME = "[a-zA-Z_][a-zA-Z0-9_]{0,127}"


def _quoted(value: Any) -> Any:
    """YAML reads a bare 99.9 as a float, which cannot hold it exactly."""
    if isinstance(value, int | float):
        raise PydanticCustomError("quoted", "{message}", {"message": f'write it in quotes: "{value}"'})
    return value


def _is_window(value: str, shortest: int, step: int) -> bool:
    """Whether a window is within bounds and a multiple of `step`; both in seconds."""
    if re.fullmatch(_WINDOW, value) is None:
        return False
    return shortest <= seconds(value) <= LONGEST and seconds(value) % step == 0


Objective = Annotated[
    Percent,
    BeforeValidator(_quoted),
    Cel(
        "double(self) > 0.0 && double(self) < 100.0",
        'write an objective above 0 and below 100, such as "99.9": 100 leaves no error budget to spend',
        lambda value: 0 < Decimal(value) < 100,
    ),
]
"""A percentage that leaves an error budget."""

RollingWindow = Annotated[
    str,
    Field(min_length=2, max_length=8),
    Cel(
        f"self.matches('^{_WINDOW}$') && {_MINUTES} >= 60 && {_MINUTES} <= 576000",
        "write a window of 1h to 400d in one unit, such as 30d, 4w, 36h or 90m",
        lambda value: _is_window(value, SHORTEST, 60),
    ),
]
"""The window of an objective in one unit: "30d", "90m"."""

AlertWindow = Annotated[
    str,
    Field(min_length=2, max_length=8),
    Cel(
        f"self.matches('^{_WINDOW}$') && {_MINUTES} >= 5 && {_MINUTES} <= 576000 && {_MINUTES} % 5 == 0",
        "write an alert window in one unit and whole multiples of 5m, such as 5m, 30m, 1h or 3d",
        lambda value: _is_window(value, 300, 300),
    ),
]
"""A window of an alert tier: whole multiples of the 5 m that events are counted over."""

Query = Annotated[str, Field(min_length=1, max_length=4096)]
"""A series selector, or PromQL with `[$window]`. The compiler parses it."""

PlainText = Annotated[
    str,
    Field(max_length=1024),
    Cel("!self.contains('{{')", "write plain text: '{{' would start a template", lambda value: "{{" not in value),
]
"""Text that ends up in an annotation, where Prometheus would expand a template; a broken one blocks the whole file."""

TemplateText = Annotated[
    str,
    Field(max_length=1024),
    matches(
        r"([^{]|\{[^{]|" + _PLACEHOLDER + r")*\{?",
        "in double braces write only {{ $value }} or {{ $labels.name }}, with an optional '| humanize'",
    ),
]
"""Text in which the simple placeholders of Prometheus may stand."""

_LABEL_NAMES = Cel(
    f"self.all(name, name.matches('^{_LABEL_NAME}$') && !name.startsWith('__'))",
    "write label names of letters, digits and '_', not beginning with a digit or '__'",
    lambda labels: all(re.fullmatch(_LABEL_NAME, name) and not name.startswith("__") for name in labels),
)
_NOT_RESERVED = Cel(
    f"self.all(name, !(name in {list(RESERVED)}))",
    f"choose other label names: {', '.join(RESERVED)} are written by Ninefold",
    lambda labels: not set(labels) & set(RESERVED),
)

Labels = Annotated[dict[str, TemplateText], Field(default_factory=dict, max_length=16), _LABEL_NAMES, _NOT_RESERVED]
"""Labels to add to alerts."""

Annotations = Annotated[dict[str, TemplateText], Field(default_factory=dict, max_length=16), _LABEL_NAMES]
"""Annotations to add to alerts."""


class Window(Model):
    """The time over which the objective is kept."""

    rolling: RollingWindow = Field(
        description="The length of a window that ends now, from 1h to 400d in one unit: 30d, 4w, 36h, 90m."
    )


class Ratio(
    Model,
    rules=(
        Cel(
            "has(self.bad) != has(self.good)",
            "set exactly one of bad or good, beside total",
            lambda model: (model.bad is None) != (model.good is None),
        ),
    ),
):
    """Events that went wrong (or right) over all events."""

    bad: Query | None = Field(
        default=None,
        description='The bad events: a selector of counters, as http_requests_total{code=~"5.."}, or PromQL for '
        'events per second that contains [$window], as sum(rate(http_requests_total{code=~"5.."}[$window])). '
        "No such series counts as no bad event.",
    )
    good: Query | None = Field(
        default=None,
        description="The good events, written as bad is. No such series counts as no good event.",
    )
    total: Query = Field(description="All events, good and bad, written as bad is.")


class Latency(Model):
    """Requests slower than a threshold are bad events; measured by a classic histogram."""

    histogram: Query = Field(
        description="A selector of the histogram by its base name, without _bucket, _count or _sum, as "
        'http_request_duration_seconds{job="checkout"}.'
    )
    threshold: Annotated[
        str,
        Field(min_length=1, max_length=16),
        matches(
            r"[0-9]{1,9}(\.[0-9]{1,9})?(ms|s|m)?",
            'write a time such as "300ms" or "2.5s", or the bucket\'s bound as a number for a histogram not in seconds',
        ),
    ] = Field(
        description="The slowest good request: a time such as 300ms or 2.5s for a histogram in seconds, or a plain "
        "number in the histogram's own unit. The histogram must have a bucket with this bound (le)."
    )


class Boolean(Model):
    """A gauge that is 1 while all is well and 0 while it is not, such as probe_success or up."""

    selector: Query = Field(
        description="A selector of gauges of 0 and 1. Each series counts one event per second, bad while it is 0."
    )


class Indicator(Model, exactly_one_of=("ratio", "latency", "boolean")):
    """How good and bad events are measured."""

    ratio: Ratio | None = Field(default=None, description="Bad or good events over all events, from counters.")
    latency: Latency | None = Field(
        default=None, description="Requests slower than a threshold, from a classic histogram."
    )
    boolean: Boolean | None = Field(default=None, description="Time during which a 0-or-1 gauge is 0.")


class Tier(
    Model,
    rules=(
        Cel(
            f"{_MINUTES.replace('self.', 'self.short.')} <= {_MINUTES.replace('self.', 'self.long.')}",
            "write a short window that is not longer than the long one",
            lambda tier: seconds(tier.short) <= seconds(tier.long),
        ),
    ),
):
    """One alert: fires while the burn rate is above `burnRate` in both windows."""

    burn_rate: Annotated[
        Number,
        BeforeValidator(_quoted),
        Cel("double(self) > 0.0", "write a burn rate above 0", lambda value: Decimal(value) > 0),
    ] = Field(description='How many times faster than allowed the budget is being spent, as "14.4".')
    long: AlertWindow = Field(description="The window that decides how much is spent before the alert fires, as 1h.")
    short: AlertWindow = Field(description="The window that lets the alert end soon after recovery, as 5m.")
    severity: Literal["Page", "Ticket"] = Field(
        description="Whom it reaches: Page wakes somebody, Ticket waits for office hours."
    )
    hold: AlertWindow | None = Field(
        default=None,
        alias="for",
        description="How long the condition must hold before the alert fires; usually not needed: the windows do it.",
    )


class Alerting(Model):
    """The alerts about the error budget."""

    disabled: bool = Field(default=False, description="Write no alerts; the series are still recorded.")
    tiers: list[Tier] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="The alert tiers. Left out, Ninefold takes 14.4x, 6x, 3x and 1x with windows in proportion to the "
        "objective's window: 1h, 6h, 1d and 3d at 30d.",
    )
    minimum_errors: int | None = Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="The fewest bad events in a tier's long window that may raise an alert: guards services with "
        "little traffic against a page for one failed request.",
    )
    labels: Labels = Field(description="Labels to add to every alert.")
    annotations: Annotations = Field(description="Annotations to add to every alert.")
    runbook: PlainText | None = Field(
        default=None, description="The name or address of the runbook, written to the annotation runbook."
    )


class ServiceLevelObjectiveSpec(Spec):
    """The promise."""

    service: LabelValue = Field(description="The service that makes the promise; a label on the alerts and slo:info.")
    description: PlainText = Field(
        default="", description="What the objective means to the people who use the service."
    )
    objective: Objective = Field(description='The share of good events promised, in percent, as a string: "99.9".')
    window: Window = Field(description="The time over which the objective is kept.")
    indicator: Indicator = Field(description="How good and bad events are measured.")
    alerting: Alerting = Field(
        default_factory=lambda: Alerting(labels={}, annotations={}), description="The alerts about the error budget."
    )


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
    loaded: bool | None = Field(
        default=None, description="Whether Prometheus evaluates this revision; absent when it cannot be asked."
    )
    health: Literal["Ok", "Failing", "Unknown"] = Field(
        default="Unknown", description="Whether Prometheus evaluates them without an error."
    )
    message: str | None = Field(default=None, description="The error of a failing rule.", max_length=1024)


class ServiceLevelObjectiveStatus(Status):
    """What was measured. Written when a rounded figure has moved enough to matter, not at every evaluation."""

    data: DataState = Field(
        default="Unknown",
        description="Healthy: measured. Idle: no traffic. Unknown: cannot be told. Broken: no data where there was "
        "some, or a rule fails.",
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
    rules: Rules | None = Field(default=None, description="The rules made for the objective, as Prometheus sees them.")


class ServiceLevelObjective(
    Resource,
    plural="servicelevelobjectives",
    short_names=("slo",),
    columns=(
        Column("Objective", ".spec.objective"),
        Column("Current", ".status.current"),
        Column("Budget Left", ".status.budget.left"),
        Column("Burn 1h", ".status.burn.1h"),
        Column("Data", ".status.data"),
        Column("Window", ".spec.window.rolling", wide=True),
        Column("Coverage", ".status.coverage", wide=True),
    ),
):
    """A promise about a service: the share of good events over a window of time."""

    spec: ServiceLevelObjectiveSpec = Field(description="The promise.")
    status: ServiceLevelObjectiveStatus = Field(
        default_factory=lambda: ServiceLevelObjectiveStatus.model_validate({}), description="What was measured."
    )

    @property
    def slo_id(self) -> str:
        """The identity on every series: "namespace/name", so that history survives a delete and a re-create."""
        return str(self.key)

    @property
    def objective(self) -> Decimal:
        """The promised share of good events, 0 < x < 1, exact."""
        return ratio(self.spec.objective)

    @property
    def window(self) -> int:
        """The length of the objective's window in seconds."""
        return seconds(self.spec.window.rolling)
