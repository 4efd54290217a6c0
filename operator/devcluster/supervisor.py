"""PID 1 of a cluster's namespaces: starts and reaps its processes, and forwards connections from outside.

Run by path with the standard library only (`python -I -S supervisor.py`), so that it starts fast and stays small.
Its client is devcluster.control.  The protocol: each message on the Unix SEQPACKET socket is one JSON request, answered
by one JSON reply; a `forward` request comes with a listening socket.  Every process below the supervisor ends with it,
and the supervisor ends with its owner.
"""

import argparse
import asyncio
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 0x1
#: largest request or reply, bytes (an environment with long values is the largest in practice)
MESSAGE = 1 << 17

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    """Call a libc function that returns 0 or sets errno; raises OSError."""
    if getattr(_libc, name)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{name}: {os.strerror(code)}")


# --- namespaces


def enter_namespaces(mode: str) -> None:
    """Enter new network, mount and (for children) pid namespaces; `mode` "user": within a user namespace."""
    flags = CLONE_NEWNET | CLONE_NEWPID | CLONE_NEWNS
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", flags | (CLONE_NEWUSER if mode == "user" else 0))
    if mode == "user":
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{uid} {uid} 1")
        Path("/proc/self/gid_map").write_text(f"{gid} {gid} 1")


def furnish() -> None:
    """In the first process of the new namespaces: set up loopback, private mounts, and its own /proc where allowed."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        request = struct.pack("16sh22x", b"lo", 0)
        flags: int = struct.unpack("16sh22x", fcntl.ioctl(sock, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sh22x", b"lo", flags | IFF_UP))
    _call("mount", None, b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None)
    with suppress(OSError):  # refused in a container that masks parts of /proc; only process metrics are then wrong
        _call("mount", b"proc", b"/proc", b"proc", ctypes.c_ulong(0), None)


def possible_mode() -> tuple[str, str]:
    """("root" | "user" | "none", why no better mode), tested in a child."""
    reason = ""
    for mode in ("root", "user") if os.geteuid() == 0 else ("user",):
        read, write = os.pipe()
        child = os.fork()
        if child == 0:
            _probe(mode, write)
        os.close(write)
        with os.fdopen(read) as pipe:
            reason = pipe.read()
        os.waitpid(child, 0)
        if not reason:
            return mode, ""
    return "none", reason


def _probe(mode: str, write: int) -> None:
    """Write to `write` what prevents `mode`, nothing if it works; never returns."""
    try:
        enter_namespaces(mode)
        inner = os.fork()
        if inner:
            os.waitpid(inner, 0)
        else:
            furnish()
    except OSError as error:
        os.write(write, str(error).encode())
    finally:
        os._exit(0)


# --- connections from outside


class _Side(asyncio.Protocol):
    """One end of a forwarded connection; data that arrives here leaves at `other`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.other: _Side | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - asyncio promises it for streams
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other and self.other.transport:
            self.other.transport.write(data)

    def eof_received(self) -> bool:
        if self.other and self.other.transport and self.other.transport.can_write_eof():
            self.other.transport.write_eof()
        return True  # the other direction may still be open

    def connection_lost(self, exc: Exception | None) -> None:
        if self.other and self.other.transport:
            self.other.transport.close()

    def pause_writing(self) -> None:
        if self.other and self.other.transport:
            self.other.transport.pause_reading()

    def resume_writing(self) -> None:
        if self.other and self.other.transport and not self.other.transport.is_closing():
            self.other.transport.resume_reading()


class _Outside(_Side):
    """An accepted connection, which waits until the inside port has answered."""

    def __init__(self, port: int, tasks: set[asyncio.Task[None]]) -> None:
        super().__init__()
        self._port = port
        self._tasks = tasks

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        if self.transport:
            self.transport.pause_reading()
        task = asyncio.get_running_loop().create_task(self._dial())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dial(self) -> None:
        inside = _Side()
        try:
            await asyncio.get_running_loop().create_connection(lambda: inside, "127.0.0.1", self._port)
        except OSError:
            if self.transport:
                self.transport.abort()
            return
        inside.other, self.other = self, inside
        if self.transport is None or self.transport.is_closing():
            self.connection_lost(None)
        else:
            self.transport.resume_reading()


# --- processes


class Supervisor:
    """Holds the processes by name and answers requests."""

    def __init__(self, mode: str, lost: str, outer_proc: int) -> None:
        self._mode = mode
        self._lost = lost
        self._outer_proc = outer_proc  # a directory: /proc as seen from outside
        self._specs: dict[str, dict[str, Any]] = {}
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ended: dict[str, int] = {}
        self._servers: list[asyncio.Server] = []
        self._dials: set[asyncio.Task[None]] = set()
        self.stopped = asyncio.Event()

    def reap(self) -> None:
        """Collect every child that ended; orphans of the children are children too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            for name, process in list(self._running.items()):
                if process.pid == pid:
                    self._ended[name] = process.returncode = os.waitstatus_to_exitcode(status)
                    del self._running[name]

    def kill_all(self) -> None:
        """Kill every process; needed without a pid namespace, which would do it."""
        for process in self._running.values():
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)

    async def answer(self, request: dict[str, Any], fds: list[int]) -> dict[str, Any]:
        """One reply: {"ok": result} or {"error": text}."""
        try:
            handler = getattr(self, f"do_{request.pop('do')}")
            if fds:
                return {"ok": await handler(fds=fds, **request)}
            return {"ok": await handler(**request)}
        except (OSError, LookupError, ValueError, TypeError, AttributeError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    async def do_hello(self) -> dict[str, str]:
        """How this cluster is isolated."""
        return {"mode": self._mode, "lost": self._lost}

    async def do_spawn(
        self, name: str, argv: list[str], env: dict[str, str], cwd: str, log: str, again: bool = False
    ) -> int:
        """Start a process and store its command; `again` allows the name of an ended one.  Returns the pid outside."""
        if name in self._running or (name in self._specs and not again):
            raise ValueError(f"a process named {name!r} already exists")
        self._specs[name] = {"argv": argv, "env": env, "cwd": cwd, "log": log}
        return self._launch(name)

    async def do_start(self, name: str) -> int:
        """Start an ended process as it was started before."""
        if name in self._running:
            raise ValueError(f"{name} is running")
        return self._launch(name)

    async def do_signal(self, name: str, number: int) -> bool:
        """Send a signal to the process and the processes that it started; False if it has ended already."""
        self._specs[name]  # a KeyError names an unknown process
        process = self._running.get(name)
        if process is None:
            return False
        with suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        return True

    async def do_status(self) -> dict[str, dict[str, Any]]:
        """name -> {"log", "pid" as seen outside | None, "code" | None}."""
        return {
            name: {
                "log": spec["log"],
                "pid": self._outer_pid(self._running[name].pid) if name in self._running else None,
                "code": None if name in self._running else self._ended.get(name),
            }
            for name, spec in self._specs.items()
        }

    async def do_poll(self, name: str) -> int | None:
        """Its return code, negative for a signal; None while it runs."""
        self._specs[name]
        return None if name in self._running else self._ended[name]

    async def do_forward(self, port: int, fds: list[int]) -> None:
        """Forward connections accepted on the listening socket fds[0] to 127.0.0.1:`port` inside."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Outside(port, self._dials), sock=socket.socket(fileno=fds[0]))
        self._servers.append(server)

    async def do_stop(self) -> None:
        """End everything."""
        asyncio.get_running_loop().call_later(0.02, self.stopped.set)  # the reply goes out first

    def _launch(self, name: str) -> int:
        spec = self._specs[name]
        with open(spec["log"], "ab") as log:
            process = subprocess.Popen(
                spec["argv"],
                env=spec["env"],
                cwd=spec["cwd"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=lambda: _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL),  # noqa: PLW1509 - one thread here
            )
        self._running[name] = process
        return self._outer_pid(process.pid)

    def _outer_pid(self, pid: int) -> int:
        """The pid of a child as seen outside the pid namespace."""
        me = os.readlink("self", dir_fd=self._outer_proc)
        children = self._read(f"{me}/task/{me}/children").split()
        for child in children:
            with suppress(OSError):  # it ended meanwhile
                for line in self._read(f"{child}/status").splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == str(pid):
                        return int(child)
        return 0

    def _read(self, path: str) -> str:
        with os.fdopen(os.open(path, os.O_RDONLY, dir_fd=self._outer_proc)) as file:
            return file.read()


# --- the process


async def serve(listener: socket.socket, supervisor: Supervisor, owner: int | None) -> None:
    """Answer clients until a stop request, or until the owner has ended."""
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGCHLD, supervisor.reap)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, supervisor.stopped.set)
    if owner is not None:
        loop.add_reader(owner, supervisor.stopped.set)  # a pidfd is readable when its process has ended
    clients: set[asyncio.Task[None]] = set()

    def accept() -> None:
        connection, _ = listener.accept()
        task = loop.create_task(_converse(connection, supervisor))
        clients.add(task)
        task.add_done_callback(clients.discard)

    loop.add_reader(listener, accept)
    await supervisor.stopped.wait()
    supervisor.kill_all()


async def _converse(connection: socket.socket, supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    connection.setblocking(False)
    with connection:
        while True:
            readable = loop.create_future()
            loop.add_reader(connection, readable.set_result, None)
            try:
                await readable
            finally:
                loop.remove_reader(connection)
            data, fds, _, _ = socket.recv_fds(connection, MESSAGE, 1)
            if not data:
                return
            reply = await supervisor.answer(json.loads(data), fds)
            with suppress(BrokenPipeError):
                connection.send(json.dumps(reply).encode())


def main() -> None:
    """Arguments: see devcluster.control, which is the only caller."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--listener", type=int, required=True)
    parser.add_argument("--owner", type=int)
    parser.add_argument("--mode", choices=["apart", "shared"], required=True)
    options = parser.parse_args()
    owner = None
    if options.owner is not None:
        try:
            owner = os.pidfd_open(options.owner)
        except ProcessLookupError:
            sys.exit("the owner has ended already")
    mode, lost = possible_mode() if options.mode == "apart" else ("none", "")
    outer_proc = os.open("/proc", os.O_RDONLY | os.O_DIRECTORY)
    if mode == "none":
        _libc.prctl(PR_SET_CHILD_SUBREAPER, 1)
    else:
        enter_namespaces(mode)
        if inner := os.fork():
            os.closerange(3, 64)
            sys.exit(os.waitstatus_to_exitcode(os.waitpid(inner, 0)[1]))
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        furnish()
    listener = socket.socket(fileno=options.listener)

    async def run() -> None:
        await serve(listener, Supervisor(mode, lost, outer_proc), owner)

    asyncio.run(run())


if __name__ == "__main__":
    main()
