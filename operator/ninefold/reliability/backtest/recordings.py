"""The recordings of rules: the value of each series at every evaluation, and how selectors read it. Pure."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import promql_parser as promql

from ninefold.reliability.backtest.grid import NAME, Array, Grid, Indices, Labels, Vector, put
from ninefold.reliability.backtest.labels import matchers_of, matches

LOOKBACK = 300_000
"""How long, in ms, a selector uses a sample as the present one until the next evaluation."""


class Recordings:
    """Series over the times at which rules are evaluated. A series that is absent at an evaluation is stale at once."""

    def __init__(self, grid: Grid) -> None:
        self.grid = grid
        self._by_name: dict[str, Vector] = {}

    def add(self, name: str, vector: Vector) -> None:
        """Adds the series that a rule recorded; labels without the name. Raises CannotEvaluate if one is recorded
        twice."""
        known = self._by_name.setdefault(name, {})
        for labels, values in vector.items():
            put(known, tuple(sorted(((NAME, name), *labels))), values, "recording")

    def named(self, name: str) -> Vector:
        """All series of a name; labels with the name."""
        return self._by_name.get(name, {})

    def at(self, selector: promql.VectorSelector, grid: Grid) -> Vector:
        """The newest sample at each time of a grid, as an instant selector finds it."""
        part = self._part(grid)
        if part is not None:
            return {labels: values[part] for labels, values in self._selected(selector)}
        times = grid.times
        newest = np.minimum(self.grid.before(times) - 1, self.grid.count - 1)
        age = times - (self.grid.start + newest * self.grid.step)
        index = np.where(age < LOOKBACK, newest, -1)
        return {labels: _taken(values, index) for labels, values in self._selected(selector)}

    def within(self, selector: promql.VectorSelector, grid: Grid, length: int) -> tuple[Grid, Vector]:
        """All samples that a range selector of a length finds at any time of a grid, on their own grid."""
        first = (grid.start - length - self.grid.start) // self.grid.step + 1
        last = (grid.end - self.grid.start) // self.grid.step
        samples = Grid(self.grid.start + first * self.grid.step, self.grid.step, max(0, last - first + 1))
        index = np.arange(first, first + samples.count, dtype=np.int64)
        index = np.where(index < self.grid.count, index, -1)
        return samples, {labels: _taken(values, index) for labels, values in self._selected(selector)}

    def _part(self, grid: Grid) -> slice | None:
        """The slice of this grid that another grid covers; None unless its times are consecutive times of this grid."""
        first, off = divmod(grid.start - self.grid.start, self.grid.step)
        if off or grid.step != self.grid.step or first < 0 or first + grid.count > self.grid.count:
            return None
        return slice(first, first + grid.count)

    def _selected(self, selector: promql.VectorSelector) -> Iterator[tuple[Labels, Array]]:
        matchers = matchers_of(selector)
        candidates = [self.named(selector.name)] if selector.name else list(self._by_name.values())
        for vector in candidates:
            for labels, values in vector.items():
                if matches(dict(labels), matchers):
                    yield labels, values


def _taken(values: Array, index: Indices) -> Array:
    """The values at the indices, NaN at negative ones."""
    if not len(values):
        return np.full(len(index), np.nan)
    return np.where(index >= 0, values[np.maximum(index, 0)], np.nan)


def constant_labels(selector: promql.VectorSelector) -> dict[str, str]:
    """The labels that a selector fixes by exactly one `=`, which absent() gives to its result."""
    equal: dict[str, list[str]] = {}
    others = set()
    for matcher in matchers_of(selector):
        if matcher.name == NAME:
            continue
        if matcher.op == promql.MatchOp.Equal:
            equal.setdefault(matcher.name, []).append(matcher.value)
        else:
            others.add(matcher.name)
    return {name: values[0] for name, values in equal.items() if len(values) == 1 and name not in others}
