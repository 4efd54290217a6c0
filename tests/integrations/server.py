"""A Prometheus of one's own, without a cluster: it scrapes itself, and evaluates the rules it is given."""

from __future__ import annotations

import subprocess
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import yaml
from tests.processes import free_port, wait_for

from devcluster.binaries import binary

SELF = "self"
"""The job under which it scrapes itself."""


class PrometheusServer:
    """Runs on 127.0.0.1 for as long as the `with` block; `data` may hold blocks made before."""

    def __init__(self, directory: Path, data: Path | None = None) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._directory = directory
        self._data = data or directory / "data"
        self._rules = directory / "rules.yaml"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        config = self._directory / f"prometheus-{self.port}.yaml"
        scrape = {"job_name": SELF, "static_configs": [{"targets": [f"127.0.0.1:{self.port}"]}]}
        intervals = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config.write_text(
            yaml.safe_dump({"global": intervals, "rule_files": [str(self._rules)], "scrape_configs": [scrape]})
        )
        self._process = subprocess.Popen(
            [
                binary("prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={self._data}",
                "--storage.tsdb.retention.time=10y",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--web.enable-lifecycle",
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
            self._process.wait(30)
            self._process = None

    def load(self, *groups: dict[str, Any]) -> None:
        """Evaluate these groups from now on, and no others."""
        self._rules.write_text(yaml.safe_dump({"groups": list(groups)}))
        httpx.post(f"{self.url}/-/reload", trust_env=False).raise_for_status()

    def _ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/-/ready", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False
