"""The result of a backtest for one error budget: values, firings, incidents. Pure; written to JSON unchanged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LEAST = timedelta(hours=12)
"""The least data for a rate per week: it shows a day's peak or its night, and less data shows neither."""


@dataclass(frozen=True, slots=True)
class Firing:
    """A time in which a tier fired."""

    tier: str
    severity: str
    begin: datetime
    end: datetime | None
    """None if the tier still fired at the end."""
    burn: float
    """The burn rate over the tier's long window when it began to fire."""
    budget_left: float | None
    """The budget left when it began to fire: 1 untouched, 0 spent."""


@dataclass(frozen=True, slots=True)
class DetectionTime:
    """The tier that detected an incident, and the seconds from its begin; 0 if the alert fired already."""

    tier: str
    after: int


@dataclass(frozen=True, slots=True)
class PastIncident:
    """A stretch with a burn rate above 1 that cost enough of the budget to be an incident."""

    begin: datetime
    end: datetime
    budget: float
    """The share of the budget that the incident cost."""
    page: DetectionTime | None
    ticket: DetectionTime | None


@dataclass(frozen=True, slots=True)
class TierJudgement:
    """How often one tier fired."""

    tier: str
    severity: str
    firings: int
    per_week: float | None
    """None if there is too little data."""


@dataclass(frozen=True, slots=True)
class Summary:
    """The values that decide about an objective. Rates per week are None if there is too little data."""

    pages: int
    """Times during which at least one page tier fired: each calls a person once."""
    pages_per_week: float | None
    tickets: int
    tickets_per_week: float | None
    exhausted: float | None
    """The share of the time at which the budget of the window was spent; None if it was not measured."""


@dataclass(frozen=True, slots=True)
class TargetJudgement:
    """The same history under another target; `refused` says why no rules can be made for it."""

    objective: str
    present: bool
    summary: Summary | None
    missed: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    objective: str | None
    """None if no target fits."""
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """The judgement of one error budget: of an objective, or of one of its groups."""

    slo_id: str
    group: Mapping[str, str]
    """The labels of the group, empty without groupBy."""
    objective: str
    window: str
    begin: datetime
    end: datetime
    coverage: float
    """The share of the time that has data."""
    window_coverage: tuple[float, float] | None
    """The share of a rolling window that had data, at its beginning and end; None for a calendar window."""
    events: float
    errors: float
    error_ratio: float | None
    """None without events."""
    budget_spent: float | None
    """Errors divided by the errors that the objective allows for that number of events: 1 is the whole budget."""
    summary: Summary
    tiers: Sequence[TierJudgement]
    firings: Sequence[Firing]
    incident_budget: float
    """The least share of the budget at which a stretch counts as an incident."""
    incidents: Sequence[PastIncident]
    missed: int
    """Incidents without a page."""
    noise: int
    """Pages during which less than `noise_budget` was spent."""
    noise_budget: float
    targets: Sequence[TargetJudgement] = field(default_factory=tuple)
    suggestion: Suggestion | None = None
