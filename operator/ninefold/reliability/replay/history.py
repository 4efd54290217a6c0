"""Converts recordings of Prometheus to the measurements that the operator would have read at each time. Pure."""

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
    reported: object = field(default=None)
    """What was last reported to readers, in the form of `rounded`."""

    @classmethod
    def of(cls, vector: Vector, grid: Grid) -> _Objective:
        rows = list(vector.values())
        return cls([dict(labels) for labels in vector], np.stack(rows) if rows else np.empty((0, grid.count)))

    def changes(self) -> np.typing.NDArray[np.bool_]:
        """The times at which any value differs from the one before; always the first time."""
        before, after = self.values[:, :-1], self.values[:, 1:]
        other = (before != after) & ~(np.isnan(before) & np.isnan(after))
        return np.concatenate([[True], other.any(axis=0)])

    def measurement(self, index: int, at: float) -> Measurement | None:
        column = self.values[:, index]
        there = np.flatnonzero(~np.isnan(column)).tolist()
        measured = read(Sample(self.labels[row], float(column[row]), at) for row in there)
        first = next(iter(measured.values()), None)
        # A replay takes objectives as they are now: an earlier target of one is not an edit under a closed gate.
        return replace(first, promised=None) if first else None


def moments(grid: Grid, recorded: Mapping[str, Vector]) -> Iterator[ReplayMoment]:
    """Each time at which a measurement differed from the one before, and the first time. `recorded` is by slo_id."""
    objectives = {slo_id: _Objective.of(vector, grid) for slo_id, vector in recorded.items()}
    changes = {slo_id: objective.changes() for slo_id, objective in objectives.items()}
    figures: dict[str, Measurement] = {}
    if not objectives:
        return
    for index in np.flatnonzero(np.logical_or.reduce(list(changes.values()))).tolist():
        seconds = (grid.start + index * grid.step) / 1000
        moved = set()
        for slo_id in (slo_id for slo_id, changed in changes.items() if changed[index]):
            objective, measurement = objectives[slo_id], objectives[slo_id].measurement(index, seconds)
            if measurement is None:
                figures.pop(slo_id, None)
            else:
                figures[slo_id] = measurement
            reported = None if measurement is None else rounded(measurement)
            if reported != objective.reported:
                objective.reported = reported
                moved.add(slo_id)
        yield ReplayMoment(datetime.fromtimestamp(seconds, UTC), dict(figures), frozenset(moved))
