"""The operator's own HTTP port: /healthz, /readyz, /metrics, and the endpoints of the stages."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ninefold.kube.metrics import Metrics

Check = Callable[[], str | None]
"""None when the check passes, otherwise a sentence that names the fault."""

LARGEST_BODY = 64 * 1024
"""Bytes; a longer one is answered 413."""
BODY_TIMEOUT = 5.0
"""Seconds that a body may take to arrive; a slower one is answered 408."""
HEADER_TIMEOUT = 10.0
"""Seconds that the head of a connection's first request may take; a slower connection is closed."""
IDLE_TIMEOUT = 75.0
"""Seconds until the next request of a connection; it is longer than the interval of most scrapes."""
MOST_CONNECTIONS = 512
"""Concurrent connections; further ones are closed, so that a client that opens many does not block connected ones."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to a stage: the pairs of the query in order, the headers by case-insensitive name, the whole body."""

    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer of a stage, as JSON."""

    status: int
    body: bytes
    headers: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A page of a stage. `answer` does no I/O and must be quick: it runs in the event loop."""

    method: str
    path: str
    answer: Callable[[Request], Reply]


def application(
    metrics: Metrics,
    health: Mapping[str, Check],
    readiness: Mapping[str, Check],
    endpoints: Iterable[Endpoint] = (),
    notes: Mapping[str, Check] | None = None,
) -> web.Application:
    """The three pages and the endpoints. A probe lists every check, so that a failing pod explains itself.

    `notes` are shown on /readyz and never fail the probe.
    """
    app = web.Application(client_max_size=LARGEST_BODY, middlewares=[_note])

    def probe(
        checks: Mapping[str, Check], notes: Mapping[str, Check]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(_: web.Request) -> web.Response:
            faults = {name: check() for name, check in checks.items()}
            results = {**faults, **{name: check() for name, check in notes.items()}}
            lines = [f"{name}: {fault or 'ok'}" for name, fault in results.items()]
            return web.Response(text="\n".join(lines) + "\n", status=503 if any(faults.values()) else 200)

        return handle

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", probe(health, {}))
    app.router.add_get("/readyz", probe(readiness, notes or {}))
    app.router.add_get("/metrics", scrape)
    for endpoint in endpoints:
        app.router.add_route(endpoint.method, endpoint.path, _page(endpoint, metrics))
    return app


def _page(endpoint: Endpoint, metrics: Metrics) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.Response:
        reply = await _reply(endpoint, request)
        metrics.http_requests.labels(endpoint.path, str(reply.status)).inc()
        return web.Response(
            body=reply.body, status=reply.status, headers=reply.headers, content_type="application/json"
        )

    return handle


async def _reply(endpoint: Endpoint, request: web.Request) -> Reply:
    body = b""
    if request.can_read_body:
        try:
            async with asyncio.timeout(BODY_TIMEOUT):
                body = await request.read()
        except TimeoutError:
            return Reply(408, b'{"error": "the body did not come in time"}')
        except web.HTTPRequestEntityTooLarge:
            return Reply(413, b'{"error": "the body is too long"}')
    return endpoint.answer(Request(list(request.query.items()), request.headers, body))


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen; close with `cleanup()`."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, keepalive_timeout=IDLE_TIMEOUT)
    await runner.setup()
    await _Site(runner, host, port).start()
    return runner


class _Site(web.TCPSite):
    """aiohttp bounds the time between two requests of a connection, but not the time until the first request."""

    async def start(self) -> None:
        await web.BaseSite.start(self)
        server = self._runner.server
        assert server is not None  # noqa: S101 - the runner is set up
        loop = asyncio.get_running_loop()

        def accept() -> asyncio.Protocol:
            if len(server.connections) >= MOST_CONNECTIONS:
                return _Refusal()
            protocol = server()
            _SILENT.add(protocol)
            loop.call_later(HEADER_TIMEOUT, _give_up, protocol)
            return protocol

        self._server = await loop.create_server(accept, self._host, self._port, backlog=128)


class _Refusal(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


_SILENT: set[object] = set()
"""New connections without a complete request head; none stays here for longer than HEADER_TIMEOUT."""


@web.middleware
async def _note(request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> Any:
    _SILENT.discard(request.protocol)
    return await handler(request)


def _give_up(protocol: web.RequestHandler) -> None:
    if protocol in _SILENT:
        _SILENT.discard(protocol)
        protocol.force_close()
