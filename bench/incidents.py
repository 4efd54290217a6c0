"""Simulated releases: known revisions are bad, everything else is a fluctuation, and the gate says whom it blames.

Counters are drawn second by second, the windows of the rules are read from them as Prometheus would record them, and
the operator's own plans of the policy, of the records and of the gate see what they would see live, poll by poll.
"""

from __future__ import annotations

import hashlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import rfc3339
from ninefold.release.release.plan import Later, Observed, plan
from ninefold.release.release.records import next_record, of_workload, sequence
from ninefold.release.release.resource import Change, Release
from ninefold.release.release.revision import Revision, State
from ninefold.release.release.spending import SpendingReading
from ninefold.release.releasegate.blame import blame
from ninefold.reliability.errorbudgetpolicy import plan as policies
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus, Identity

START = datetime(2026, 3, 1, 6, tzinfo=UTC)
BUDGET = 0.001
"""An objective of 99.9 %."""
_WINDOWS = {"5m": 300, "30m": 1800, "1h": 3600, "6h": 21600}
_EVALUATION, _POLL = 30, 15
_SETTLED = 21600
"""Seconds of history before the first release: the longest window of a burn rate."""
_DRAWN = 3600
"""Seconds before the beginning from which traffic is drawn by chance; before that it is as expected."""
_MONTH = 30 * 86400
_OBJECTIVE = Identity(
    indicator="", window="30d", objective=str(100 - 100 * BUDGET), objects="", labels="", corrections=""
)
"""The only objective, which nobody edits."""

RULES = [
    {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}},
    {"when": {"burnRate": {"above": "14.4", "over": "1h"}}, "state": "Exhausted", "then": {"gate": "Deny"}},
    {"when": {"burnRate": {"above": "6", "over": "6h"}}, "state": "Exhausted", "then": {"gate": "Hold"}},
]


@dataclass(frozen=True, slots=True)
class Rollout:
    """A new template of a workload. `at` and `takes` are seconds; `fails` is the share of all requests that fail once
    it serves alone."""

    workload: str
    image: str
    at: int
    fails: float = 0.0
    takes: int = 60


@dataclass(frozen=True, slots=True)
class Scenario:
    """What happens to one service. `rate` is requests per second; `left` the share of the error budget that is left."""

    rollouts: Sequence[Rollout]
    rate: float = 50.0
    left: float = 0.3
    daily: bool = False
    """Whether traffic rises and falls with a period of a day (here of two hours, so that a test sees it)."""
    outage: tuple[int, int, float] | None = None
    """From when until when, and with which share of failures, no release being the cause."""
    lasts: int = 5400
    seed: int = 0


@dataclass
class Traffic:
    """Cumulated requests and failures of a scenario, by the second, from `_SETTLED` seconds before its beginning."""

    total: list[float] = field(default_factory=lambda: [0.0])
    bad: list[float] = field(default_factory=lambda: [0.0])

    @classmethod
    def of(cls, scenario: Scenario) -> Traffic:
        chance, traffic = random.Random(scenario.seed), cls()
        for second in range(-_SETTLED, scenario.lasts):
            wave = 1 + 0.8 * math.sin(2 * math.pi * second / 7200) if scenario.daily else 1.0
            requests, ratio = scenario.rate * wave, min(1.0, 0.0002 + _failing(scenario, second))
            failures = requests * ratio
            if second >= -_DRAWN:
                requests = _drawn(requests, chance)
                failures = min(requests, _drawn(requests * ratio, chance))
            traffic.total.append(traffic.total[-1] + requests)
            traffic.bad.append(traffic.bad[-1] + failures)
        return traffic

    def ratio(self, second: int, window: int) -> float | None:
        """The share of failures over a window that ends then; None without requests."""
        last = second + _SETTLED
        total = self.total[last] - self.total[max(0, last - window)]
        return (self.bad[last] - self.bad[max(0, last - window)]) / total if total else None


def _first(scenario: Scenario) -> int:
    """When the gate begins to look: a while before anything happens."""
    return min(rollout.at for rollout in scenario.rollouts) // _EVALUATION * _EVALUATION - 120


def _drawn(mean: float, chance: random.Random) -> float:
    """A number of arrivals in a second with this mean."""
    if mean > 30:
        return max(0.0, round(chance.gauss(mean, math.sqrt(mean))))
    count, product, limit = 0, chance.random(), math.exp(-mean)
    while product > limit:
        count += 1
        product *= chance.random()
    return float(count)


def _failing(scenario: Scenario, second: int) -> float:
    """The share of requests that fail on account of releases, each of which serves as far as it is rolled out."""
    found = 0.0
    for workload in {rollout.workload for rollout in scenario.rollouts}:
        failing = 0.0
        for rollout in scenario.rollouts:
            if rollout.workload == workload and rollout.at <= second:
                share = min(1.0, (second - rollout.at) / rollout.takes) if rollout.takes else 1.0
                failing = share * rollout.fails + (1 - share) * failing
        found += failing
    begin, end, share = scenario.outage or (0, 0, 0.0)
    return found + (share if begin <= second < end else 0.0)


class Shop:
    """The records of its workloads, its policy, and what the gate says, poll by poll."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.records: dict[str, dict[str, Any]] = {}
        self.closed = False
        """Whether the gate was closed at any time."""
        self.blamed: set[str] = set()
        """The images that were blamed at any time."""
        self._traffic = Traffic.of(scenario)
        self._policy = ErrorBudgetPolicy.parse(
            {"metadata": {"name": "shop"}, "spec": {"objectives": {"service": "shop"}, "rules": RULES}}
        )
        for workload in dict.fromkeys(rollout.workload for rollout in scenario.rollouts):
            self._deploy(Rollout(workload, f"{workload}:v1", -_SETTLED, takes=0))
        # Two known revisions, so that there is something to roll back to.
        self._look(-_SETTLED, watching=False)

    def run(self) -> set[str]:
        """Which images were blamed at any time."""
        due = sorted(self.scenario.rollouts, key=lambda rollout: rollout.at)
        for second in range(_first(self.scenario), self.scenario.lasts, _POLL):
            while due and due[0].at <= second:
                self._deploy(due.pop(0))
            self._look(second)
        return self.blamed

    def _deploy(self, rollout: Rollout) -> None:
        revision = _revision(rollout.workload, rollout.image, "Rolling" if rollout.takes else "Complete")
        records = of_workload(self.records.values(), "Deployment", rollout.workload)
        record = dict(next_record(revision, records, "shop", ["shop"]))
        name = Key.of(record).name
        record["metadata"] = {
            **record["metadata"],
            "creationTimestamp": rfc3339(START + timedelta(seconds=rollout.at)),
            "uid": name,
        }
        self.records[name] = record

    def _look(self, second: int, *, watching: bool = True) -> None:
        now = START + timedelta(seconds=second)
        figures = self._figures(second) if watching else {}
        readings = {"availability": self._reading(figures)} if figures else {}
        for name in list(self.records):
            self._record(name, readings, second, now)
        if not figures:
            return
        status = self._decide(figures, now)
        self.closed = self.closed or status.decision in ("Hold", "Deny")
        self.blamed |= self.blames_now()

    def blames_now(self) -> set[str]:
        """Which images are blamed as things are."""
        found = blame(list(self.records.values()), {"shop": self._policy.status})
        return {image for each in found for image in each.images}

    def _record(self, name: str, readings: dict[str, SpendingReading], second: int, now: datetime) -> None:
        manifest = self.records[name]
        release = Release.parse(manifest)
        if release.status.closed:
            return
        workload = release.spec.workload.name
        records = of_workload(self.records.values(), "Deployment", workload)
        newest = records[-1]
        observed = Observed(
            workload=_revision(workload, newest["spec"]["images"][0], self._state(newest, second)),
            gone=False,
            later=[Later.of(record) for record in records if sequence(record) > release.spec.sequence],
            readings=readings,
            keep=20,
            max_age=timedelta(days=90),
        )
        status = plan(release, observed, now).status
        manifest["status"] = status.wire()

    def _state(self, record: Manifest, second: int) -> State:
        image, begun = record["spec"]["images"][0], record["metadata"]["creationTimestamp"]
        for rollout in self.scenario.rollouts:
            began = rfc3339(START + timedelta(seconds=rollout.at))
            if (rollout.image, began) == (image, begun) and second < rollout.at + rollout.takes:
                return "Rolling"
        return "Complete"

    def _figures(self, second: int) -> dict[str, float]:
        """Burn rates by window and the budget left, as of the last evaluation."""
        at = second - second % _EVALUATION
        ratios = {window: self._traffic.ratio(at, length) for window, length in _WINDOWS.items()}
        burn = {window: ratio / BUDGET for window, ratio in ratios.items() if ratio is not None}
        lost = self._traffic.bad[at + _SETTLED] - self._traffic.bad[0]
        return {**burn, "left": self.scenario.left - lost / (self.scenario.rate * _MONTH * BUDGET)}

    @staticmethod
    def _reading(figures: dict[str, float]) -> SpendingReading:
        burn = {window: rate for window, rate in figures.items() if window != "left"}
        return SpendingReading.of("Healthy", figures["left"], burn)

    def _decide(self, figures: dict[str, float], now: datetime) -> ErrorBudgetPolicyStatus:
        burn = {window: rate for window, rate in figures.items() if window != "left"}
        reading = BudgetReading("Healthy", figures["left"], burn)
        measured = WatchedObjective("availability", "30d", reading, identity=_OBJECTIVE, in_force=True)
        status = policies.plan(self._policy, policies.Observed([measured], figures_at=now), now).status
        if status.unknown_since is not None:
            raise AssertionError(f"a policy without data closes no gate, and so shows nothing: {status.reason}")
        stored = status.wire()
        self._policy = self._policy.model_copy(update={"status": ErrorBudgetPolicyStatus.model_validate(stored)})
        return self._policy.status


@cache
def _revision(workload: str, image: str, state: State) -> Revision:
    return Revision(
        kind="Deployment",
        key=Key("shop", workload),
        hash=hashlib.sha256(image.encode()).hexdigest()[:10],
        images=(image,),
        state=state,
        number=None,
        pod_hash=None,
        created=START - timedelta(days=90),
        began=None,
        over=None,
        service=None,
        team="",
        change=Change(),
        noted=Change(),
    )
