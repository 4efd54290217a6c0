"""The target of the compiler: the facts of an objective that recordings and alerts need, derived once. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from math import ceil

from ninefold.kube.api import Key
from ninefold.kube.fields import ratio, seconds
from ninefold.reliability.servicelevelobjective.alert_fields import Alerting
from ninefold.reliability.servicelevelobjective.resource import Indicator, ServiceLevelObjective, Window

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Target:
    """An objective as the compiler sees it; lengths in seconds, shares from 0 to 1."""

    key: Key
    service: str
    percent: str
    """The objective as the user wrote it, such as "99.90"."""
    objective: Decimal
    """The promised share of good events, exact."""
    window: int
    """The length of the window; of a calendar period its usual length."""
    period: Window
    """The window as the user wrote it; as text "30d", "the month in Europe/Paris"."""
    groups: tuple[str, ...]
    indicator: Indicator
    slice_length: int
    """The length of the time slices; 0 without time slices."""
    slice_budget: Decimal
    """The share of bad events that a good slice may have."""
    alerting: Alerting
    prometheus: str | None
    """The Prometheus that evaluates the rules, by its name; None for the default."""

    @classmethod
    def of(cls, slo: ServiceLevelObjective) -> Target:
        spec, slices = slo.spec, slo.spec.time_slices
        return cls(
            key=slo.key,
            service=spec.service,
            percent=spec.objective,
            objective=slo.objective,
            window=slo.window,
            period=spec.window,
            groups=tuple(spec.group_by),
            indicator=spec.indicator,
            slice_length=seconds(slices.length) if slices else 0,
            slice_budget=1 - ratio(slices.target) if slices else Decimal(0),
            alerting=spec.alerting,
            prometheus=spec.prometheus,
        )

    @property
    def slo_id(self) -> str:
        """The identity on every series: "namespace/name"."""
        return str(self.key)

    @property
    def budget(self) -> Decimal:
        """The share of bad events that is allowed, exact."""
        return 1 - self.objective

    @property
    def objective_text(self) -> str:
        """The objective in PromQL: 0.999 for 99.9 %."""
        return f"{self.objective.normalize():f}"

    @property
    def budget_text(self) -> str:
        """The budget in PromQL: 0.001 for 99.9 %, where floats would say 0.0009999999999999998."""
        return f"{self.budget.normalize():f}"

    @property
    def counts_events(self) -> bool:
        """Whether a bad event is an event, not a second of time."""
        indicator = self.indicator
        weighed = (
            indicator.ratio,
            indicator.latency,
            indicator.error_ratio and indicator.error_ratio.traffic,
            indicator.composite and indicator.composite.traffic_of,
        )
        return any(weighed) and not self.slice_length

    @property
    def reads_counters(self) -> bool:
        """Whether the indicator counts events of counters, so that two minutes of them are meaningful."""
        return (self.indicator.ratio or self.indicator.latency) is not None and not self.slice_length

    @property
    def delay(self) -> int:
        """The seconds by which scrapes, evaluations and the steps of the indicator can delay a tier."""
        interval = seconds(self.alerting.scrape_interval)
        delay = 2 * interval
        if self.indicator.composite is not None:
            # Other groups record its components.
            delay += interval
        if self.indicator.gauge is not None or self.slice_length:
            delay += MINUTE
        # A slice is bad once its budget of bad events is spent.
        return delay + ceil(self.slice_length * self.slice_budget)
