"""The measurements of an objective at one time. Pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import floor
from typing import Literal, Protocol

DataState = Literal["Healthy", "Idle", "Unknown", "Broken", "Contested"]
"""Healthy: measured. Idle: the total exists, but there are no events. Unknown: cannot be determined. Broken: measured
before but not now, or a rule fails. Contested: another writer than Ninefold's rules writes its series."""

FRESH = timedelta(seconds=60)
"""How old measurements may be: one failed poll says nothing about the service."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """The measurements of one objective; None where Prometheus has no value."""

    budget_left: float | None = None
    """1 untouched, 0 spent, negative overspent."""
    error_ratio: float | None = None
    """Bad events over all events in the objective's window, 0 to 1."""
    burn: Mapping[str, float] = field(default_factory=dict)
    """Burn rates by window, "1h" and so on; a window without traffic is absent."""
    coverage: float | None = None
    """The share of the objective's window that has data, 0 to 1."""
    events_per_second: float | None = None
    """All events, good and bad, over the last 5 minutes; 0 when idle, None when the total does not exist."""
    revision: str | None = None
    """The revision of the rules that Prometheus evaluates."""
    promised: float | None = None
    """The objective that budget and burn rates are based on, 0 to 1: an edit appears once the rules are evaluated."""
    exhausted_in: float | None = None
    """Seconds until the budget is spent at the burn rate of the last hour; None while it burns slower than allowed."""
    excess: float | None = None
    """Bad (or good) events over all events while they outnumber all events; None otherwise."""
    agreed_error_ratio: float | None = None
    """Bad events over all events in the window of the agreement."""
    blame: Mapping[str, float] = field(default_factory=dict)
    """The share of each component, "shop/payments", in the bad events of a composite."""
    firing: frozenset[str] = frozenset()
    """The tiers whose alerts fire."""
    contested: str = ""
    """Why these measurements are not trustworthy, as a sentence; all other fields are then empty."""
    groups: Mapping[str, Measurement] = field(default_factory=dict)
    """The measurements of each group of an objective with `groupBy`, by the values of its labels, "eu/gold"; those of
    the objective itself are then the worst of the groups."""

    @property
    def data(self) -> DataState:
        """The state of the data. Only a rule's health shows that its evaluation fails."""
        if self.contested:
            return "Contested"
        if self.events_per_second is None:
            # The window has data, but nothing counts events now: the total has disappeared.
            return "Broken" if self.coverage else "Unknown"
        return "Healthy" if self.events_per_second > 0 else "Idle"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All measurements of one poll. While Prometheus is unreachable the last ones stay, and `at` gives their time."""

    at: datetime | None = None
    """The time of the last successful poll."""
    reachable: bool = False
    error: str = "Prometheus has not been asked yet"
    by_id: Mapping[str, Measurement] = field(default_factory=dict)

    @property
    def asked(self) -> bool:
        """Whether the operator has polled since it started."""
        return self != Snapshot()

    def fresh(self, now: datetime) -> bool:
        """Whether the measurements count as present. A time in the future is from a clock that went back: the age of
        such measurements is unknown."""
        return self.at is not None and abs(now - self.at) < FRESH


class Measurements(Protocol):
    """The source of all objectives' measurements."""

    @property
    def snapshot(self) -> Snapshot: ...

    def changes(self) -> AsyncIterator[str]:
        """The slo_ids whose measurements changed. Never ends."""
        ...


def rounded(figure: Measurement) -> object:
    """The value that must change to wake a reader: a tenth of a percent, a tenth of a burn rate, a state.

    Values are cut and not rounded, so that crossing such a step wakes readers at once: thresholds are at steps, such as
    a budget of 0 % and a burn rate of 14.4.
    """

    def steps(value: float | None) -> int | None:
        return None if value is None else floor(value * 1000)

    burn = {window: _burn_steps(rate) for window, rate in figure.burn.items()}
    blame = {component: f"{share:.1f}" for component, share in figure.blame.items()}
    return (
        (steps(figure.budget_left), burn, steps(figure.coverage), figure.data, figure.revision, blame, figure.firing),
        (figure.excess is not None, steps(figure.agreed_error_ratio), figure.contested),
        {name: rounded(group) for name, group in figure.groups.items()},
    )


def _burn_steps(rate: float) -> tuple[float, object]:
    """The size of the step and its number: a hundredth below 1, a tenth below 100, and two digits above that."""
    if not 0 <= rate < 100:
        return 0, f"{rate:.2g}"
    steps = 100 if rate < 1 else 10
    return steps, floor(rate * steps)


def worst(groups: Mapping[str, Measurement]) -> Measurement:
    """The measurements of an objective from its groups: the least budget, the highest burn rates, all events."""

    def values(name: str) -> list[float]:
        return [value for group in groups.values() if (value := getattr(group, name)) is not None]

    burn: dict[str, float] = {}
    for group in groups.values():
        for window, rate in group.burn.items():
            burn[window] = max(rate, burn.get(window, rate))
    events = values("events_per_second")
    return Measurement(
        budget_left=min(values("budget_left"), default=None),
        error_ratio=max(values("error_ratio"), default=None),
        burn=burn,
        coverage=min(values("coverage"), default=None),
        events_per_second=sum(events) if events else None,
        exhausted_in=min(values("exhausted_in"), default=None),
        excess=max(values("excess"), default=None),
        agreed_error_ratio=max(values("agreed_error_ratio"), default=None),
        firing=frozenset().union(*(group.firing for group in groups.values())),
        groups=groups,
    )
