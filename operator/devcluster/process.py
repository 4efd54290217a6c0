"""A process of a cluster."""

import signal
from collections.abc import Callable
from pathlib import Path

from devcluster import waiting
from devcluster.control import Control
from devcluster.errors import DevclusterError


class Process:
    """A process that runs inside the cluster and dies with it.  Signals also reach the processes that it started."""

    def __init__(self, control: Control, name: str, log: Path, ready: Callable[[], object] | None = None) -> None:
        self._control = control
        self._ready = ready
        self.name = name
        self.log = log

    @property
    def pid(self) -> int:
        """Its pid as seen from outside; raises DevclusterError once it has ended."""
        pid = self._control.ask("status")[self.name]["pid"]
        if pid is None:
            raise DevclusterError(f"{self.name} has ended; the end of its log: {self.tail()}")
        return int(pid)

    def poll(self) -> int | None:
        """Its return code, negative for the signal that ended it; None while it runs."""
        code = self._control.ask("poll", name=self.name)
        return None if code is None else int(code)

    def wait(self, timeout: float = 30.0) -> int:
        """Its return code, once it has ended."""
        waiting.until(lambda: self.poll() is not None, f"{self.name} ends", timeout)
        code = self.poll()
        if code is None:
            raise DevclusterError(f"{self.name} was started again meanwhile")
        return code

    def signal(self, number: int) -> None:
        """Send it a signal; nothing happens if it has ended."""
        self._control.ask("signal", name=self.name, number=int(number))

    def stop(self, timeout: float = 10.0) -> int:
        """End it with SIGTERM, and with SIGKILL after `timeout` seconds; returns its return code."""
        self.signal(signal.SIGTERM)
        try:
            return self.wait(timeout)
        except DevclusterError:
            return self.kill()

    def kill(self) -> int:
        """End it at once, like a crash; returns its return code."""
        self.signal(signal.SIGKILL)
        return self.wait()

    def start(self, timeout: float = 120.0) -> None:
        """Start it again as before, after it ended; returns when it is ready, if it has a readiness check."""
        self._control.ask("start", name=self.name)
        self.wait_ready(timeout)

    def wait_ready(self, timeout: float = 120.0) -> None:
        """Return when it serves; raises DevclusterError with the end of its log if it ends instead."""
        if self._ready:
            waiting.until(self._ready, f"{self.name} is ready (log: {self.log})", timeout, still=self.check_running)

    def tail(self, characters: int = 2000) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-characters:]

    def check_running(self) -> None:
        """Raise DevclusterError with the end of its log if it has ended."""
        code = self.poll()
        if code is not None:
            raise DevclusterError(f"{self.name} ended with {code}; the end of its log ({self.log}):\n{self.tail()}")
