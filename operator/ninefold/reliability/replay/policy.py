"""Replays a policy over history: reconciles whenever the operator would have, with the operator's own plan. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import get_args

from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.kube.api import Key, Manifest
from ninefold.reliability.errorbudgetpolicy.evaluation import unanswered
from ninefold.reliability.errorbudgetpolicy.hysteresis import judge
from ninefold.reliability.errorbudgetpolicy.identity import Identities
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective
from ninefold.reliability.errorbudgetpolicy.observe import observed
from ninefold.reliability.errorbudgetpolicy.plan import plan
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicySpec
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus, State, Stay


@dataclass(frozen=True, slots=True)
class ReplayMoment:
    """What a poll of Prometheus would have found: all measurements by slo_id, and the ids whose measurements had moved
    enough to be reported."""

    at: datetime
    figures: Mapping[str, Measurement]
    moved: frozenset[str]


@dataclass(frozen=True, slots=True)
class Said:
    """The status of a policy from a moment on."""

    at: datetime
    status: ErrorBudgetPolicyStatus


class PolicyReplay:
    """One policy, as if it had been created at the first moment. Moments come in order."""

    def __init__(self, policy: ErrorBudgetPolicy, slos: Sequence[Manifest]) -> None:
        """`slos` are the objectives that the policy selects. The present exemption does not apply to the past."""
        spec = policy.spec.model_copy(update={"exempt": None})
        self._policy = policy.model_copy(update={"spec": spec, "status": ErrorBudgetPolicyStatus()})
        self._slos = slos
        self._ids = {str(Key.of(slo)) for slo in slos}
        self._figures: Mapping[str, Measurement] = {}
        self._identities = Identities()
        self._due: datetime | None = None
        self._judged: list[object] = []
        self.states: list[tuple[datetime, State]] = []
        """When the policy entered each state, in order."""

    @property
    def key(self) -> Key:
        return self._policy.key

    def take(self, moment: ReplayMoment) -> Iterator[Said]:
        """Each new status up to and at a moment. Raises Stalled as the plan does."""
        yield from self.pass_until(moment.at)
        self._figures = moment.figures
        if not self.states or self._due == moment.at or not self._ids.isdisjoint(moment.moved):
            yield from self._reconcile(moment.at)

    def pass_until(self, end: datetime) -> Iterator[Said]:
        """Each new status before a moment that follows from the clock alone."""
        while self._due is not None and self._due < end:
            yield from self._reconcile(self._due)

    def _reconcile(self, now: datetime) -> Iterator[Said]:
        snapshot = Snapshot(at=now, reachable=True, error="", by_id=self._figures)
        seen = observed(self._policy, self._slos, snapshot, now, self._identities)
        judged = judgements(self._policy.spec, seen.objectives, now)
        if judged == self._judged and now != self._due:
            return
        planned = plan(self._policy, seen, now)
        self._judged, self._due = judged, planned.due
        if not self.states or self.states[-1][1] != planned.status.state:
            self.states.append((now, planned.status.state))
        if planned.status != self._policy.status:
            self._policy = self._policy.model_copy(update={"status": planned.status})
            yield Said(now, planned.status)


def judgements(spec: ErrorBudgetPolicySpec, objectives: Iterable[WatchedObjective], now: datetime) -> list[object]:
    """Everything that a policy decides by, except the clock, for which the plan has `due`. While it is unchanged, only
    the values for people can change: most reconciliations of a year end here."""
    return [
        (
            objective.reading.data,
            objective.period,
            unanswered(spec, objective),
            [judge(rule.when, spec, objective, now) for rule in spec.rules],
        )
        for objective in objectives
    ]


def stays(states: Sequence[tuple[datetime, State]], begin: datetime, end: datetime) -> list[Stay]:
    """How often the policy entered each state between two moments and how long it stayed, in the order of the
    states."""
    entered, lasted = Counter[State](), Counter[State]()
    for number, (at, state) in enumerate(states):
        last = states[number + 1][0] if number + 1 < len(states) else end
        lasted[state] += max(0, int((min(last, end) - max(at, begin)).total_seconds()))
        entered[state] += begin <= at < end
    every = (Stay(state=state, entered=entered[state], seconds=lasted[state]) for state in get_args(State))
    return [stay for stay in every if stay.seconds]
