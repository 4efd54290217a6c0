"""What is measured of one objective at one time. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ninefold.kube.fields import seconds
from ninefold.reliability.servicelevelobjective.periods import Span
from ninefold.reliability.servicelevelobjective.status import DataState


@dataclass(frozen=True, slots=True)
class Reading:
    """What is measured of one objective: the budget left as a share (1 untouched, negative overspent), burn rates by
    window ("1h"), and the share of the objective's window that has data. None and a missing window: no figure."""

    data: DataState
    budget_left: float | None = None
    burn: Mapping[str, float] = field(default_factory=dict)
    coverage: float | None = None

    @property
    def known(self) -> bool:
        return self.data in ("Healthy", "Idle")


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective that the policy selects.

    `window` is the SLO's, "30d", or "Month" where it is one of the calendar; "" where the objective does not exist.
    """

    name: str
    window: str
    reading: Reading
    period: Span | None = None
    """The present period of a window of the calendar."""

    @property
    def length(self) -> float:
        """Of its window, in seconds; 0 where that cannot be told."""
        if self.period is not None:
            return (self.period.end - self.period.start).total_seconds()
        try:
            return float(seconds(self.window))
        except ValueError:
            return 0.0
