"""A data directory is served as it is, with what has not reached a block yet, and not a byte of it changes."""

from __future__ import annotations

import asyncio
import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.integrations.server import PrometheusServer
from tests.processes import wait_for
from tests.reliability.servicelevelobjective.history import DAY, END, MINUTE, load, samples

from devcluster.binaries import binary
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.integrations.prometheus_answers import Sample
from ninefold.integrations.tsdb import NotServed, blocks, serving

PROMETHEUS = str(binary("prometheus"))


def ask(url: str, expression: str, at: datetime | None = None) -> list[Sample]:
    async def run() -> list[Sample]:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            return await prometheus.query(expression, at)

    return asyncio.run(run())


def newest(url: str) -> datetime | None:
    async def run() -> datetime | None:
        async with Prometheus(ConnectionOptions(url)) as prometheus:
            return await prometheus.newest()

    return asyncio.run(run())


def state(directory: Path) -> dict[str, tuple[int, str]]:
    """Every file with its time of change and its content; every directory with its time of change."""
    return {
        str(path.relative_to(directory)): (
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in directory.rglob("*")
    }


@pytest.fixture
def month(tmp_path: Path) -> Path:
    """Blocks of some days that end at END."""
    load(samples("minute", 'job="a"', map(float, range(3 * DAY // MINUTE + 1)), MINUTE), tmp_path / "data")
    return tmp_path / "data"


def test_blocks_are_served_and_stay_as_they_are(month: Path) -> None:
    before = state(month)
    end = datetime.fromtimestamp(END, UTC)
    with serving(month, PROMETHEUS) as url:
        (sample,) = ask(url, "minute", end)
        assert sample.value == 3 * DAY / MINUTE
        assert len(ask(url, "minute", end - timedelta(days=2))) == 1
        assert newest(url) is None
    assert state(month) == before
    assert end - timedelta(minutes=1) < blocks(month)[-1].end <= end + timedelta(minutes=1)


def test_another_file_system_and_other_peoples_files_are_no_obstacle(
    month: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    before = state(month)
    with serving(month, PROMETHEUS) as url:
        assert len(ask(url, "minute", datetime.fromtimestamp(END, UTC))) == 1
    assert state(month) == before


def test_what_is_in_the_log_alone_is_served_too_also_of_a_prometheus_that_runs(tmp_path: Path) -> None:
    with PrometheusServer(tmp_path) as running:
        wait_for("something to be scraped", lambda: ask(running.url, "count_over_time(up[1m]) > 2"))
        with serving(tmp_path / "data", PROMETHEUS) as url:
            assert ask(url, "count_over_time(up[1m]) > 2")
            last = newest(url)
            assert last is not None
            assert datetime.now(UTC) - timedelta(seconds=30) < last <= datetime.now(UTC)
    before = state(tmp_path / "data")
    with serving(tmp_path / "data", PROMETHEUS) as url:
        assert ask(url, "count_over_time(up[10m]) > 2")
    assert state(tmp_path / "data") == before


def test_what_is_no_data_directory_is_told(tmp_path: Path) -> None:
    with pytest.raises(NotServed, match="holds neither blocks nor a wal"), serving(tmp_path, PROMETHEUS):
        pass


def test_a_program_that_is_missing_or_is_none_is_told(month: Path) -> None:
    with pytest.raises(NotServed, match="--prometheus-binary"), serving(month, "no-such-prometheus"):
        pass
    with pytest.raises(NotServed, match="did not serve the data"), serving(month, "false"):
        pass
