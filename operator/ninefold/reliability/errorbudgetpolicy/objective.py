"""An objective as a policy sees it at one time, with its measurements. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ninefold.domain.measurements.measurement import DataState
from ninefold.domain.schedules.span import Span
from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.status import Identity


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """The measurements of one objective: the budget left as a share (1 untouched, negative overspent), burn rates by
    window ("1h"), and the share of the objective's window that has data. None or a missing window: not measured.
    `promised` is the share of good events that the budget and the burn rates refer to."""

    data: DataState
    budget_left: float | None = None
    burn: Mapping[str, float] = field(default_factory=dict)
    coverage: float | None = None
    absent: bool = False
    """Whether Prometheus has answered, and has no data of the objective in its whole window."""
    promised: float | None = None

    @property
    def known(self) -> bool:
        return self.data in ("Healthy", "Idle")


@dataclass(frozen=True, slots=True)
class WatchedObjective:
    """An objective that the policy evaluates.

    `window` is the SLO's, such as "30d", or "Month" for a calendar window; "" if the objective does not exist.
    """

    name: str
    window: str
    reading: BudgetReading
    period: Span | None = None
    """The present period of a calendar window."""
    identity: Identity | None = None
    """What its measurements depend on; None if the objective does not exist."""
    in_force: bool = False
    """Whether its measurements follow from its present spec."""
    hindered: bool = False
    """Whether its rules do not run, which may be why measurements are missing."""
    changed_by: str = ""
    """Who changed it last, according to its field managers."""
    selected: bool = True
    """Whether the policy selects it; a policy follows an objective that closes gates even if it no longer selects
    it."""

    def standing_for(self, other: WatchedObjective) -> WatchedObjective:
        """These measurements under the name of an objective that no longer exists."""
        return replace(self, name=other.name, selected=other.selected)

    @property
    def length(self) -> float:
        """The length of its window in seconds; 0 if it is not known."""
        if self.period is not None:
            return (self.period.end - self.period.start).total_seconds()
        try:
            return float(seconds(self.window))
        except ValueError:
            return 0.0
