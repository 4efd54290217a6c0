"""Writes the past that rules read as OpenMetrics: with it, their first evaluation knows the whole window. Pure.

The needed samples follow from the expressions alone: each selector says how far back it reads, and at which times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ninefold.reliability.backtest.grid import NAME, Array, Grid, Labels, present
from ninefold.reliability.backtest.reads import Times, reads
from ninefold.reliability.backtest.recordings import LOOKBACK, Recordings
from ninefold.reliability.backtest.rulefile import FileRule, Group, Makers

Samples = dict[Labels, npt.NDArray[np.bool_]]
"""The points of the grid to write, for each series."""


def past(groups: Sequence[Group], recordings: Recordings) -> Past:
    """The samples that the rules of the last group read up to the end of the grid, in addition to present values."""
    makers = Makers(rule for group in groups for rule in group)
    samples: Samples = {}
    for rule in groups[-1]:
        for selector, times in reads(rule.expression):
            if times.back or times.fixed is not None:
                for maker in makers.of(selector):
                    _mark(samples, maker, recordings, _points(times, recordings.grid))
    return Past(samples, recordings)


def _mark(samples: Samples, maker: FileRule, recordings: Recordings, points: npt.NDArray[np.bool_]) -> None:
    for labels, values in recordings.named(maker.makes).items():
        if maker.labels.items() <= dict(labels).items():
            wanted = points & present(values)
            samples[labels] = samples[labels] | wanted if labels in samples else wanted


def _points(times: Times, grid: Grid) -> npt.NDArray[np.bool_]:
    """The points of the grid whose values are read."""
    last = grid.end if times.fixed is None else min(times.fixed, grid.end)
    first = last - times.back - LOOKBACK
    if times.step is None:
        return (grid.times >= first) & (grid.times <= last)
    step, shift = times.step, times.shift
    moments = np.arange(-(-(first + shift) // step), (last + shift) // step + 1, dtype=np.int64) * step - shift
    index = grid.before(moments) - 1
    marked = np.zeros(grid.count, dtype=np.bool_)
    marked[index[(index >= 0) & (index < grid.count)]] = True
    return marked


@dataclass(frozen=True, slots=True)
class Past:
    """Some samples of recordings."""

    samples: Samples
    recordings: Recordings

    @property
    def count(self) -> int:
        return sum(int(points.sum()) for points in self.samples.values())

    def openmetrics(self) -> Iterator[str]:
        """The lines of a file, each with its line break, without the last line, "# EOF"."""
        for labels, points in sorted(self.samples.items()):
            values = self.recordings.named(dict(labels)[NAME])[labels]
            yield from _lines(labels, values[points], self.recordings.grid.times[points])


def _lines(labels: Labels, values: Array, times: npt.NDArray[np.int64]) -> Iterator[str]:
    pairs = ",".join(f'{name}="{_escaped(value)}"' for name, value in labels if name != NAME)
    series = f"{dict(labels)[NAME]}{{{pairs}}}"
    for value, at in zip(values.tolist(), times.tolist(), strict=True):
        yield f"{series} {value!r} {at / 1000!r}\n"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
