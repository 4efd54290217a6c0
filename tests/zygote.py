"""Operators without the second of CPU that their imports cost: forked from a process that has imported everything.

A child runs its module as `python -m` does, with the environment, the directory and the log that it is given. There are
two such processes, which take turns: an operator that is started anew has, as in life, another order of its sets.
tests/cli/run/test_command.py and tests/demo start the real executable.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import random
import runpy
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from itertools import cycle
from pathlib import Path

ROOT = Path(__file__).parent.parent
PR_SET_PDEATHSIG = 1
MESSAGE = 1 << 17

_libc = ctypes.CDLL(None)


def die_with_parent() -> None:
    """For children, before they run: a test run that is killed must leave nothing behind."""
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


Zygote = tuple[subprocess.Popen[bytes], socket.socket]


class Forked:
    """A process that a zygote has forked; the part of subprocess.Popen that operators need."""

    def __init__(self, arguments: Sequence[str], environment: Mapping[str, str], log: int) -> None:
        request = json.dumps({"arguments": arguments, "environment": dict(environment)}).encode()
        self._line, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(next(_zygotes())[1], [request], [theirs.fileno(), log])
        self.pid = int(self._line.recv(100))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        with contextlib.suppress(TimeoutError):
            return self.wait(0)
        return self.returncode

    def wait(self, timeout: float) -> int:
        """Its return code, negative for a signal; raises TimeoutError."""
        if self.returncode is None:
            ready, _, _ = select.select([self._line], [], [], timeout)
            if not ready:
                raise TimeoutError(f"process {self.pid} has not ended within {timeout:.0f} s")
            self.returncode = int(self._line.recv(100) or -signal.SIGKILL)
            self._line.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)


@cache
def _zygotes() -> cycle[Zygote]:
    return cycle([_start(), _start()])


def _start() -> Zygote:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.zygote", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "operator")},
            preexec_fn=die_with_parent,  # noqa: PLW1509 - one call, no locks
        )
    return process, ours


# --- the zygote


def main() -> None:
    """Fork for each request, until nobody can ask any more; a child returns into its own module."""
    # Not where the tests import this module.
    import ninefold.cli.run.command
    import ninefold.kinds

    assert ninefold.cli.run.command
    # The kinds import theirs when they are asked for.
    ninefold.kinds.controllers()
    gc.collect()
    gc.freeze()
    requests = socket.socket(fileno=int(sys.argv[1]))
    woken, wake = os.pipe()
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    lines: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select([requests.fileno(), woken], [], [])
        if woken in ready:
            os.read(woken, 1000)
            _reap(lines)
        if requests.fileno() not in ready:
            continue
        message, fds, _, _ = socket.recv_fds(requests, MESSAGE, 2)
        if not message:
            return
        line, log = socket.socket(fileno=fds[0]), fds[1]
        pid = os.fork()
        if pid == 0:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            die_with_parent()
            for each in [*lines.values(), line, requests]:
                each.close()
            os.close(woken)
            os.close(wake)
            _become(log, **json.loads(message))
            return
        os.close(log)
        lines[pid] = line
        line.send(str(pid).encode())


def _reap(lines: dict[int, socket.socket]) -> None:
    """Tell each child's end to whoever asked for it."""
    while lines:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == 0:
            return
        with lines.pop(pid) as line, contextlib.suppress(BrokenPipeError):
            line.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(log: int, arguments: list[str], environment: dict[str, str]) -> None:
    """Run `python ARGUMENTS` with this output; raises SystemExit, or whatever the module does."""
    for stream in (1, 2):
        os.dup2(log, stream)
    os.close(log)
    os.environ.clear()
    os.environ.update(environment)
    random.seed()
    option, module, *rest = arguments
    assert option == "-m"
    sys.argv[1:] = rest
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
