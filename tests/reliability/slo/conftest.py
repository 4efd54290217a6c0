"""Fixtures for rules: promtool, and a Prometheus of one's own that holds made-up history."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from tests.reliability.slo.promtool import Promtool

from devcluster.binaries import binary


@pytest.fixture
def promtool(tmp_path: Path) -> Promtool:
    return Promtool(binary("promtool"), tmp_path)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[Path], str]]:
    """Start a Prometheus on a data directory; its address. It scrapes nothing and is stopped with the test."""
    running: list[subprocess.Popen[bytes]] = []

    def start(data: Path, rules: str = "[]") -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        config = tmp_path / "prometheus.yml"
        config.write_text(f"global: {{evaluation_interval: 1s}}\nrule_files: {rules}\n")
        running.append(
            subprocess.Popen(
                [
                    binary("prometheus"),
                    f"--config.file={config}",
                    f"--storage.tsdb.path={data}",
                    "--storage.tsdb.retention.time=10y",
                    f"--web.listen-address=127.0.0.1:{port}",
                    "--log.level=error",
                ]
            )
        )
        return _ready(f"http://127.0.0.1:{port}")

    yield start
    for process in running:
        process.terminate()
        process.wait(timeout=30)


def _ready(url: str) -> str:
    for _ in range(300):
        try:
            if httpx.get(f"{url}/-/ready", trust_env=False).status_code == 200:
                return url
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{url} did not get ready in 30 s")
