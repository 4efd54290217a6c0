"""How fast an error budget was spent, and in which stretches. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ninefold.reliability.backtest.alerts import runs
from ninefold.reliability.backtest.grid import NAME, Array, Grid, Labels, present
from ninefold.reliability.backtest.labels import drop
from ninefold.reliability.backtest.recordings import Recordings

CALM = 1_800_000
"""How long, in milliseconds, a burn rate must be at most 1 to end a stretch."""

EVENTS, ERRORS = "slo:events:rate5m", "slo:errors:rate5m"


@dataclass(frozen=True)
class Spending:
    """Events and bad events per second at each time. `window` is in seconds, `budget` is 1 - objective."""

    grid: Grid
    events: Array
    errors: Array
    window: int
    budget: float

    @cached_property
    def shares(self) -> Array:
        """The share of the window's budget that each step cost, at the average traffic of the measured time."""
        covered = np.count_nonzero(present(self.events))
        allowed = known(self.events).sum() / max(1, covered) * self.window * self.budget
        return known(self.errors) * (self.grid.step / 1000) / allowed if allowed else np.zeros(self.grid.count)

    def spent(self, first: int, end: int) -> float:
        """The share of the budget that the points first <= index < end cost."""
        return float(self.shares[max(0, first) : end].sum())

    def stretches(self) -> Iterator[tuple[int, int]]:
        """The stretches with a burn rate above 1, including short calms: the first point, and the first point after."""
        calm = CALM // self.grid.step
        open_: tuple[int, int] | None = None
        for first, end in runs(self.errors > self.events * self.budget):
            if open_ is not None and first - open_[1] <= calm:
                open_ = open_[0], end
                continue
            if open_ is not None:
                yield open_
            open_ = first, end
        if open_ is not None:
            yield open_


def groups(recordings: Recordings, slo_id: str) -> list[Labels]:
    """The labels of each group of an objective, without its id; a single empty group without groupBy."""
    return sorted(
        drop(labels, {NAME, "slo_id"}) for labels in recordings.named(EVENTS) if dict(labels)["slo_id"] == slo_id
    )


def of(recordings: Recordings, name: str, slo_id: str, group: Labels) -> Array:
    """A recording of one group of an objective; NaN where it is absent."""
    labels = tuple(sorted(((NAME, name), ("slo_id", slo_id), *group)))
    values = recordings.named(name).get(labels)
    return np.full(recordings.grid.count, np.nan) if values is None else values


def known(values: Array) -> Array:
    """The values with 0 where there is no sample."""
    return np.where(present(values), values, 0.0)
