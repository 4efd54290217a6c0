"""Services that serve nothing but counters: `python -m bench.counters PORT`, inside the cluster's network.

PUT /NAME?rate=50&bad=1     so many requests a second from now on, and which share of them fails
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, make_wsgi_app

_TICK = 0.1


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        pass


def main(port: int) -> None:
    registry = CollectorRegistry()
    requests = Counter("bench_requests", "Requests answered.", ("service", "code"), registry=registry)
    services: dict[str, tuple[float, float]] = {}
    metrics = make_wsgi_app(registry)

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        if environ["REQUEST_METHOD"] != "PUT":
            page: Iterable[bytes] = metrics(environ, start_response)
            return page
        query = {name: float(values[0]) for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        services[environ["PATH_INFO"].strip("/")] = query["rate"], query["bad"]
        start_response("204 No Content", [])
        return []

    def count() -> None:
        while True:
            time.sleep(_TICK)
            for name, (rate, bad) in list(services.items()):
                # Both from the beginning: a counter that is born with its first error would lose that one.
                requests.labels(name, "200").inc(rate * _TICK * (1 - bad))
                requests.labels(name, "500").inc(rate * _TICK * bad)

    threading.Thread(target=count, daemon=True).start()
    make_server("127.0.0.1", port, app, handler_class=_Quiet).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
