"""Plans an ErrorBudgetPolicy: from readings of its objectives and its last status to its next status. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.conditions import reported
from ninefold.kube.fields import percentage
from ninefold.kube.plan import Plan, Verdict
from ninefold.reliability.errorbudgetpolicy import carrying, holding, messages, timeline
from ninefold.reliability.errorbudgetpolicy.evaluation import advance
from ninefold.reliability.errorbudgetpolicy.events import notes
from ninefold.reliability.errorbudgetpolicy.hysteresis import lasting
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective
from ninefold.reliability.errorbudgetpolicy.ranking import CLOSING, STATES, listed, most_severe, remembered
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicySpec, Exempt
from ninefold.reliability.errorbudgetpolicy.status import (
    MAX_WATCHED,
    ActiveRule,
    ErrorBudgetPolicyStatus,
    ObjectiveState,
    State,
)

FIRST_ANSWER = timedelta(seconds=2)
"""How often to reconcile while Prometheus has not been asked yet."""
NEW = timedelta(minutes=10)
"""How long an objective may lack its first measurements before a policy that knows other objectives says so in its
state: until then, the objective counts as new."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The selected objectives, sorted by name, and how far their measurements can be trusted."""

    objectives: Sequence[WatchedObjective]
    asked: bool = True
    """Whether Prometheus has been asked at all since the operator started."""
    figures_at: datetime | None = None
    """When it last answered; None if it has not answered since the operator started."""
    stale_at: datetime | None = None
    """When the measurements become too old to count; set if Prometheus does not answer now."""


def plan(policy: ErrorBudgetPolicy, observed: Observed, now: datetime) -> Plan[ErrorBudgetPolicyStatus]:
    """Watches at most as many objectives as a status can remember; those that it remembers already come first."""
    if not observed.asked:
        return _unchanged(policy, now)
    lost = min(observed.figures_at or now, now)
    edited = policy.metadata.generation != policy.status.observed_generation
    known = remembered(policy.status)
    watched = sorted(observed.objectives, key=lambda objective: (objective.name not in known, objective.name))[
        :MAX_WATCHED
    ]
    seen = carrying.follow(policy.spec, watched, known, now, edited=edited)
    states = carrying.bounded([advance(policy.spec, objective, entry, lost, now) for objective, entry in seen])
    objectives = [objective for objective, _ in seen]
    counting = _counting(policy.status, states, now)
    status = _summary(policy, objectives, states, counting, now)
    windows = {objective.name: objective.window for objective in objectives}
    status = timeline.continued(policy, status, states, windows, now)
    return Plan(
        status=status,
        ready=_too_many(len(observed.objectives)) or messages.ready(policy.spec, objectives, status),
        events=notes(policy.spec.rules, policy.status, status, states),
        due=_due(policy.spec, states, observed.stale_at, now),
    )


def _too_many(count: int) -> Verdict | None:
    if count <= MAX_WATCHED:
        return None
    message = (
        f"The policy selects {count} objectives and watches {MAX_WATCHED} of them: "
        "select fewer, and write a second policy for the others."
    )
    return Verdict("False", "TooManyObjectives", message)


def _unchanged(policy: ErrorBudgetPolicy, now: datetime) -> Plan[ErrorBudgetPolicyStatus]:
    """Keeps the status until the first answer of Prometheus: a restart alone must not change what the policy says."""
    ready = reported(policy.status.conditions)
    return Plan(
        status=policy.status,
        ready=ready or Verdict("Unknown", "Starting", "Prometheus has not been asked yet."),
        due=now + FIRST_ANSWER,
    )


def _counting(old: ErrorBudgetPolicyStatus, states: Sequence[ObjectiveState], now: datetime) -> list[ObjectiveState]:
    """The objectives that state and decision follow from. A new objective without measurements is left out, so that it
    does not turn a policy that knows other objectives to Unknown and back."""
    if old.state == "Unknown" or all(state.decision == "Unknown" for state in states):
        return list(states)
    return [state for state in states if state.decision != "Unknown" or now >= _overdue(state, now)]


def _overdue(state: ObjectiveState, now: datetime) -> datetime:
    return (state.unknown_since or now) + NEW


def _summary(
    policy: ErrorBudgetPolicy,
    objectives: Sequence[WatchedObjective],
    states: list[ObjectiveState],
    counting: list[ObjectiveState],
    now: datetime,
) -> ErrorBudgetPolicyStatus:
    """The status without its timeline."""
    spec, exempt = policy.spec, _in_force(policy.spec.exempt, now)
    shown, others = listed(states, remembered(policy.status))
    decision = most_severe(state.decision for state in counting)
    reason = messages.reason(spec, objectives, states, shown)
    unknown = [objective.unknown_since for objective in states if objective.unknown_since]
    budgets = [objective.budget_left for objective in shown if objective.budget_left is not None]
    closing = [(s, rule) for s in states for rule in s.active if rule.gate] if decision in CLOSING else []
    status = ErrorBudgetPolicyStatus(
        state=_state(counting),
        decision=decision,
        pace=min((rule.pace for s in states for rule in s.active if rule.pace), key=int, default=None),
        watched=len(states),
        lowest_budget=min(budgets, key=percentage, default=None),
        reason=reason[:1024],
        recovers=messages.recovers(spec, closing)[:1024],
        predicted_recovery=None if unknown else _predicted(spec, closing),
        # Without any objective nothing is known either.
        unknown_since=min(unknown) if states and unknown else None if states else policy.status.unknown_since or now,
        objectives=shown,
        others=others,
    )
    if exempt is None:
        return status
    lifted = {"state": "Exempt", "decision": "Allow", "pace": None, "recovers": "", "predicted_recovery": None}
    reason = messages.exempted(
        exempt, decision, [state for state in (*shown, *others) if state.decision in CLOSING], reason
    )
    return status.model_copy(update={**lifted, "reason": reason[:1024]})


def _in_force(exempt: Exempt | None, now: datetime) -> Exempt | None:
    return exempt if exempt and now < exempt.until else None


def _predicted(spec: ErrorBudgetPolicySpec, closing: Sequence[tuple[ObjectiveState, ActiveRule]]) -> datetime | None:
    recovering = [rule.recovering_since for _, rule in closing if rule.recovering_since]
    return max(recovering) + lasting(spec.recovery) if closing and len(recovering) == len(closing) else None


def _state(states: Sequence[ObjectiveState]) -> State:
    asked: list[State] = [rule.state for objective in states for rule in objective.active]
    never_known = not states or any(objective.decision == "Unknown" for objective in states)
    return max([*asked, "Unknown" if never_known else "Healthy"], key=STATES.index)


def _due(
    spec: ErrorBudgetPolicySpec, states: Iterable[ObjectiveState], stale_at: datetime | None, now: datetime
) -> datetime | None:
    """When the next rule ends if its value stays good, when measurements become too old or are overdue, or when an
    exemption ends; new measurements come as events."""
    moments = [stale_at] if stale_at else []
    for state in states:
        moments += [rule.recovering_since + lasting(spec.recovery) for rule in state.active if rule.recovering_since]
        if state.decision == "Unknown":
            moments.append(_overdue(state, now))
        moments += holding.changes(spec, state)
    if spec.exempt:
        moments.append(spec.exempt.until)
    return min((moment for moment in moments if moment > now), default=None)
