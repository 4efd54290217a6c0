"""What a row of panels is about. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from ninefold.observability.dashboard import queries
from ninefold.observability.dashboard.objective import ShownObjective

MOST_LINES = 32
"""How many limits one graph may show where it serves many objectives: those that most of them have."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a row is about: an objective, or whichever of several a variable of the dashboard names."""

    key: str
    """Tells the panels of rows apart."""
    id: str
    """The slo_id, or the variable that holds it."""
    objectives: Sequence[ShownObjective]
    """Those that it may be."""

    @property
    def only(self) -> ShownObjective | None:
        return self.objectives[0] if len(self.objectives) == 1 else None

    @property
    def matcher(self) -> str:
        return queries.only(self.id)

    def constant(self, value: Decimal, objectives: Sequence[ShownObjective]) -> str:
        """A number, while the row is about one of these objectives."""
        line = f"vector({value.normalize():f})"
        if len(objectives) == len(self.objectives):
            return line
        meant = queries.among(queries.any_of(objective.id for objective in objectives))
        return f"{line} and on () slo:objective:ratio{{{self.matcher},{meant}}}"
