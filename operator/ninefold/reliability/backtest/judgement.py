"""What is said about one error budget over a time: figures, firings, incidents. Pure; written as JSON as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

LEAST = timedelta(hours=12)
"""So much data shows a day's peak or its night, and less shows neither: no figure of a week is made of it."""


@dataclass(frozen=True, slots=True)
class Firing:
    """One time that one tier fired."""

    tier: str
    severity: str
    begin: datetime
    end: datetime | None
    """None if it still fired at the end."""
    burn: float
    """The burn rate over the tier's long window when it began."""
    budget_left: float | None
    """When it began: 1 untouched, 0 spent."""


@dataclass(frozen=True, slots=True)
class DetectionTime:
    """Who noticed an incident, how many seconds after its begin, 0 if the alert fired already."""

    tier: str
    after: int


@dataclass(frozen=True, slots=True)
class PastIncident:
    """A stretch during which the budget was spent faster than it may be."""

    begin: datetime
    end: datetime
    budget: float
    """The share of the budget that it cost."""
    page: DetectionTime | None
    ticket: DetectionTime | None


@dataclass(frozen=True, slots=True)
class TierJudgement:
    """How often one tier fired."""

    tier: str
    severity: str
    firings: int
    per_week: float | None
    """None where there is too little data to tell."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What decides about an objective. Figures per week are None where there is too little data to tell."""

    pages: int
    """Times during which one or more page tiers fired: somebody is called once."""
    pages_per_week: float | None
    tickets: int
    tickets_per_week: float | None
    exhausted: float | None
    """The share of the time at which the budget of the window was spent; None without figures."""


@dataclass(frozen=True, slots=True)
class TargetJudgement:
    """The same history under another objective; `refused` says why there are no such rules."""

    objective: str
    present: bool
    summary: Summary | None
    missed: int = 0
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Suggestion:
    objective: str | None
    """None if none of the targets fits."""
    reason: str


@dataclass(frozen=True, slots=True)
class Judgement:
    """One error budget: of an objective, or of one group of it."""

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
    """The share of a rolling window that had data, at its beginning and end; None for a period of the calendar."""
    events: float
    errors: float
    error_ratio: float | None
    """None without events."""
    budget_spent: float | None
    """Errors over those that the objective allows for so many events: 1 is all."""
    summary: Summary
    tiers: Sequence[TierJudgement]
    firings: Sequence[Firing]
    incident_budget: float
    """From which share of the budget on a stretch counts as an incident."""
    incidents: Sequence[PastIncident]
    missed: int
    """Incidents without a page."""
    noise: int
    """Pages during which less than `noise_budget` went."""
    noise_budget: float
    targets: Sequence[TargetJudgement] = field(default_factory=tuple)
    suggestion: Suggestion | None = None
