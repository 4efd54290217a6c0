"""A namespace whose objectives people edit, with what Prometheus records of them, and its untouched twin."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from tests.builders.errorbudgetpolicy import policy as policy_of
from tests.reliability.errorbudgetpolicy.life import START, dump

from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.observe import followed
from ninefold.reliability.errorbudgetpolicy.plan import Observed, plan
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus, Identity

TICK = timedelta(minutes=10)
OPEN = ("Allow", "Unknown")


@dataclass(frozen=True)
class Slo:
    """What an editor writes."""

    uid: int
    counts: str = "http"
    target: str = "99"
    window: str = "12h"
    service: str = "checkout"
    suspended: bool = False


@dataclass
class Shop:
    """Objectives, the rules that Prometheus evaluates, and what it has recorded: errors and events by tick."""

    policy: ErrorBudgetPolicy = field(default_factory=policy_of)
    now: datetime = START
    slos: dict[str, Slo] = field(default_factory=dict)
    rules: dict[str, Slo] = field(default_factory=dict)
    recorded: dict[str, dict[int, tuple[float, float]]] = field(default_factory=dict)
    down: bool = False
    ticks: int = 0
    uids: int = 0
    changed_by: str = ""

    def create(self, name: str, **spec: Any) -> None:
        self.uids += 1
        self.slos[name] = Slo(self.uids, **spec)
        self.rules.pop(name, None)

    def edit(self, name: str, **spec: Any) -> None:
        self.slos[name] = replace(self.slos[name], **spec)

    def suspend(self, name: str, suspended: bool = True) -> None:
        self.slos[name] = replace(self.slos[name], suspended=suspended)

    def delete_rules(self, name: str) -> None:
        """Where nobody serves the objective, they stay deleted."""
        self.rules.pop(name, None)

    def delete(self, name: str) -> None:
        """Its rules go with it, whether or not the operator runs."""
        del self.slos[name]
        self.rules.pop(name, None)

    def tick(self, failing: float) -> None:
        """Ten minutes: the operator renews rules, Prometheus evaluates them, the policy is looked at."""
        if not self.down:
            served = {name: slo for name, slo in self.slos.items() if not slo.suspended}
            self.rules = {name: rules for name, rules in self.rules.items() if name in self.slos} | served
        self.ticks, self.now = self.ticks + 1, self.now + TICK
        for name, rules in self.rules.items():
            events = {"http": (100 * failing, 100.0), "up": (0.0, 1e6)}[rules.counts]
            self.recorded.setdefault(name, {})[self.ticks] = events
        self.look()

    def look(self) -> None:
        if self.down:
            return
        planned = plan(self.policy, Observed(self.objectives(), figures_at=self.now), self.now)
        status = ErrorBudgetPolicyStatus.model_validate(dump(planned.status))
        status = status.model_copy(update={"observed_generation": self.policy.metadata.generation})
        self.policy = self.policy.model_copy(update={"status": status})

    def objectives(self) -> list[WatchedObjective]:
        """What the policy observes."""
        wanted = followed(self.policy.status)
        found = [self._objective(name, slo) for name, slo in self.slos.items()]
        return [each for each in found if each.selected or each.name in wanted]

    @property
    def is_open(self) -> bool:
        return self.policy.status.decision in OPEN

    def twin(self) -> Shop:
        return copy.deepcopy(self)

    def _objective(self, name: str, slo: Slo) -> WatchedObjective:
        identity = Identity(
            indicator=slo.counts,
            window=slo.window,
            objective=slo.target,
            objects=str(slo.uid),
            labels=slo.service,
            corrections="",
            suspended=slo.suspended,
        )
        rules = self.rules.get(name)
        return WatchedObjective(
            name,
            slo.window,
            self._reading(name, rules),
            identity=identity,
            in_force=rules == slo,
            changed_by=self.changed_by,
            selected=slo.service == "checkout",
        )

    def _reading(self, name: str, rules: Slo | None) -> BudgetReading:
        if rules is None or self.ticks not in self.recorded.get(name, {}):
            return BudgetReading("Unknown")
        window, promised = seconds(rules.window) // 600, float(rules.target) / 100
        ratio, coverage = self._ratio(name, window)
        burn = self._ratio(name, 6)[0] / (1 - promised)
        return BudgetReading("Healthy", 1 - ratio / (1 - promised), {"1h": burn}, coverage, promised=promised)

    def _ratio(self, name: str, ticks: int) -> tuple[float, float]:
        found = [each for at, each in self.recorded[name].items() if self.ticks - ticks < at <= self.ticks]
        events = sum(each[1] for each in found)
        return sum(each[0] for each in found) / events, len(found) / ticks
