"""The service of the demo: answers GET /checkout, counts its answers, and fails as often as its version does.

Run as `python -m demo.checkout VERSION PORT`.
"""

from __future__ import annotations

import itertools
import sys

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, Counter, Info, generate_latest

#: failing requests, of this many requests
FAULTS = {"v42": (9, 10)}
#: no real service is free of errors
USUAL = (1, 200)

REQUESTS = Counter("http_requests", "Requests answered, by HTTP status code.", ("code",))
VERSION = Info("checkout", "The version that runs.")


def fails(version: str, number: int) -> bool:
    """Whether this version fails the request with this number, counted from 0."""
    bad, of = FAULTS.get(version, USUAL)
    return number % of >= of - bad


def application(version: str) -> web.Application:
    """The service in this version."""
    numbers = itertools.count()
    VERSION.info({"version": version})
    # If a counter appeared with its first error, rate() would miss this error.
    for code in (200, 500):
        REQUESTS.labels(code)

    async def checkout(_: web.Request) -> web.Response:
        code = 500 if fails(version, next(numbers)) else 200
        REQUESTS.labels(code).inc()
        return web.Response(status=code, text=f"{version}\n")

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app = web.Application()
    app.add_routes([web.get("/checkout", checkout), web.get("/metrics", metrics)])
    return app


if __name__ == "__main__":
    web.run_app(application(sys.argv[1]), host="127.0.0.1", port=int(sys.argv[2]), access_log=None)
