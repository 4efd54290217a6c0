"""A policy through time, without a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

from ninefold.domain.schedules.calendar import Calendar, period
from ninefold.kube.plan import Note, Plan
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.plan import Observed, plan
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus, Identity, State

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def healthy(left: float, burn: float = 0.5) -> BudgetReading:
    return BudgetReading("Healthy", left, {"1h": burn, "6h": burn})


UNKNOWN = BudgetReading("Unknown")


def existing(objective: WatchedObjective) -> WatchedObjective:
    """Nobody touches it, unless the test says what it is."""
    if objective.identity is not None or not objective.window:
        return objective
    digest = "0123456789abcdef"
    identity = Identity(
        indicator=digest, window=objective.window, objective="99.9", objects=digest, labels=digest, corrections=digest
    )
    return replace(objective, identity=identity)


class Life:
    """A policy through time; every look sees the status that the last one wrote, read back from JSON."""

    def __init__(self, policy: ErrorBudgetPolicy, window: str = "30d", calendar: Calendar | None = None) -> None:
        self.policy = policy
        self.window = window
        self.calendar = calendar
        self.now = START
        self.writes = 0
        self.events: list[Note] = []
        self.transitions: list[tuple[datetime, str]] = []
        """When which state was entered, as Events tell."""

    def look(
        self, reading: BudgetReading | Sequence[WatchedObjective], after: timedelta = MINUTE, **observed: Any
    ) -> Plan[Any]:
        self.now += after
        span = period(self.calendar, self.now) if self.calendar else None
        if isinstance(reading, BudgetReading):
            reading = [WatchedObjective("availability", self.window, reading, span)]
        reading = [existing(objective) for objective in reading]
        result = plan(self.policy, Observed(reading, figures_at=self.now, **observed), self.now)
        self.events += result.events
        self.transitions += [(self.now, note.reason) for note in result.events if note.reason in get_args(State)]
        if result.status != self.policy.status:
            stored = dump(result.status)
            self.writes += stored != dump(self.policy.status)
            status = ErrorBudgetPolicyStatus.model_validate(stored)
            self.policy = self.policy.model_copy(update={"status": status})
        return result

    @property
    def status(self) -> ErrorBudgetPolicyStatus:
        return self.policy.status


def dump(status: ErrorBudgetPolicyStatus) -> dict[str, Any]:
    return status.wire()
