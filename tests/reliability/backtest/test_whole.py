"""From scraped counters to alerts: asked and simulated, or evaluated by Prometheus all the way, it is the same."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.builders.servicelevelobjective import BAD, TOTAL, objective
from tests.reliability.backtest.oracle import START, grid, judge, ours
from tests.reliability.servicelevelobjective.history import load
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.integrations.tsdb import serving
from ninefold.reliability.backtest.asking import ask
from ninefold.reliability.backtest.grid import Grid, Vector
from ninefold.reliability.backtest.scenario import BacktestCase, Scenario
from ninefold.reliability.servicelevelobjective.compiler import Group

MINUTES = 500
AT = grid(MINUTES)


def counter(rate: Any, born: int = 0) -> Iterator[float | None]:
    """A sample a minute; with a reset, and a time without scrapes."""
    value = 1000.0
    for minute in range(MINUTES):
        value = 3.0 if minute == 200 else value + rate(minute)
        yield None if minute < born or 320 <= minute < 340 else value


def outage(minute: int) -> bool:
    return 100 <= minute < 130 or 400 <= minute < 404


SCRAPED = {
    'http_requests_total{job="checkout",code="200"}': list(counter(lambda at: 20 if outage(at) else 600 + at % 7)),
    'http_requests_total{job="checkout",code="503"}': list(counter(lambda at: 580 if outage(at) else at % 11 / 20)),
    'http_requests_total{job="checkout",code="500"}': list(counter(lambda at: at % 2, born=250)),
    'up{job="checkout"}': [None if 320 <= minute < 340 else float(not outage(minute)) for minute in range(MINUTES)],
}


@pytest.mark.parametrize(
    "spec",
    [
        {"window": "4h", "indicator": {"ratio": {"bad": BAD, "total": TOTAL}}},
        {"window": "1d", "indicator": {"ratio": {"good": TOTAL.replace("}", ',code="200"}'), "total": TOTAL}}},
        {"window": "8h", "objective": "99", "indicator": {"boolean": {"selector": 'up{job="checkout"}'}}},
    ],
)
def test_a_history_of_counters_becomes_the_same_recordings_and_alerts(
    promtool: Promtool, tmp_path: Path, spec: dict[str, Any]
) -> None:
    slo = objective(**spec)
    load(_openmetrics(), tmp_path / "data")
    case = BacktestCase(slo, [])
    scenario = Scenario([case])
    outcome = scenario.outcome(case, AT, _asked(tmp_path / "data", scenario.questions(), AT))
    compiled = Group(slo).as_dict()
    names = {rule.get("record", "ALERTS") for rule in compiled["rules"]}
    assert outcome.alerts
    scraped = {name: " ".join("_" if value is None else repr(value) for value in row) for name, row in SCRAPED.items()}
    judge(promtool, [compiled], AT, ours(outcome.recordings, names), sorted(names), scraped)


def _openmetrics() -> Iterator[str]:
    for name, values in SCRAPED.items():
        for minute, value in enumerate(values):
            if value is not None:
                yield f"{name} {value!r} {START // 1000 + minute * 60}\n"


def _asked(data: Path, questions: list[str], at: Grid) -> dict[str, Vector]:
    async def run(url: str) -> dict[str, Vector]:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            return await ask(prometheus, questions, at, lambda done, of: None)

    with serving(data, str(binary("prometheus"))) as url:
        return asyncio.run(run(url))
