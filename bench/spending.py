"""Services whose budgets can be spent one after another.

Each is a namespace with an objective, a policy, a gate and a Deployment, all of its name. Their counters are scraped.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any

from bench.figure import Failed
from bench.site import ROOT, SLO, Site
from devcluster import web
from ninefold.kube.api import DEPLOYMENT
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

LOOK = 0.05
"""Seconds between two questions."""
_LEFT = "slo:error_budget_left:ratio"
_JUDGED = 'slo:coverage:ratio{slo_id=~"shop-.*"} > 0.01'
"""Which budgets a policy judges, as it is by default."""


class Spending:
    """So many services, at work without errors until each is told to fail."""

    def __init__(self, site: Site, count: int) -> None:
        self.names = [f"shop-{number}" for number in range(count)]
        self._site = site
        port = site.cluster.free_port()
        site.cluster.sync_rules()
        paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"}
        site.cluster.spawn("counters", [sys.executable, "-m", "bench.counters", str(port)], env=paths, cwd=ROOT)
        self._counters = web.Web(f"http://{site.cluster.forward(port)}")
        site.until("the counters are served", self._served, 30)
        site.cluster.prometheus.add_scrape("bench", f"127.0.0.1:{port}")
        for name in self.names:
            self._counters.request("PUT", f"/{name}", rate=50, bad=0)
            make(site, name)

    def wait_until_open(self) -> None:
        self._site.say(f"waiting until {len(self.names)} gates are open, and enough of each window is measured")
        self._site.until("the gates are open", lambda: all(self._decision(name) == "Allow" for name in self.names), 180)
        judged = self._site.cluster.prometheus.query
        self._site.until("budgets are judged", lambda: len(judged(_JUDGED)) == len(self.names), 300)

    def spend(self, name: str) -> float:
        """Spend the budget; when the last answer of Prometheus was asked for that did not show it."""
        # Enough to be spent within some scrapes, whatever went before.
        self._counters.request("PUT", f"/{name}", rate=5_000, bad=1)
        last, end = time.monotonic(), time.monotonic() + 300
        while (asked := time.monotonic()) < end:
            if self._site.cluster.prometheus.query(f'{_LEFT}{{slo_id="{name}/{name}"}} < 0'):
                return last
            last = asked
            time.sleep(LOOK)
        raise Failed(f"the budget of {name} was not spent in 5 minutes")

    def _decision(self, name: str) -> str:
        stored = self._site.cluster.api.request("GET", ReleaseGate.api.path(name, name))[1]
        return str(stored.get("status", {}).get("decision", ""))

    def _served(self) -> bool:
        try:
            return self._counters.ok("/metrics")
        except OSError:
            return False


def make(site: Site, name: str) -> None:
    """A namespace with a Deployment under a gate over a policy over an objective, all of this name."""
    site.cluster.kubectl("create", "namespace", name)
    series = f'bench_requests_total{{service="{name}"'
    objective = {
        "service": name,
        "objective": "95",
        "window": {"rolling": "1h"},
        "indicator": {"ratio": {"bad": f'{series},code="500"}}', "total": f"{series}}}"}},
    }
    rule = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}
    policy = {"objectives": {"service": name}, "rules": [rule]}
    gate = {"workloads": {"scope": "Namespace"}, "sources": [{"errorBudgetPolicy": name}]}
    for api, spec in ((SLO, objective), (ErrorBudgetPolicy.api, policy), (ReleaseGate.api, gate)):
        body = {"apiVersion": api.api_version, "kind": api.kind, "metadata": {"name": name}, "spec": spec}
        send(site, "POST", api.path(name), body, 201)
    send(site, "POST", DEPLOYMENT.path(name), _deployment(name, f"{name}:v1"), 201)


def change(site: Site, name: str) -> bool:
    """Set an image that nobody knows; whether the gate let it pass."""
    path = DEPLOYMENT.path(name, name)
    code, reply = site.cluster.api.request("PUT", path, _deployment(name, f"{name}:v{time.monotonic_ns()}"))
    if code in (403, 422) and "release gate" in str(reply):
        return False
    if code != 200:
        raise Failed(f"PUT {path} is answered {code}: {reply}")
    return True


def when(what: dict[str, Callable[[], object]]) -> dict[str, float]:
    """Ask all of these until each has said yes, and when each did."""
    said: dict[str, float] = {}
    end = time.monotonic() + 120
    while len(said) < len(what):
        if time.monotonic() > end:
            raise Failed(f"waited 2 minutes until {', '.join(what.keys() - said.keys())}")
        for name in what.keys() - said.keys():
            if what[name]():
                said[name] = time.monotonic()
        time.sleep(LOOK)
    return said


def send(site: Site, method: str, path: str, body: object, wanted: int) -> None:
    code, reply = site.cluster.api.request(method, path, body)
    if code != wanted:
        raise Failed(f"{method} {path} is answered {code}: {reply}")


def _deployment(name: str, image: str) -> dict[str, Any]:
    """Paused and without pods, so that no controller writes beside us."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
    spec = {"replicas": 0, "paused": True, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}
