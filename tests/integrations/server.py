"""A Prometheus of one's own, without a cluster: it scrapes itself, and evaluates the rules it is given."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml
from tests.processes import free_port, wait_for
from tests.web import plain

from devcluster.binaries import binary
from devcluster.waiting import patient
from ninefold.integrations.credentials import ConnectionOptions

SELF = "self"
"""The job under which it scrapes itself."""


class PrometheusServer:
    """Runs on 127.0.0.1 for as long as the `with` block; `data` may hold blocks made before."""

    def __init__(
        self, directory: Path, data: Path | None = None, web: dict[str, Any] | None = None, **config: Any
    ) -> None:
        """`config` is more of its configuration, `scrape_configs` beside its own; `web` says who may ask it."""
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._data = data or directory / "data"
        self._config = config
        self._web = web
        self._rules = directory / f"rules-{self.port}"
        self._rules.mkdir()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def options(self) -> ConnectionOptions:
        """How it is asked; the time limit is for an idle machine, as those of all waits are."""
        usual = ConnectionOptions(self.url)
        return replace(usual, timeout=patient(usual.timeout))

    def __enter__(self) -> Self:
        config = self._directory / f"prometheus-{self.port}.yaml"
        scrape = {"job_name": SELF, "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}
        intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        web = self._directory / f"web-{self.port}.yaml"
        web.write_text(yaml.safe_dump(self._web or {}))
        scrapes = [scrape, *self._config.get("scrape_configs", ())]
        usual = {"global": intervals, "rule_files": [f"{self._rules}/*.yaml"]}
        config.write_text(yaml.safe_dump({**usual, **self._config, "scrape_configs": scrapes}))
        self._process = subprocess.Popen(
            [
                binary("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={self._data}",
                "--storage.tsdb.retention.time=10y",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-lifecycle",
                f"--web.config.file={web}",
                "--web.enable-remote-write-receiver",
                "--log.level=error",
            ]
        )
        wait_for("Prometheus to be ready", self._ready, 60)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(patient(30))
            self._process = None

    def load(self, *groups: dict[str, Any], file: str = "rules") -> None:
        """Evaluate these groups from now on, and no others of the file."""
        (self._rules / f"{file}.yaml").write_text(yaml.safe_dump({"groups": list(groups)}))
        self._reload()

    def move(self, file: str, to: str) -> None:
        """Have the groups of a file in another one."""
        (self._rules / f"{file}.yaml").rename(self._rules / f"{to}.yaml")
        self._reload()

    def _reload(self) -> None:
        plain.post(f"{self.url}/-/reload", timeout=patient(5)).raise_for_status()

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """It takes connections and answers none."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    def _listens(self) -> bool:
        """Whether it takes connections; whom it answers is what a test is about."""
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _ready(self) -> bool:
        if self._web is not None:
            return self._listens()
        try:
            return plain.get(f"{self.url}/-/ready", timeout=patient(5)).status_code == 200
        except httpx.TransportError:
            return False
