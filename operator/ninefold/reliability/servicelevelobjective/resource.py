"""The spec of an objective: a service, an objective, a window, and what counts as a good or a bad event. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.schedules.calendar import Calendar
from ninefold.kube.fields import (
    Cel,
    LabelValue,
    Number,
    ObjectName,
    Percent,
    matches,
    ratio,
    seconds,
)
from ninefold.kube.model import Column, Model, Resource, Spec
from ninefold.reliability.servicelevelobjective.alert_fields import Alerting
from ninefold.reliability.servicelevelobjective.fields import (
    GroupLabel,
    Level,
    Objective,
    PlainText,
    Query,
    RollingWindow,
)
from ninefold.reliability.servicelevelobjective.status import ServiceLevelObjectiveStatus


class Window(Model, exactly_one_of=("rolling", "calendar")):
    """The time over which the objective must be met."""

    rolling: RollingWindow | None = Field(
        default=None,
        description="The length of a window that ends now, from 1h to 400d in one unit, such as 30d, 4w, 36h or 90m.",
    )
    calendar: Calendar | None = Field(
        default=None, description="A calendar period; each new period begins with a full budget."
    )

    @property
    def length(self) -> int:
        """The length in seconds; of a calendar period its usual length, from which the windows of alerts follow."""
        return seconds(self.rolling) if self.rolling else _PERIODS[self.calendar.period] if self.calendar else 0

    def __str__(self) -> str:
        """The window as people say it: "30d", "the month in Europe/Paris"."""
        if self.calendar is None:
            return self.rolling or ""
        return f"the {self.calendar.period.lower()} in {self.calendar.time_zone}"


_PERIODS = {"Week": 7 * 86_400, "Month": 30 * 86_400, "Quarter": 90 * 86_400}


class Ratio(
    Model,
    rules=(
        Cel(
            "has(self.bad) != has(self.good)",
            "set exactly one of bad or good, in addition to total",
            lambda model: (model.bad is None) != (model.good is None),
        ),
        Cel(
            "!has(self.births) || self.births == 'Ignored' || "
            "(has(self.bad) && !(self.bad + self.total).contains('$window'))",
            "births can be counted of selectors only: write bad and total as selectors, or leave births out",
            lambda model: (
                model.births == "Ignored" or (model.bad is not None and "$window" not in model.bad + model.total)
            ),
        ),
    ),
):
    """Bad (or good) events divided by all events."""

    bad: Query | None = Field(
        default=None,
        description='The bad events: a selector of counters, such as http_requests_total{code=~"5.."}, or PromQL for '
        'events per second that contains [$window], such as sum(rate(http_requests_total{code=~"5.."}[$window])). '
        "If no such series exists, no event is bad.",
    )
    good: Query | None = Field(
        default=None,
        description="The good events, in the same form as bad. If no such series exists, no event is good.",
    )
    total: Query = Field(description="All events, good and bad, in the same form as bad.")
    births: Literal["Ignored", "Counted"] = Field(
        default="Ignored",
        description="How to treat the first value of a series of bad events that did not exist within the last hour, "
        "while other series of the total did. Counted: a value of up to 10 is that number of bad events, for services "
        "in which the first error creates a counter that begins at 1. Ignored: the value does not count, for counters "
        "that begin at 0.",
    )


class ErrorRatio(Model):
    """A share of bad events that another source computes."""

    query: Query = Field(
        description="PromQL with [$window] that yields the share of bad events, 0 to 1, such as "
        "1 - avg_over_time(availability[$window])."
    )
    traffic: Query | None = Field(
        default=None,
        description="Events per second by which the ratio is weighted, in the same form as total of a ratio. If not "
        "set, "
        "each second counts the same.",
    )


class Latency(Model):
    """Counts requests slower than a threshold as bad events, from a histogram."""

    histogram: Query = Field(
        description="A selector of the histogram by its base name, without _bucket, _count or _sum, such as "
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
        "number in the histogram's own unit. A classic histogram must have a bucket with this bound (le)."
    )
    buckets: Literal["Classic", "Native"] = Field(
        default="Classic",
        description="How Prometheus stores the histogram: Classic as series with le, Native as one series. Between the "
        "bounds of native buckets Prometheus interpolates.",
    )


class Boolean(Model):
    """A gauge that is 1 while all is well and 0 otherwise, such as probe_success or up."""

    selector: Query = Field(
        description="A selector of gauges of 0 and 1. Each series counts one event per second, bad while it is 0."
    )


class Gauge(Model, exactly_one_of=("bad_above", "bad_below")):
    """A gauge that must not pass a level: age of the last backup, saturation, queue length."""

    query: Query = Field(
        description="A selector of gauges, or PromQL of an instant vector, such as "
        "time() - backup_last_success_timestamp_seconds. Each series counts one event per second."
    )
    bad_above: Level | None = Field(
        default=None, description='A second is bad while the value is above this level, such as "0.9".'
    )
    bad_below: Level | None = Field(
        default=None, description='A second is bad while the value is below this level, such as "3".'
    )


class Component(Model):
    """An objective that a composite is made of."""

    objective: ObjectName = Field(description="The name of a ServiceLevelObjective of the same namespace.")
    weight: Annotated[
        Number,
        Cel("double(self) > 0.0", "write a weight above 0", lambda value: Decimal(value) > 0),
    ] = Field(
        default="1", description="The share of the objective in a Weighted composite, relative to the other weights."
    )


class Composite(
    Model,
    rules=(
        Cel(
            "self.mode == 'Weighted' || self.components.all(c, !has(c.weight))",
            "leave out weight: only the mode Weighted takes weights",
            lambda model: model.mode == "Weighted" or all(c.weight == "1" for c in model.components),
        ),
        Cel(
            "!has(self.trafficOf) || self.components.exists(c, c.objective == self.trafficOf)",
            "write the name of one of the components in trafficOf",
            lambda model: model.traffic_of is None or model.traffic_of in {c.objective for c in model.components},
        ),
    ),
):
    """Combines several objectives into the objective of a user who depends on all of them."""

    mode: Literal["Serial", "Parallel", "Weighted"] = Field(
        description="Serial: all components are needed, so 1 - error ratio is the product of those of the components. "
        "Parallel: one component is enough, so the error ratio is the product of their error ratios. Weighted: the "
        "error ratio is the weighted mean of their error ratios."
    )
    components: Annotated[
        list[Component],
        Field(
            min_length=2,
            max_length=16,
            description="The objectives of the composite, each once.",
            json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["objective"]},
        ),
    ]
    traffic_of: ObjectName | None = Field(
        default=None,
        description="The component whose events are the events of the composite. If not set, each second counts the "
        "same.",
    )


class Indicator(Model, exactly_one_of=("ratio", "error_ratio", "latency", "boolean", "gauge", "composite")):
    """How good and bad events are measured."""

    ratio: Ratio | None = Field(default=None, description="Bad or good events over all events, from counters.")
    error_ratio: ErrorRatio | None = Field(default=None, description="A share of bad events from any PromQL.")
    latency: Latency | None = Field(default=None, description="Requests slower than a threshold, from a histogram.")
    boolean: Boolean | None = Field(default=None, description="Time during which a 0-or-1 gauge is 0.")
    gauge: Gauge | None = Field(default=None, description="Time during which a gauge is above or below a level.")
    composite: Composite | None = Field(
        default=None, description="A combination of several objectives of this namespace."
    )


class TimeSlices(Model):
    """Counts time instead of events: a slice of time is good or bad as a whole."""

    target: Objective = Field(
        description='A slice is good if at least this share of its events is good, in percent, such as "95".'
    )
    length: Annotated[
        str,
        Field(min_length=2, max_length=4),
        matches(r"([1-9]|[1-5][0-9])m|1h", "write a length of 1m to 59m, or 1h"),
    ] = Field(
        default="5m",
        description="The length of a slice, 1m to 1h; at least four times the interval at which your series are "
        "scraped.",
    )


class Credit(Model):
    """A credit that customers receive."""

    below: Objective = Field(
        description='The credit applies below this share of good events, in percent, such as "99.5".'
    )
    percent: Annotated[
        Percent,
        Cel("double(self) <= 100.0", "write at most 100 percent", lambda value: Decimal(value) <= 100),
    ] = Field(description='The credit as a share of the bill, in percent, such as "10".')


class Agreement(Model):
    """The promise to customers (SLA): usually lower than the objective, over the period of a bill."""

    objective: Objective = Field(description='The share of good events in the contract, in percent, such as "99.5".')
    window: Window | None = Field(
        default=None, description="The window of the contract; if not set, the window of the objective."
    )
    credits: list[Credit] = Field(
        default_factory=list,
        max_length=8,
        description="Credits by the achieved share of good events; the largest credit that applies counts.",
    )


class ServiceLevelObjectiveSpec(
    Spec,
    rules=(
        Cel(
            "!has(self.timeSlices) || !has(self.indicator.composite)",
            "leave out timeSlices: set it on the components of the composite",
            lambda spec: spec.time_slices is None or spec.indicator.composite is None,
        ),
    ),
):
    """The objective of a service, and how it is measured and alerted on."""

    service: LabelValue = Field(description="The service that has the objective; a label on the alerts and slo:info.")
    description: PlainText = Field(
        default="", description="What the objective means to the people who use the service."
    )
    objective: Objective = Field(
        description='The share of events that must be good, in percent, as a string such as "99.9".'
    )
    window: Window = Field(description="The time over which the objective must be met.")
    indicator: Indicator = Field(description="How good and bad events are measured.")
    group_by: Annotated[
        list[GroupLabel],
        Field(
            default_factory=list,
            max_length=16,
            description="Labels of your series, such as region: each combination of their values that occurs has its "
            "own "
            "error budget and alerts.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    time_slices: TimeSlices | None = Field(
        default=None, description="Count slices of time instead of events: a slice is good or bad as a whole."
    )
    depends_on: Annotated[
        list[ObjectName],
        Field(
            default_factory=list,
            max_length=16,
            description="Objectives of this namespace without which this objective cannot be met: while one of them "
            "pages, the alerts of this objective are inhibited.",
            json_schema_extra={"x-kubernetes-list-type": "set"},
        ),
    ]
    agreement: Agreement | None = Field(
        default=None, description="The promise to customers (SLA), with credits, in addition to the objective."
    )
    alerting: Alerting = Field(
        default_factory=lambda: Alerting(labels={}, annotations={}), description="The alerts about the error budget."
    )
    prometheus: ObjectName | None = Field(
        default=None,
        description="The Prometheus that evaluates the rules, by its name in the operator's --prometheus-config; if "
        "not "
        "set, the Prometheus of the namespace, otherwise the default.",
    )


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
        Column("Period", ".spec.window.calendar.period", wide=True),
        Column("Groups", ".status.groupCount", type="integer", wide=True),
        Column("Coverage", ".status.coverage", wide=True),
    ),
):
    """A promise about a service: the share of good events over a window of time."""

    spec: ServiceLevelObjectiveSpec = Field(description="The objective, and how it is measured and alerted on.")
    status: ServiceLevelObjectiveStatus = Field(
        default_factory=lambda: ServiceLevelObjectiveStatus.model_validate({}),
        description="The measurements, and the state of the rules.",
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
        """The length of the objective's window in seconds; of a calendar period its usual length."""
        return self.spec.window.length
