"""The endpoint of the gates under load, beside an empty page of the same server.

Requests are sent at a fixed rate over connections that stay open, whether answers come or not; the time of one runs
from the moment it was due, so a server that falls behind shows. Server and sender are processes of their own.
"""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

from bench.figure import Failed, Figure, Say, compared
from bench.gateserver import NAMESPACE, decision, image

ROOT = Path(__file__).parent.parent
GATES = 300
_CONNECTIONS = 50
_TOKEN = "token-of-the-bench"  # noqa: S105 - guards nothing

Right = Callable[[int, bytes], bool]
"""Whether the answer to the request of this number is right."""


def gate(say: Say, rate: int, seconds: float, rounds: int) -> Iterator[Figure]:
    """How many answers were wrong, and milliseconds: medians of the rounds."""
    with tempfile.TemporaryDirectory() as folder:
        tokens = Path(folder) / "tokens"
        tokens.write_text(_TOKEN)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        server = subprocess.Popen(
            [sys.executable, "-m", "bench.gateserver", str(port), str(tokens), str(GATES)], cwd=ROOT
        )
        try:
            _wait_for(port)
            told: list[Load] = []
            empty: list[Load] = []
            for number in range(rounds):
                say(f"round {number + 1} of {rounds}: {rate} requests a second for {seconds:g} s, to each page")
                empty.append(asyncio.run(_load(port, _empty, lambda _, body: body == b"{}", rate, seconds)))
                told.append(asyncio.run(_load(port, _question, _is_right, rate, seconds)))
        finally:
            server.terminate()
            server.wait(10)
    wrong = sum(load.wrong for load in told)
    sent = sum(len(load.took) for load in told)
    say(f"{sent} answers, {wrong} of them wrong")
    yield Figure(f"wrong answers of {sent} at {rate}/s", wrong, "answers", None, None, "value <= 0", wrong == 0)
    for share in (0.5, 0.99):
        ours, floor = (median(_at(load.took, share) for load in loads) for loads in (told, empty))
        yield compared(
            f"answer of a gate, p{share * 100:g} at {rate}/s", ours, "ms", "an empty page of the same server", floor
        )


@dataclass(slots=True)
class Load:
    """Milliseconds of each request, and how many were answered wrongly."""

    took: list[float] = field(default_factory=list)
    wrong: int = 0


def _question(number: int) -> bytes:
    asked = number % (GATES + 1)
    query = urlencode({"namespace": NAMESPACE, "gate": f"gate-{asked}", "revision": image(asked)})
    return _request(f"/v1/decision?{query}")


def _empty(_: int) -> bytes:
    return _request("/empty")


def _request(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer {_TOKEN}\r\n\r\n".encode()


def _is_right(number: int, body: bytes) -> bool:
    asked = number % (GATES + 1)
    told = json.loads(body)
    if asked == GATES:
        return bool(told["decision"] == "Unknown" and told["gate"] is None and not told["abort"])
    wanted = decision(asked)
    found = (told["decision"], told["gate"], told["abort"], told["stale"])
    return found == (wanted, f"{NAMESPACE}/gate-{asked}", wanted == "Deny", False)


async def _load(port: int, request: Callable[[int], bytes], right: Right, rate: int, seconds: float) -> Load:
    load, due = Load(), asyncio.Queue[tuple[int, float] | None]()
    senders = [asyncio.create_task(_send(port, due, request, right, load)) for _ in range(_CONNECTIONS)]
    begin = time.perf_counter() + 0.5
    for number in range(int(rate * seconds)):
        at = begin + number / rate
        if (wait := at - time.perf_counter()) > 0:
            await asyncio.sleep(wait)
        due.put_nowait((number, at))
    for _ in senders:
        due.put_nowait(None)
    await asyncio.wait_for(asyncio.gather(*senders), 60)
    return load


async def _send(
    port: int,
    due: asyncio.Queue[tuple[int, float] | None],
    request: Callable[[int], bytes],
    right: Right,
    load: Load,
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    while (item := await due.get()) is not None:
        number, at = item
        writer.write(request(number))
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        body = await reader.readexactly(length)
        load.took.append((time.perf_counter() - at) * 1000)
        load.wrong += not (head.startswith(b"HTTP/1.1 200 ") and right(number, body))
    writer.close()


def _at(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def _wait_for(port: int) -> None:
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            with socket.create_connection(("127.0.0.1", port), 1):
                return
        except OSError:
            time.sleep(0.1)
    raise Failed("the server did not come up in 30 s")
