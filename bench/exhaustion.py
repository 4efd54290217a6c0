"""How long after Prometheus has recorded that a budget is spent the API server refuses a change.

Counters are scraped, the rules of real objectives are evaluated, and the operator polls. The clock starts with the last
answer of Prometheus that did not show the budget as spent, and stops with the first refusal; both are asked for all the
time.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any

from bench.figure import Figure, Say, at_most, compared, significant
from bench.site import Site, site
from bench.spending import LOOK, Spending, change, make, send, when
from ninefold.release.releasegate.resource import ReleaseGate

LATE = 2.0
"""Seconds beyond one evaluation interval in which a change must be refused."""


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
    spending = Spending(site, repetitions)
    took = []
    with site.operator("operator", options=("--poll-interval", f"{pace.poll}s")) as process:
        spending.wait_until_open()
        for name in spending.names:
            process.check_running()
            spent = spending.spend(name)
            took.append(_when_refused(site, name) - spent)
            site.say(f"{name}: refused {took[-1]:.2f} s after its budget was recorded as spent")
    return took


def _by_hand(site: Site, repetitions: int) -> list[float]:
    """The same refusal after a write of the gate's status, without Prometheus and operator."""
    make(site, "hand")
    took = []
    for _ in range(repetitions):
        _say(site, "hand", {"decision": "Allow"})
        site.until("a change passes", lambda: change(site, "hand"), 30, LOOK)
        closure = {"decision": "Hold", "because": "bench", "message": "The budget is spent."}
        began = time.monotonic()
        _say(site, "hand", {"decision": "Hold", "closures": [closure]})
        took.append(_when_refused(site, "hand") - began)
    return took


def _when_refused(site: Site, name: str) -> float:
    refused = f"a change of {name} is refused"
    return when({refused: lambda: not change(site, name)})[refused]


def _say(site: Site, name: str, status: dict[str, Any]) -> None:
    path = ReleaseGate.api.path(name, name, "status")
    stored = site.cluster.api.request("GET", path)[1]
    send(site, "PUT", path, {**stored, "status": status}, 200)
