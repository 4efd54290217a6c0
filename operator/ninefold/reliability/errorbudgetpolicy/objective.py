"""What is measured of one objective at one time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ninefold.domain.measurements.measurement import DataState
from ninefold.domain.schedules.span import Span
from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.status import Identity


@dataclass(frozen=True, slots=True)
class BudgetReading:
    """What is measured of one objective: the budget left as a share (1 untouched, negative overspent), burn rates by
    window ("1h"), and the share of the objective's window that has data. None and a missing window: no figure.
    `promised` is the share of good events that budget and burn rates are of."""

    data: DataState
    budget_left: float | None = None
    burn: Mapping[str, float] = field(default_factory=dict)
    coverage: float | None = None
    absent: bool = False
    """Whether Prometheus has answered, and has no data of it in all of its window."""
    promised: float | None = None

    @property
    def known(self) -> bool:
        return self.data in ("Healthy", "Idle")


@dataclass(frozen=True, slots=True)
class WatchedObjective:
    """An objective that the policy looks at.

    `window` is the SLO's, "30d", or "Month" where it is one of the calendar; "" where the objective does not exist.
    """

    name: str
    window: str
    reading: BudgetReading
    period: Span | None = None
    """The present period of a window of the calendar."""
    identity: Identity | None = None
    """What its figures depend on; None where the objective does not exist."""
    in_force: bool = False
    """Whether its figures are those of its present spec."""
    hindered: bool = False
    """Whether its rules do not run, so that its figures may be missing by that."""
    changed_by: str = ""
    """Who changed it last, as far as its field managers say."""
    selected: bool = True
    """Whether the policy selects it: an objective that was spent is followed if it does not any more."""

    def standing_for(self, other: WatchedObjective) -> WatchedObjective:
        """With these figures, under the name of another that does not exist any more."""
        return replace(self, name=other.name, selected=other.selected)

    @property
    def length(self) -> float:
        """Of its window, in seconds; 0 where that cannot be told."""
        if self.period is not None:
            return (self.period.end - self.period.start).total_seconds()
        try:
            return float(seconds(self.window))
        except ValueError:
            return 0.0
