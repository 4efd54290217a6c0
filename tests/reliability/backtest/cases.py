"""An objective over made-up events, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from tests.builders.servicelevelobjective import objective
from tests.reliability.backtest.oracle import START

from ninefold.reliability.backtest.grid import Array, Grid, Labels, Vector
from ninefold.reliability.backtest.judge import Limits
from ninefold.reliability.backtest.judgement import Judgement
from ninefold.reliability.backtest.scenario import BacktestCase, Scenario
from ninefold.reliability.backtest.sweep import Wishes

DAY = 24 * 60
"""In points, which are minutes."""


class Traffic:
    """Events and bad events a second, at each minute of some days."""

    def __init__(self, days: float, rate: float = 10.0) -> None:
        minutes = round(days * DAY)
        self.events: Array = np.full(minutes + 1, rate)
        self.share: Array = np.zeros(minutes + 1)

    def failing(self, at: int, minutes: int, share: float = 1.0) -> Traffic:
        self.share[at : at + minutes] = share
        return self

    def with_rate(self, at: int, minutes: int, rate: float) -> Traffic:
        self.events[at : at + minutes] = rate
        return self


def answers(scenario: Scenario, traffic: Mapping[Labels, Traffic]) -> dict[str, Vector]:
    """What Prometheus would say: the question about bad events is the one that names them."""
    return {
        question: {
            labels: each.events * each.share if "code=" in question else each.events for labels, each in traffic.items()
        }
        for question in scenario.questions()
    }


def judged(
    traffic: Traffic,
    begin: int = 0,
    limits: Limits | None = None,
    targets: list[str] | None = None,
    wishes: Wishes | None = None,
    **spec: Any,
) -> Judgement:
    """The judgement about an objective of 99.9 % over a day, unless told otherwise."""
    case = BacktestCase(objective(**{"window": "1d", **spec}), [] if targets is None else targets)
    scenario = Scenario([case])
    grid = Grid(START, 60_000, len(traffic.events))
    found = scenario.judgements(
        case, grid, answers(scenario, {(): traffic}), begin, limits or Limits(), wishes or Wishes()
    )
    (one,) = found
    return one
