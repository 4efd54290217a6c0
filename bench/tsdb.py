"""A Prometheus over a history that promtool wrote, to ask what a query costs."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from bench.figure import Failed
from devcluster.binaries import binary

Rule = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of an instant query, and the samples that Prometheus read for it."""

    values: Sequence[float]
    samples: int


class Tsdb:
    """Blocks in a directory, and a Prometheus over them while `serving`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._data = directory / "data"
        self._data.mkdir()
        (directory / "prometheus.yml").write_text("{}\n")

    def import_(self, text: Iterable[str]) -> None:
        """Write blocks of samples in OpenMetrics."""
        file = self._directory / "samples.txt"
        with file.open("w") as out:
            out.writelines(text)
        self._promtool("openmetrics", file, self._data)
        file.unlink()

    def record(self, url: str, rules: Sequence[Rule], start: int, end: int, step: int = 60) -> None:
        """Write blocks of what these recording rules would have recorded every `step` seconds from start to end."""
        file = self._directory / "rules.yaml"
        file.write_text(yaml.safe_dump({"groups": [{"name": "backfill", "rules": list(rules)}]}))
        times = (f"--start={start}", f"--end={end}", f"--url={url}", f"--output-dir={self._data}")
        self._promtool("rules", *times, f"--eval-interval={step}s", file)

    @contextmanager
    def serving(self) -> Iterator[str]:
        """The URL of a Prometheus that sees all blocks written so far."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{probe.getsockname()[1]}"
        argv: list[str | Path] = [binary("prometheus"), f"--config.file={self._directory}/prometheus.yml"]
        argv += [f"--storage.tsdb.path={self._data}", "--storage.tsdb.retention.time=400d"]
        argv += [f"--web.listen-address={address}", "--query.max-samples=200000000", "--log.level=warn"]
        with (self._directory / "prometheus.log").open("ab") as log:
            process = subprocess.Popen(argv, stdout=log, stderr=log)
        try:
            _wait(f"http://{address}/-/ready", process)
            yield f"http://{address}"
        finally:
            process.terminate()
            process.wait(30)

    def _promtool(self, *arguments: str | Path) -> None:
        # Few blocks, since promtool reads the whole input again for each; Prometheus answers 11,000 points at most.
        argv = [binary("promtool"), "tsdb", "create-blocks-from", "--quiet", "--max-block-duration=7d", *arguments]
        done = subprocess.run(argv, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Failed(f"promtool ended with {done.returncode}: {done.stderr[-2000:]}")


def ask(url: str, expression: str, at: int) -> Answer:
    """Evaluate at a time."""
    reply = httpx.post(
        f"{url}/api/v1/query",
        data={"query": expression, "time": str(at), "stats": "all"},
        timeout=120,
        trust_env=False,
    )
    reply.raise_for_status()
    data = reply.json()["data"]
    rows = data["result"] if data["resultType"] == "vector" else [{"value": data["result"]}]
    return Answer(
        values=[float(row["value"][1]) for row in rows],
        samples=data["stats"]["samples"]["totalQueryableSamples"],
    )


def _wait(url: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(300):
        if process.poll() is not None:
            raise Failed(f"Prometheus ended with {process.returncode}")
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.2)
    raise Failed("Prometheus did not get ready in a minute")
