"""Asks Prometheus for expressions that only it can evaluate, over a whole grid, in parts that it can answer."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta

import numpy as np

from ninefold.integrations.prometheus import Prometheus, TooMuch
from ninefold.integrations.prometheus_answers import RangeSeries
from ninefold.reliability.backtest.grid import Grid, Vector, labels_of

POINTS = 10_000
"""Points of a part: Prometheus answers with at most 11,000."""
_FEWEST = 500

Progress = Callable[[int, int], None]
"""Called with the number of points asked for so far and the number of all points."""


async def ask(prometheus: Prometheus, questions: Iterable[str], grid: Grid, progress: Progress) -> dict[str, Vector]:
    """The value of each question at every point. Raises Unreachable, and Refused with the message of Prometheus."""
    wanted, answers = list(questions), dict[str, Vector]()
    for number, question in enumerate(wanted):
        vector: Vector = {}
        for first in range(0, grid.count, POINTS):
            progress(number * grid.count + first, len(wanted) * grid.count)
            await _part(prometheus, question, grid, first, min(POINTS, grid.count - first), vector)
        answers[question] = vector
    progress(len(wanted) * grid.count, len(wanted) * grid.count)
    return answers


async def _part(prometheus: Prometheus, question: str, grid: Grid, first: int, count: int, into: Vector) -> None:
    """Asks for some points of one question; in halves if there are too many for Prometheus."""
    start = datetime.fromtimestamp((grid.start + first * grid.step) / 1000, UTC)
    step = timedelta(milliseconds=grid.step)
    try:
        answer = await prometheus.query_range(question, start, start + (count - 1) * step, step)
    except TooMuch:
        if count <= _FEWEST:
            raise
        await _part(prometheus, question, grid, first, count // 2, into)
        await _part(prometheus, question, grid, first + count // 2, count - count // 2, into)
        return
    for series in answer:
        _fill(series, grid, into)


def _fill(series: RangeSeries, grid: Grid, into: Vector) -> None:
    labels = labels_of(dict(series.labels))
    if labels not in into:
        into[labels] = np.full(grid.count, np.nan)
    times, values = np.array(series.points, dtype=np.float64).T
    into[labels][np.rint((times * 1000 - grid.start) / grid.step).astype(np.int64)] = values
