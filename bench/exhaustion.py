"""How long after Prometheus has recorded that a budget is spent the API server refuses a change.

Counters are scraped, the rules of real objectives are evaluated, the operator polls, and each objective has a policy, a
gate and a Deployment of its own, so that one after another can be spent. The clock starts with the last answer of
Prometheus that did not show the budget as spent, and stops with the first refusal; both are asked for all the time.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.figure import Failed, Figure, Say, at_most, compared, significant
from bench.site import ROOT, SLO, Site, site
from devcluster import web
from ninefold.kube.api import DEPLOYMENT
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

LATE = 2.0
"""Seconds beyond one evaluation interval in which a change must be refused."""
_LOOK = 0.05
"""Seconds between two questions."""
_LEFT = "slo:error_budget_left:ratio"
_JUDGED = 'slo:coverage:ratio{slo_id=~"shop-.*"} > 0.01'
"""Which budgets a policy judges, as it is by default."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the operator polls and Prometheus evaluates, in seconds."""

    poll: int
    evaluation: int


PACES = (Pace(15, 15), Pace(1, 1))
"""As installed, and as fast as it goes."""


def exhaustion(say: Say, paces: tuple[Pace, ...], repetitions: int) -> Iterator[Figure]:
    """Seconds."""
    for pace in paces:
        with site(say, scrape_interval="1s", evaluation_interval=f"{pace.evaluation}s") as where:
            yield from _figures(pace, _chain(where, pace, repetitions), _by_hand(where, repetitions))


def _figures(pace: Pace, took: list[float], by_hand: list[float]) -> Iterator[Figure]:
    what = f"spent to refused, poll {pace.poll} s, rules every {pace.evaluation} s"
    goal, holds = at_most("value", max(took), LATE + pace.evaluation)
    yield Figure(f"{what}: least of {len(took)}", significant(min(took)), "s")
    yield compared(f"{what}: median", median(took), "s", "a closed gate written by hand", median(by_hand))
    yield Figure(f"{what}: most", significant(max(took)), "s", None, None, goal, holds)


def _chain(site: Site, pace: Pace, repetitions: int) -> list[float]:
    """One service after another spends its budget."""
    names = [f"shop-{number}" for number in range(repetitions)]
    port = site.cluster.free_port()
    site.cluster.sync_rules()
    paths = {"PYTHONPATH": f"{ROOT}:{ROOT / 'operator'}"}
    site.cluster.spawn("counters", [sys.executable, "-m", "bench.counters", str(port)], env=paths, cwd=ROOT)
    counters = web.Web(f"http://{site.cluster.forward(port)}")
    site.until("the counters are served", lambda: _serves(counters), 30)
    site.cluster.prometheus.add_scrape("bench", f"127.0.0.1:{port}")
    for name in names:
        counters.request("PUT", f"/{name}", rate=50, bad=0)
        _make(site, name)
    took = []
    with site.operator("operator", options=("--poll-interval", f"{pace.poll}s")) as process:
        site.say(f"waiting until {repetitions} gates are open, and enough of each window is measured to be judged")
        site.until("the gates are open", lambda: all(_decision(site, name) == "Allow" for name in names), 180)
        site.until("budgets are judged", lambda: len(site.cluster.prometheus.query(_JUDGED)) == repetitions, 300)
        for name in names:
            process.check_running()
            # Enough to be spent within some scrapes, whatever went before.
            counters.request("PUT", f"/{name}", rate=5_000, bad=1)
            spent = _when_spent(site, name)
            took.append(_when_refused(site, name) - spent)
            site.say(f"{name}: refused {took[-1]:.2f} s after its budget was recorded as spent")
    return took


def _by_hand(site: Site, repetitions: int) -> list[float]:
    """The same refusal after a write of the gate's status, without Prometheus and operator."""
    _make(site, "hand")
    took = []
    for _ in range(repetitions):
        _say(site, "hand", {"decision": "Allow"})
        site.until("a change passes", lambda: _change(site, "hand"), 30, _LOOK)
        closure = {"decision": "Hold", "because": "bench", "message": "The budget is spent."}
        began = time.monotonic()
        _say(site, "hand", {"decision": "Hold", "closures": [closure]})
        took.append(_when_refused(site, "hand") - began)
    return took


def _when_spent(site: Site, name: str) -> float:
    """When the last answer was asked for that did not show it."""
    last, end = time.monotonic(), time.monotonic() + 300
    while (asked := time.monotonic()) < end:
        found = site.cluster.prometheus.query(f'{_LEFT}{{slo_id="{name}/{name}"}} < 0')
        if found:
            return last
        last = asked
        time.sleep(_LOOK)
    raise Failed(f"the budget of {name} was not spent in 5 minutes")


def _when_refused(site: Site, name: str) -> float:
    end = time.monotonic() + 120
    while time.monotonic() < end:
        if not _change(site, name):
            return time.monotonic()
        time.sleep(_LOOK)
    raise Failed(f"a change of {name} was not refused in 2 minutes")


def _change(site: Site, name: str) -> bool:
    """Set an image that nobody knows; whether the gate let it pass."""
    path = DEPLOYMENT.path(name, name)
    code, reply = site.cluster.api.request("PUT", path, _deployment(name, f"{name}:v{time.monotonic_ns()}"))
    if code in (403, 422) and "release gate" in str(reply):
        return False
    if code != 200:
        raise Failed(f"PUT {path} is answered {code}: {reply}")
    return True


def _make(site: Site, name: str) -> None:
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
        _send(site, "POST", api.path(name), body, 201)
    _send(site, "POST", DEPLOYMENT.path(name), _deployment(name, f"{name}:v1"), 201)


def _deployment(name: str, image: str) -> dict[str, Any]:
    """Paused and without pods, so that no controller writes beside us."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": image}]}}
    spec = {"replicas": 0, "paused": True, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": spec}


def _decision(site: Site, name: str) -> str:
    stored = site.cluster.api.request("GET", ReleaseGate.api.path(name, name))[1]
    return str(stored.get("status", {}).get("decision", ""))


def _say(site: Site, name: str, status: dict[str, Any]) -> None:
    path = ReleaseGate.api.path(name, name, "status")
    stored = site.cluster.api.request("GET", path)[1]
    _send(site, "PUT", path, {**stored, "status": status}, 200)


def _send(site: Site, method: str, path: str, body: object, wanted: int) -> None:
    code, reply = site.cluster.api.request(method, path, body)
    if code != wanted:
        raise Failed(f"{method} {path} is answered {code}: {reply}")


def _serves(counters: web.Web) -> bool:
    try:
        return counters.ok("/metrics")
    except OSError:
        return False
