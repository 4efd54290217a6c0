"""From what Prometheus has recorded to the figures that the operator would have read, moment by moment. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import numpy as np

from ninefold.domain.measurements.measurement import Measurement, rounded
from ninefold.domain.measurements.samples import read
from ninefold.integrations.prometheus_answers import Sample
from ninefold.reliability.backtest.grid import Array, Grid, Vector
from ninefold.reliability.replay.policy import ReplayMoment


@dataclass(slots=True)
class _Objective:
    """The recordings of one objective."""

    labels: list[dict[str, str]]
    values: Array
    """A row for each series."""
    told: object = field(default=None)
    """What readers were last told, as `rounded` has it."""

    @classmethod
    def of(cls, vector: Vector, grid: Grid) -> _Objective:
        rows = list(vector.values())
        return cls([dict(labels) for labels in vector], np.stack(rows) if rows else np.empty((0, grid.count)))

    def changes(self) -> np.typing.NDArray[np.bool_]:
        """At which times any value is another than before; always at the first."""
        before, after = self.values[:, :-1], self.values[:, 1:]
        other = (before != after) & ~(np.isnan(before) & np.isnan(after))
        return np.concatenate([[True], other.any(axis=0)])

    def figure(self, index: int, at: float) -> Measurement | None:
        column = self.values[:, index]
        there = np.flatnonzero(~np.isnan(column)).tolist()
        found = read(Sample(self.labels[row], float(column[row]), at) for row in there)
        figure = next(iter(found.values()), None)
        # A replay takes objectives for what they are now: what one promised before is no edit under a closed gate.
        return replace(figure, promised=None) if figure else None


def moments(grid: Grid, recorded: Mapping[str, Vector]) -> Iterator[ReplayMoment]:
    """Each time at which a figure was another than before, and the first one. `recorded` is by slo_id."""
    objectives = {slo_id: _Objective.of(vector, grid) for slo_id, vector in recorded.items()}
    changes = {slo_id: objective.changes() for slo_id, objective in objectives.items()}
    figures: dict[str, Measurement] = {}
    if not objectives:
        return
    for index in np.flatnonzero(np.logical_or.reduce(list(changes.values()))).tolist():
        seconds = (grid.start + index * grid.step) / 1000
        moved = set()
        for slo_id in (slo_id for slo_id, changed in changes.items() if changed[index]):
            objective, figure = objectives[slo_id], objectives[slo_id].figure(index, seconds)
            if figure is None:
                figures.pop(slo_id, None)
            else:
                figures[slo_id] = figure
            told = None if figure is None else rounded(figure)
            if told != objective.told:
                objective.told = told
                moved.add(slo_id)
        yield ReplayMoment(datetime.fromtimestamp(seconds, UTC), dict(figures), frozenset(moved))
