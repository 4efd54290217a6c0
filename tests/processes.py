"""Operators as real processes: started, waited for, asked over HTTP, killed."""

from __future__ import annotations

import contextlib
import os
import random
import re
import signal
import socket
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

import httpx

from devcluster.waiting import patient
from tests.web import plain
from tests.zygote import ROOT, Forked

Seen = TypeVar("Seen")
# Hypothesis seeds the usual generator alike in every worker.
_chance = random.SystemRandom()

__all__ = ["ROOT", "OperatorProcess", "free_port", "wait_for"]


def free_port() -> int:
    """One that nobody listens on. Not of those that the kernel gives to connections: it would give it away before the
    test's program listens."""
    while True:
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", _chance.randrange(10000, 32000)))
            return int(probe.getsockname()[1])


def wait_for(what: str, check: Callable[[], Seen], seconds: float = 20.0) -> Seen:
    """Wait until the check is true, and return what it gave; fails with what was waited for and the last thing seen.

    `seconds` are those of an idle machine.
    """
    began = time.monotonic()
    while True:
        seen = check()
        if seen:
            return seen
        waited = time.monotonic() - began
        assert waited < patient(seconds), f"waited {waited:.0f} s for: {what}; last seen {seen!r}"
        time.sleep(0.1)


class OperatorProcess:
    """A Python process with probes and metrics on a port of its own."""

    def __init__(self, arguments: Sequence[str], kubeconfig: Path, log: Path) -> None:
        self.port = free_port()
        self.log = log
        self._arguments = [*arguments, "--bind", f"127.0.0.1:{self.port}"]
        self._environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        self._process: Forked | None = None

    def start(self) -> Self:
        with self.log.open("ab") as log:
            self._process = Forked(self._arguments, self._environment, log.fileno())
        wait_for("the operator to be ready", lambda: self.page("readyz").startswith("caches: ok"))
        return self

    def page(self, path: str) -> str:
        """A page of the operator's port; an empty text while it does not answer."""
        try:
            return plain.get(f"http://127.0.0.1:{self.port}/{path}", timeout=patient(5)).text
        except httpx.TransportError:
            return ""

    def metric(self, name: str, labels: str = "") -> float:
        """The sum of a metric's samples whose labels contain the text."""
        lines = re.findall(rf"^{name}(?:{{(.*)}})? (\S+)$", self.page("metrics"), re.MULTILINE)
        return sum(float(value) for found, value in lines if labels in found)

    def text(self) -> str:
        return self.log.read_text()

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def kill(self) -> None:
        """kill -9: nothing is finished, nothing is tidied up."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait(patient(10))

    def wait(self, seconds: float = 30) -> int:
        assert self._process is not None
        return self._process.wait(patient(seconds))

    def terminate(self) -> None:
        """Ask it to end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)

    def stop(self) -> int:
        """As Kubernetes ends a pod; the exit code."""
        self.terminate()
        assert self._process is not None
        return self._process.wait(patient(40))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.running:
            code = self.stop()
            assert code == 0 or error is not None, f"the operator ended with {code}:\n{self.text()[-3000:]}"
