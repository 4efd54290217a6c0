"""Day one: a Prometheus that is given the past knows the budget as well as one that has recorded it for a month."""

from __future__ import annotations

import shutil
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from bench.samples import layers
from bench.tsdb import Tsdb, ask
from tests.builders.servicelevelobjective import group, manifest
from tests.integrations.server import PrometheusServer
from tests.processes import wait_for
from tests.reliability.backtest.raw import counters
from tests.reliability.servicelevelobjective.history import DAY, HOUR, MINUTE, Uneven, load
from tests.web import plain

from devcluster.binaries import binary
from devcluster.waiting import patient
from ninefold.cli import main

RATIO = "slo:error_ratio:window"


@pytest.mark.slow
def test_the_first_evaluation_knows_the_month(tmp_path: Path) -> None:
    traffic, end = Uneven(), int(time.time()) // MINUTE * MINUTE
    history = Tsdb(tmp_path)
    history.import_([*counters(traffic, 31 * DAY, end), "# EOF\n"])
    blocks = _backfilled(history, manifest(), end, tmp_path)
    new = tmp_path / "new"
    new.mkdir()
    # What is young enough to be scraped still, and nothing else but the blocks.
    load(counters(traffic, HOUR, end), new / "data")
    _move(blocks, new / "data")
    with PrometheusServer(new, new / "data") as server:
        server.load(group().as_dict())
        wait_for("the first evaluation", lambda: _values(server.url))
        (first,) = _values(server.url)
    recorded = _recorded_for_a_month(history, end)
    truth = traffic.error_ratio(30 * DAY)
    print(f"first evaluation {first:.6%}, after a month {recorded:.6%}, truth {truth:.6%}")
    assert first == pytest.approx(recorded, rel=1e-3)
    assert first == pytest.approx(truth, rel=1e-3)


@pytest.mark.slow
def test_a_prometheus_that_evaluates_the_rules_already_finds_the_past_while_it_runs(tmp_path: Path) -> None:
    traffic, end = Uneven(unit=DAY // 30), int(time.time()) // MINUTE * MINUTE
    history = Tsdb(tmp_path)
    history.import_([*counters(traffic, DAY + 2 * HOUR, end), "# EOF\n"])
    running = tmp_path / "running"
    running.mkdir()
    load(counters(traffic, HOUR, end), running / "data")
    truth = traffic.error_ratio(DAY)
    with PrometheusServer(running, running / "data") as server:
        server.load(group(window="1d").as_dict())
        wait_for("the first evaluation", lambda: _values(server.url))
        (ignorant,) = _values(server.url)
        assert ignorant < truth / 2
        # The past reaches beyond the first evaluation.
        _move(_backfilled(history, manifest(window="1d"), end + 2 * MINUTE, tmp_path), running / "data")
        wait_for("the past", lambda: _values(server.url) == [pytest.approx(truth, rel=0.01)], seconds=150)


def _backfilled(history: Tsdb, objective: dict[str, Any], end: int, directory: Path) -> Path:
    """The blocks that the command makes of a history."""
    (directory / "slo.yaml").write_text(yaml.safe_dump(objective))
    to = datetime.fromtimestamp(end, UTC).isoformat()
    with history.serving() as url:
        options = ["--prometheus-url", url, "--days", "1", "--to", to, "--targets", "99.9"]
        options += ["--backfill", str(directory / "past"), "--promtool", str(binary("promtool"))]
        assert main(["backtest", "-f", str(directory / "slo.yaml"), *options]) == 0
    return directory / "past" / "blocks"


def _move(blocks: Path, data: Path) -> None:
    for block in blocks.iterdir():
        shutil.move(block, data / block.name)


def _values(url: str) -> list[float]:
    """The error ratio that was recorded, if one was."""
    answer = plain.get(f"{url}/api/v1/query", params={"query": RATIO}, timeout=patient(5)).raise_for_status()
    return [float(row["value"][1]) for row in answer.json()["data"]["result"]]


def _recorded_for_a_month(history: Tsdb, end: int) -> float:
    """The same as rules make it that were evaluated every minute for 31 days, layer after layer."""
    found = [(rule, level) for rule, level, _ in layers(group().rules)]
    for level in range(max(level for _, level in found) + 1):
        with history.serving() as url:
            history.record(url, [rule for rule, its in found if its == level], end - 31 * DAY + HOUR, end)
    with history.serving() as url:
        (value,) = ask(url, RATIO, end).values
    return value
