"""Start a cluster's supervisor and talk to it."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from devcluster import supervisor
from devcluster.errors import DevclusterError
from devcluster.waiting import patient, until


class Control:
    """The connection to the supervisor of the cluster in `directory`, for any process of the same user."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._launcher: subprocess.Popen[bytes] | None = None
        self.mode, self.lost = "", ""

    def launch(self, *, apart: bool, owned: bool) -> None:
        """Start the supervisor; `apart`: in its own namespaces if possible; `owned`: it ends with this process."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener, _short(self._directory) as short:
            try:
                lock = self._lock()
            except BlockingIOError:
                raise DevclusterError(f"a cluster runs in {self._directory} already: take it down first") from None
            (self._directory / "control").unlink(missing_ok=True)
            listener.bind(f"{short}/control")
            listener.listen(64)
            argv = [sys.executable, "-I", "-S", supervisor.__file__, "--listener", str(listener.fileno())]
            argv += ["--mode", "apart" if apart else "shared"]
            if owned:
                argv += ["--owner", str(os.getpid())]
            with (self._directory / "supervisor.log").open("ab") as log:
                self._launcher = subprocess.Popen(
                    argv,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd="/",
                    start_new_session=True,
                    pass_fds=(listener.fileno(), lock),
                )
            os.close(lock)  # from here on the supervisor's copy holds it
        self.connect()

    def connect(self) -> None:
        """Ask a running supervisor how its cluster is isolated."""
        hello = self.ask("hello")
        self.mode, self.lost = hello["mode"], hello["lost"]

    def alive(self) -> bool:
        """Whether a supervisor holds the directory's lock: independent of how it was started or has ended."""
        try:
            os.close(self._lock())
        except BlockingIOError:
            return True
        except FileNotFoundError:
            return False
        return False

    def ask(self, do: str, *, sock: socket.socket | None = None, **arguments: object) -> Any:
        """The result of one request; raises DevclusterError with the supervisor's error or the path of its log."""
        message = json.dumps({"do": do, **arguments}).encode()
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as client, _short(self._directory) as short:
                client.connect(f"{short}/control")
                socket.send_fds(client, [message], [sock.fileno()] if sock else [])
                data = client.recv(supervisor.MESSAGE)
        except OSError as error:
            raise self._gone(str(error)) from error
        if not data:
            raise self._gone("it closed the connection")
        reply = json.loads(data)
        if "error" in reply:
            raise DevclusterError(f"the cluster's supervisor refused `{do}`: {reply['error']}")
        return reply["ok"]

    def stop(self, timeout: float = 20.0) -> None:
        """End the supervisor and everything below it; safe to repeat.  Returns when everything has ended."""
        with suppress(DevclusterError):
            self.ask("stop")
        if self._launcher:
            try:
                self._launcher.wait(patient(timeout))
            except subprocess.TimeoutExpired:
                self._launcher.send_signal(signal.SIGKILL)
                self._launcher.wait()
        until(lambda: not self.alive(), f"processes of the cluster in {self._directory} end", timeout)

    def _lock(self) -> int:
        """The locked file's descriptor; raises BlockingIOError while a supervisor holds it."""
        fd = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            raise
        return fd

    def _gone(self, why: str) -> DevclusterError:
        log = self._directory / "supervisor.log"
        output = log.read_text()[-2000:].strip() if log.exists() else ""
        return DevclusterError(f"the cluster in {self._directory} is not running ({why}). {output}".strip())


@contextmanager
def _short(directory: Path) -> Iterator[str]:
    """A short name for `directory`: a Unix socket's path holds only 107 bytes, and a test's path may be longer."""
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
