"""The subject of a row of panels. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ninefold.observability.dashboard import queries
from ninefold.observability.dashboard.objective import ShownObjective

MOST_LINES = 32
"""The largest number of limits in a graph for many objectives: those that most of these have."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The subject of a row: one objective, or the objective that a variable of the dashboard names."""

    key: str
    """Distinguishes the panels of different rows."""
    id: str
    """The slo_id, or the variable that holds it."""
    objectives: Sequence[ShownObjective]
    """The objectives that the row may show."""

    @property
    def only(self) -> ShownObjective | None:
        return self.objectives[0] if len(self.objectives) == 1 else None

    @property
    def matcher(self) -> str:
        return queries.only(self.id)

    def constant(self, value: Decimal, objectives: Sequence[ShownObjective]) -> str:
        """Returns a query for a constant that has a value only while the row shows one of these objectives."""
        line = f"vector({value.normalize():f})"
        if len(objectives) == len(self.objectives):
            return line
        shown = queries.among(queries.any_of(objective.id for objective in objectives))
        return f"{line} and on () slo:objective:ratio{{{self.matcher},{shown}}}"
