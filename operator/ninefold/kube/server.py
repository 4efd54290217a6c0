"""The operator's own HTTP port: /healthz, /readyz, /metrics, and what the stages offer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ninefold.kube.metrics import Metrics

Check = Callable[[], str | None]
"""None when all is well, else a sentence that says what is not."""

LARGEST_BODY = 64 * 1024
"""Bytes; a longer one is answered 413."""
BODY_TIMEOUT = 5.0
"""Seconds that a body may take to arrive; a slower one is answered 408."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a stage is asked: the pairs of the query in their order, the headers by name in any case, the whole body."""

    query: Sequence[tuple[str, str]]
    headers: Mapping[str, str]
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a stage answers, as JSON."""

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
) -> web.Application:
    """The three pages and the endpoints. A probe lists every check, so that a failing pod explains itself."""
    app = web.Application(client_max_size=LARGEST_BODY)

    def probe(checks: Mapping[str, Check]) -> Callable[[web.Request], object]:
        async def handle(_: web.Request) -> web.Response:
            faults = {name: check() for name, check in checks.items()}
            lines = [f"{name}: {fault or 'ok'}" for name, fault in faults.items()]
            return web.Response(text="\n".join(lines) + "\n", status=503 if any(faults.values()) else 200)

        return handle

    async def scrape(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_get("/healthz", probe(health))  # type: ignore[arg-type]
    app.router.add_get("/readyz", probe(readiness))  # type: ignore[arg-type]
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
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
