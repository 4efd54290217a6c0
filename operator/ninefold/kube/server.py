"""The operator's own HTTP port: /healthz, /readyz and /metrics."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from ninefold.kube.metrics import Metrics

Check = Callable[[], str | None]
"""None when all is well, else a sentence that says what is not."""


def application(metrics: Metrics, health: Mapping[str, Check], readiness: Mapping[str, Check]) -> web.Application:
    """The three pages. A probe lists every check, so that a failing pod explains itself."""
    app = web.Application()

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
    return app


async def serve(app: web.Application, host: str, port: int) -> web.AppRunner:
    """Listen; close with `cleanup()`."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
