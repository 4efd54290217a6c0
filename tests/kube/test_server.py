"""The operator's port, as those meet it who would rather hold it up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import pytest

from devcluster.waiting import patient
from ninefold.kube.metrics import Metrics
from ninefold.kube.server import application, serve
from tests.processes import free_port

GET = b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n"
Ask = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


def served(scenario: Callable[[Ask], Awaitable[None]]) -> None:
    """Run the scenario with a function that opens a connection."""

    async def run() -> None:
        port = free_port()
        note = {"prometheus": lambda: "http://prometheus: no answer"}
        runner = await serve(application(Metrics(), {}, {"caches": lambda: None}, notes=note), "127.0.0.1", port)
        try:
            async with asyncio.timeout(patient(30)):
                await scenario(lambda: asyncio.open_connection("127.0.0.1", port))
        finally:
            await runner.cleanup()

    asyncio.run(run())


async def answer(reader: asyncio.StreamReader) -> str:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = int(head.lower().split("content-length:")[1].split()[0])
    return head.split("\r\n")[0] + "\n" + (await reader.readexactly(length)).decode()


def test_a_head_that_does_not_come_closes_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.kube.server.HEADER_TIMEOUT", 0.3)

    async def scenario(ask: Ask) -> None:
        for begin in (b"", b"GET /readyz HT", b"GET /readyz HTTP/1.1\r\nHost: x\r\nX-A: "):
            reader, writer = await ask()
            writer.write(begin)
            assert await reader.read() == b"", "closed without an answer"
            writer.close()
        reader, writer = await ask()
        writer.write(GET)
        await answer(reader)
        later = time.monotonic() + 0.6
        while time.monotonic() < later:
            await asyncio.sleep(0.1)
        writer.write(GET)
        assert "200" in await answer(reader), "a connection that has asked once stays open"
        writer.close()

    served(scenario)


def test_connections_beyond_the_limit_are_closed_and_the_others_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ninefold.kube.server.MOST_CONNECTIONS", 2)

    async def scenario(ask: Ask) -> None:
        reader, writer = await ask()
        writer.write(GET)
        await answer(reader)
        _, second = await ask()
        third, _ = await ask()
        assert await third.read() == b""
        writer.write(GET)
        assert "200" in await answer(reader)
        second.close()
        writer.close()

    served(scenario)


def test_what_a_replica_is_ready_without_is_shown_and_fails_nothing() -> None:
    async def scenario(ask: Ask) -> None:
        reader, writer = await ask()
        writer.write(GET)
        assert await answer(reader) == "HTTP/1.1 200 OK\ncaches: ok\nprometheus: http://prometheus: no answer\n"
        writer.close()

    served(scenario)
