"""A grid of regular times, and the values of series at each of them. Pure.

A vector of PromQL is a dict from the labels of a series to one float64 array over the grid at hand; NaN is "no
sample". Prometheus' own NaN (0 / 0) therefore counts as absent, too; Ninefold's rules drop it everywhere. A scalar is
one array.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Array: TypeAlias = npt.NDArray[np.float64]
Indices: TypeAlias = npt.NDArray[np.int64]
Labels: TypeAlias = tuple[tuple[str, str], ...]
"""Pairs of name and value, sorted by name; the metric's name is `__name__`. No value is empty."""
Vector: TypeAlias = dict[Labels, Array]

NAME = "__name__"


class CannotEvaluate(Exception):
    """PromQL that is not supported here, or that Prometheus would refuse to evaluate; the message names it."""


@dataclass(frozen=True, slots=True)
class Grid:
    """`count` times: start, start + step, …, in Unix milliseconds."""

    start: int
    step: int
    count: int

    @property
    def end(self) -> int:
        """The last time."""
        return self.start + (self.count - 1) * self.step

    @property
    def times(self) -> Indices:
        return self.start + self.step * np.arange(self.count, dtype=np.int64)

    def shifted(self, by: int) -> Grid:
        """The grid with each time later by some milliseconds, or earlier if `by` is negative."""
        return Grid(self.start + by, self.step, self.count) if by else self

    def halves(self) -> tuple[Grid, Grid]:
        """The first and the second half of the times."""
        half = self.count // 2
        later = self.shifted(half * self.step)
        return Grid(self.start, self.step, half), Grid(later.start, self.step, self.count - half)

    def multiples(self, step: int, length: int) -> Grid:
        """The multiples of a step in the windows (t - length, t] of all times t, at which a subquery is evaluated."""
        first = (self.start - length) // step + 1
        return Grid(first * step, step, max(0, self.end // step - first + 1))

    def before(self, times: Indices) -> Indices:
        """For each given time, how many times of this grid are not after it; may be outside 0 to count."""
        return (times - self.start) // self.step + 1


def labels_of(labels: dict[str, str]) -> Labels:
    return tuple(sorted((name, value) for name, value in labels.items() if value))


def present(values: Array) -> npt.NDArray[np.bool_]:
    """Where there is a sample."""
    return ~np.isnan(values)


def put(vector: Vector, labels: Labels, values: Array, what: str) -> None:
    """Adds a series; series with the same labels may follow one another in time. Raises CannotEvaluate if they
    overlap."""
    known = vector.get(labels)
    if known is None:
        vector[labels] = values
        return
    if np.any(present(known) & present(values)):
        raise CannotEvaluate(f"{what} yields two series with the same labels {text(labels)}")
    vector[labels] = np.where(np.isnan(known), values, known)


def joined(parts: Sequence[Vector], grids: Sequence[Grid]) -> Vector:
    """Joins the vectors of consecutive grids."""
    absent = [np.full(grid.count, np.nan) for grid in grids]
    every = dict.fromkeys(labels for part in parts for labels in part)
    return {
        labels: np.concatenate([part.get(labels, none) for part, none in zip(parts, absent, strict=True)])
        for labels in every
    }


def text(labels: Labels) -> str:
    """Labels as Prometheus prints them.

    >>> text((("__name__", "up"), ("job", "a")))
    'up{job="a"}'
    """
    name = "".join(value for label, value in labels if label == NAME)
    rest = ",".join(f'{label}="{value}"' for label, value in labels if label != NAME)
    return f"{name}{{{rest}}}"
