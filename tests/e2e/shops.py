"""Services that serve nothing but counters: a process inside the cluster's network that Prometheus scrapes.

PUT /NAME?rps=50&bad=0.1&jitter=0.2     events per second, share of bad ones, relative noise of both

What follows the last hyphen of a name is its region.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit
from wsgiref.simple_server import WSGIRequestHandler, make_server

from prometheus_client import CollectorRegistry, Counter, make_wsgi_app

TICK = 0.2


@dataclass
class Traffic:
    rps: float
    bad: float
    jitter: float


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002 - the base class's name
        pass


def main(port: int) -> None:
    registry = CollectorRegistry()
    requests = Counter("shop_requests", "Requests served.", ("service", "region", "code"), registry=registry)
    services: dict[str, Traffic] = {}
    metrics = make_wsgi_app(registry)

    def app(environ, start_response):  # type: ignore[no-untyped-def]
        if environ["REQUEST_METHOD"] != "PUT":
            return metrics(environ, start_response)
        query = {name: float(values[0]) for name, values in parse_qs(environ["QUERY_STRING"]).items()}
        name = urlsplit(environ["PATH_INFO"]).path.strip("/")
        services[name] = Traffic(query.get("rps", 50), query.get("bad", 0), query.get("jitter", 0))
        start_response("204 No Content", [])
        return []

    def serve_traffic() -> None:
        while True:
            time.sleep(TICK)
            for name, traffic in list(services.items()):
                events = traffic.rps * TICK * random.uniform(1 - traffic.jitter, 1 + traffic.jitter)
                bad = events * min(1.0, traffic.bad * random.uniform(1 - traffic.jitter, 1 + traffic.jitter))
                region = name.rpartition("-")[2]
                requests.labels(name, region, "200").inc(events - bad)
                if traffic.bad:
                    requests.labels(name, region, "500").inc(bad)

    threading.Thread(target=serve_traffic, daemon=True).start()
    make_server("127.0.0.1", port, app, handler_class=Quiet).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
