"""Functions over ranges (…_over_time), for windows that end at every point of a grid. Pure.

A window's sum is composed of sums over 1, 2, 4, … points, each computed once for all windows: about 2 log2(width)
additions of whole arrays. Differences of running sums would be only slightly cheaper, and would lose small values after
a large one: the rounding error of an outage would be in every later window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ninefold.reliability.backtest.grid import Array, Grid, Indices, present

Fold = Callable[[Array, Array], Array]


@dataclass(frozen=True, slots=True)
class Windows:
    """For each time of a grid, the points low <= index < high of another grid, that of the samples."""

    low: Indices
    high: Indices

    @classmethod
    def of(cls, times: Indices, length: int, samples: Grid) -> Windows:
        """The windows (t - length, t] for each time t."""
        return cls(samples.before(times - length), samples.before(times))

    def fold(self, values: Array, combine: Fold, neutral: float) -> Array:
        """All values of each window combined; `neutral` for a window without points."""
        result = np.full(len(self.low), neutral)
        widths = self.high - self.low
        # Windows of the same length contain the same number of points of a grid, or one more.
        for width in {int(widths.min()), int(widths.max())} - {0}:
            at = widths == width
            result[at] = _sliding(values, width, combine)[self.low[at]]
        return result

    def counts(self, values: Array) -> Array:
        """The number of samples in each window."""
        before = np.concatenate(([0], np.cumsum(present(values))))
        counted: Array = (before[self.high] - before[self.low]).astype(np.float64)
        return counted


def _sliding(values: Array, width: int, combine: Fold) -> Array:
    """The values index to index + width - 1 combined, for every index."""
    outputs = len(values) - width + 1
    block, size, done, result = values, 1, 0, None
    while True:
        if width & size:
            part = block[done : done + outputs]
            result = part if result is None else combine(result, part)
            done += size
        if done == width:
            return result if result is not None else values
        block = combine(block[:-size], block[size:])
        size *= 2


def _sum(values: Array, windows: Windows) -> Array:
    total = windows.fold(np.where(np.isnan(values), 0.0, values), np.add, 0.0)
    return np.where(windows.counts(values) > 0, total, np.nan)


def _avg(values: Array, windows: Windows) -> Array:
    return _sum(values, windows) / windows.counts(values)


def _count(values: Array, windows: Windows) -> Array:
    counts = windows.counts(values)
    return np.where(counts > 0, counts, np.nan)


def _present(values: Array, windows: Windows) -> Array:
    return np.where(windows.counts(values) > 0, 1.0, np.nan)


def _last(values: Array, windows: Windows) -> Array:
    # The index of the newest sample up to each point, -1 before the first.
    newest = np.maximum.accumulate(np.where(present(values), np.arange(len(values)), -1))
    at = np.concatenate(([-1], newest))[windows.high]
    return np.where(at >= windows.low, values[np.maximum(at, 0)], np.nan)


FUNCTIONS: dict[str, Callable[[Array, Windows], Array]] = {
    "sum_over_time": _sum,
    "avg_over_time": _avg,
    "min_over_time": lambda values, windows: windows.fold(values, np.fmin, np.nan),
    "max_over_time": lambda values, windows: windows.fold(values, np.fmax, np.nan),
    "count_over_time": _count,
    "present_over_time": _present,
    "last_over_time": _last,
}
"""Functions by name, of the samples of one series and the windows. NaN where a window has no sample."""
