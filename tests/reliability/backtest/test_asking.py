"""A whole history is asked for in parts that Prometheus answers, and only what it has comes back."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from tests.processes import free_port, wait_for
from tests.reliability.servicelevelobjective.history import DAY, END, MINUTE, load
from tests.web import plain

from devcluster.binaries import binary
from devcluster.waiting import patient
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus, QueryRefused, TooMuch, Unreachable
from ninefold.reliability.backtest import asking
from ninefold.reliability.backtest.grid import Grid, Vector

DAYS = 20
LAST = DAYS * DAY // MINUTE
MOST_SAMPLES = 3_000


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that holds 3,000 samples in memory at most, over a count of minutes in two series."""
    directory = tmp_path_factory.mktemp("asking")
    minutes = range(LAST + 1)
    start = END - LAST * MINUTE
    load(
        (
            f'minute{{half="{half}"}} {at} {start + at * MINUTE}\n'
            for half in "ab"
            for at in minutes
            if _is_there(half, at)
        ),
        directory / "data",
    )
    (directory / "prometheus.yml").write_text("{}\n")
    port = free_port()
    argv = [
        str(binary("prometheus")),
        f"--config.file={directory}/prometheus.yml",
        f"--storage.tsdb.path={directory}/data",
    ]
    argv += [f"--web.listen-address=127.0.0.1:{port}", f"--query.max-samples={MOST_SAMPLES}", "--log.level=error"]
    process = subprocess.Popen([*argv, "--storage.tsdb.retention.time=10y"])
    try:
        wait_for("Prometheus to be ready", lambda: _ready(f"http://127.0.0.1:{port}"), 60)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(patient(30))


def _is_there(half: str, at: int) -> bool:
    return (at < LAST // 2) == (half == "a")


def _ready(url: str) -> bool:
    try:
        return plain.get(f"{url}/-/ready", timeout=patient(5)).status_code == 200
    except httpx.TransportError:
        return False


def ask(url: str, *questions: str, grid: Grid, told: list[tuple[int, int]] | None = None) -> dict[str, Vector]:
    async def run() -> dict[str, Vector]:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            return await asking.ask(
                prometheus, questions, grid, lambda done, of: None if told is None else told.append((done, of))
            )

    return asyncio.run(run())


def test_every_point_arrives_however_many_prometheus_answers_at_once(url: str) -> None:
    grid = Grid((END - LAST * MINUTE) * 1000, MINUTE * 1000, LAST + 1)
    told: list[tuple[int, int]] = []
    answers = ask(url, "sum(minute)", "sum by (half) (rate(minute[5m])) * 0 + 1", grid=grid, told=told)
    (sums,) = answers["sum(minute)"].values()
    np.testing.assert_array_equal(sums[10 : LAST // 2], np.arange(10, LAST // 2))
    np.testing.assert_array_equal(sums[LAST // 2 + 10 :], np.arange(LAST // 2 + 10, LAST + 1))
    halves = answers["sum by (half) (rate(minute[5m])) * 0 + 1"]
    assert set(halves) == {(("half", "a"),), (("half", "b"),)}
    assert np.isnan(halves[("half", "a"),][LAST // 2 + 10 :]).all()
    assert np.nansum(halves[("half", "b"),]) == pytest.approx(LAST / 2, abs=10)
    assert told[0] == (0, 2 * (LAST + 1))
    assert told[-1] == (2 * (LAST + 1), 2 * (LAST + 1))
    assert told == sorted(told)


def test_what_there_is_no_data_for_is_absent(url: str) -> None:
    grid = Grid((END - 2 * LAST * MINUTE) * 1000, MINUTE * 1000, LAST)
    assert ask(url, "sum(minute)", "nothing", grid=grid) == {"sum(minute)": {}, "nothing": {}}


def test_a_question_that_is_too_large_even_in_small_parts_is_told(url: str) -> None:
    grid = Grid((END - DAY) * 1000, MINUTE * 1000, 2)
    with pytest.raises(TooMuch, match="too many samples"):
        ask(url, "count_over_time(minute[9d])", grid=grid)


def test_a_question_that_is_wrong_is_refused_in_the_words_of_prometheus(url: str) -> None:
    with pytest.raises(QueryRefused, match="parse error"):
        ask(url, "sum(", grid=Grid(0, 60_000, 2))


def test_a_prometheus_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Unreachable):
        ask(f"http://127.0.0.1:{free_port()}", "up", grid=Grid(0, 60_000, 2))
