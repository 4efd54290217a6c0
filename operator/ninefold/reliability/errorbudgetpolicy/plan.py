"""What an ErrorBudgetPolicy means: from readings of its objectives and its own last status to its next status. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import rfc3339, seconds
from ninefold.kube.plan import Note, Plan, Verdict
from ninefold.reliability.errorbudgetpolicy import words
from ninefold.reliability.errorbudgetpolicy.latch import Reading, is_young, lasting, step
from ninefold.reliability.errorbudgetpolicy.resource import (
    MAX_OBJECTIVES,
    ActiveRule,
    Decision,
    ErrorBudgetPolicy,
    ErrorBudgetPolicySpec,
    ErrorBudgetPolicyStatus,
    ObjectiveState,
    State,
)

_DECISIONS: tuple[Decision, ...] = ("Allow", "Unknown", "Hold", "Deny")
_STATES: tuple[State, ...] = ("Healthy", "Unknown", "Caution", "Exhausted")
_CLOSING = ("Hold", "Deny")

FIRST_ANSWER = timedelta(seconds=2)
"""How often to look while Prometheus has not been asked yet."""


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective that the policy selects. `window` is the SLO's, "30d"; "" where the objective does not exist."""

    name: str
    window: str
    reading: Reading


@dataclass(frozen=True, slots=True)
class Observed:
    """The selected objectives, sorted by name, and how far their figures are to be trusted."""

    objectives: Sequence[Objective]
    asked: bool = True
    """Whether Prometheus has been asked at all since the operator started."""
    figures_at: datetime | None = None
    """When it last answered; None if it did not since the operator started."""
    stale_at: datetime | None = None
    """When the figures will be too old to count, if it does not answer now."""


def plan(policy: ErrorBudgetPolicy, observed: Observed, now: datetime) -> Plan[ErrorBudgetPolicyStatus]:
    """Raises Stalled if more objectives are selected than a status can hold."""
    if len(observed.objectives) > MAX_OBJECTIVES:
        raise Stalled(
            "TooManyObjectives",
            f"The policy selects {len(observed.objectives)} objectives and can watch {MAX_OBJECTIVES}: "
            "select fewer, and write a second policy for the others.",
        )
    if not observed.asked:
        return _unchanged(policy, now)
    before = {state.name: state for state in policy.status.objectives}
    lost = min(observed.figures_at or now, now)
    states = [
        _advance(policy.spec, objective, before.get(objective.name), lost, now) for objective in observed.objectives
    ]
    status = _summary(policy, observed, states, now)
    return Plan(
        status=status,
        ready=_ready(observed, status),
        events=_events(policy.status, status),
        due=_due(policy.spec, states, observed.stale_at, now),
    )


def _unchanged(policy: ErrorBudgetPolicy, now: datetime) -> Plan[ErrorBudgetPolicyStatus]:
    """The first answer of Prometheus is seconds away: a restart alone must not change what the policy says."""
    ready = next((condition for condition in policy.status.conditions if condition.type == "Ready"), None)
    return Plan(
        status=policy.status,
        ready=Verdict(ready.status, ready.reason, ready.message)
        if ready
        else Verdict("Unknown", "Starting", "Prometheus has not been asked yet."),
        due=now + FIRST_ANSWER,
    )


def _advance(
    spec: ErrorBudgetPolicySpec, objective: Objective, before: ObjectiveState | None, lost: datetime, now: datetime
) -> ObjectiveState:
    """One objective, one look further."""
    reading = objective.reading
    held = {rule.rule: rule for rule in before.active} if before else {}
    steps = [step(rule, spec, held.get(str(rule.when)), reading, now) for rule in spec.rules]
    active = [rule for rule in steps if rule is not None]
    known = reading.known and not _unanswered(spec, reading)
    # What is shown is refreshed when a rule begins, recovers or ends, so that figures and state agree.
    shown = before if before and before.active == active else None
    data = reading.data if known or not reading.known else "Unknown"
    return ObjectiveState(
        name=objective.name,
        data=data,
        budget_left=_budget(reading, shown, before),
        burn=_burn(spec, reading, active, shown, before),
        decision=_decision(active, answered=known or (before is not None and before.decision != "Unknown")),
        unknown_since=None if known else (before.unknown_since if before else None) or lost,
        active=active,
    )


def _unanswered(spec: ErrorBudgetPolicySpec, reading: Reading) -> list[str]:
    """Conditions that the readings of an objective with traffic do not answer."""
    if reading.data != "Healthy":
        return []
    missing = {r.when.burn_rate.over for r in spec.rules if r.when.burn_rate} - reading.burn.keys()
    budget = any(r.when.budget_left_below is not None for r in spec.rules) and reading.budget_left is None
    return [*sorted(missing), *(["budget"] if budget else [])]


def _budget(reading: Reading, shown: ObjectiveState | None, before: ObjectiveState | None) -> str | None:
    if reading.budget_left is not None:
        return words.show_budget(reading.budget_left, shown.budget_left if shown else None)
    return before.budget_left if before and not reading.known else None


def _burn(
    spec: ErrorBudgetPolicySpec,
    reading: Reading,
    active: Sequence[ActiveRule],
    shown: ObjectiveState | None,
    before: ObjectiveState | None,
) -> str | None:
    """Over the window of a rule that holds, else one that a rule asks for, else 1h or the shortest there is."""
    held = {rule.rule for rule in active}
    rules = sorted((rule.when for rule in spec.rules if rule.when.burn_rate), key=lambda when: str(when) not in held)
    asked = [when.burn_rate.over for when in rules if when.burn_rate]
    windows = [window for window in (*asked, "1h", *sorted(reading.burn, key=seconds)) if window in reading.burn]
    if windows:
        return words.show_burn(reading.burn[windows[0]], windows[0], shown.burn if shown else None)
    return before.burn if before and not reading.known else None


def _decision(active: Iterable[ActiveRule], *, answered: bool) -> Decision:
    least: Decision = "Allow" if answered else "Unknown"
    return _most_severe([least, *(rule.gate for rule in active if rule.gate)])


def _most_severe(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=_DECISIONS.index)


def _summary(
    policy: ErrorBudgetPolicy, observed: Observed, states: list[ObjectiveState], now: datetime
) -> ErrorBudgetPolicyStatus:
    old = policy.status
    decision = _most_severe(state.decision for state in states) if states else "Unknown"
    state = _state(states)
    unknown = [objective.unknown_since for objective in states if objective.unknown_since]
    budgets = [objective.budget_left for objective in states if objective.budget_left is not None]
    closing = [(s, rule) for s in states for rule in s.active if rule.gate] if decision in _CLOSING else []
    recovering = [rule.recovering_since for _, rule in closing if rule.recovering_since]
    predicted = None
    if closing and len(recovering) == len(closing) and not unknown:
        predicted = max(recovering) + lasting(policy.spec.recovery)
    return ErrorBudgetPolicyStatus(
        state=state,
        decision=decision,
        since=old.since if old.since and old.state == state else now,
        lowest_budget=min(budgets, key=words.percentage, default=None),
        reason=_reason(policy.spec, observed, states)[:1024],
        recovers=_recovers(policy.spec, closing)[:1024],
        predicted_recovery=predicted,
        # Without any objective nothing is known either.
        unknown_since=min(unknown) if states and unknown else None if states else old.unknown_since or now,
        objectives=states,
    )


def _state(states: Sequence[ObjectiveState]) -> State:
    asked: list[State] = [rule.state for objective in states for rule in objective.active]
    never_known = not states or any(objective.decision == "Unknown" for objective in states)
    return max([*asked, "Unknown" if never_known else "Healthy"], key=_STATES.index)


def _severity(objective: ObjectiveState) -> tuple[int, int, float]:
    """Orders objectives by what they ask for, then by how little budget is left."""
    state = max((_STATES.index(rule.state) for rule in objective.active), default=0)
    left = words.percentage(objective.budget_left) if objective.budget_left is not None else 100.0
    return _DECISIONS.index(objective.decision), state, -left


def _reason(spec: ErrorBudgetPolicySpec, observed: Observed, states: Sequence[ObjectiveState]) -> str:
    if not states:
        return "No ServiceLevelObjective of this namespace is selected"
    windows = {objective.name: objective.window for objective in observed.objectives}
    active = sorted((state for state in states if state.active), key=_severity, reverse=True)
    if active:
        others = f" (and {len(active) - 1} more of {len(states)} objectives)" if len(active) > 1 else ""
        sentence = f"{words.standing(active[0], windows[active[0].name])}{others}"
    else:
        sentence = "No rule holds for any objective"
    if young := [objective.name for objective in observed.objectives if is_young(spec, objective.reading)]:
        sentence += (
            f"; the budget of {_and_more(young)} is not judged yet, "
            f"since less than {spec.minimum_coverage} % of its window is measured"
        )
    lost = sorted((state.unknown_since, state.name) for state in states if state.unknown_since)
    if lost:
        sentence += f"; data of {_and_more([name for _, name in lost])} are missing since {rfc3339(lost[0][0])}"
    return sentence


def _and_more(names: Sequence[str]) -> str:
    return f"{names[0]} and {len(names) - 1} more" if names[1:] else names[0]


def _recovers(spec: ErrorBudgetPolicySpec, closing: Sequence[tuple[ObjectiveState, ActiveRule]]) -> str:
    """What must come true for every closing rule of the most severe objective, and how many others must recover."""
    if not closing:
        return ""
    worst = max((objective for objective, _ in closing), key=_severity)
    held = {rule.rule for objective, rule in closing if objective is worst}
    ends = [words.end_of(rule.when, spec.recovery) for rule in spec.rules if str(rule.when) in held and rule.then]
    others = len({objective.name for objective, _ in closing}) - 1
    also = f", and {others} more objective{'s have' if others > 1 else ' has'} recovered" if others else ""
    return f"{' and '.join(dict.fromkeys(ends))}{also}"


def _ready(observed: Observed, status: ErrorBudgetPolicyStatus) -> Verdict:
    if not status.objectives:
        return Verdict(
            "False",
            "NoObjectives",
            "No ServiceLevelObjective of this namespace is selected: create one, or change spec.objectives.",
        )
    if absent := [objective.name for objective in observed.objectives if not objective.window]:
        return Verdict(
            "False",
            "ObjectiveMissing",
            f"There is no ServiceLevelObjective {absent[0]} in this namespace: create it, or change spec.objectives.",
        )
    if status.unknown_since:
        missing = next(objective for objective in status.objectives if objective.unknown_since)
        return Verdict("False", "DataMissing", _why_missing(observed, missing))
    return Verdict("True", "Evaluated", f"{len(status.objectives)} objectives are watched.")


def _why_missing(observed: Observed, state: ObjectiveState) -> str:
    reading = next(objective.reading for objective in observed.objectives if objective.name == state.name)
    if reading.known and reading.burn:
        return (
            f"{state.name} does not record every burn rate that the rules ask for; it records "
            f"{', '.join(sorted(reading.burn, key=seconds))}: choose one of these in burnRate.over."
        )
    return f"There are no data of {state.name}: its own status says why. What was last known stays."


def _events(old: ErrorBudgetPolicyStatus, new: ErrorBudgetPolicyStatus) -> tuple[Note, ...]:
    if old.state == new.state:
        return ()
    return (Note("Normal" if new.state == "Healthy" else "Warning", new.state, f"{new.reason}."),)


def _due(
    spec: ErrorBudgetPolicySpec, states: Iterable[ObjectiveState], stale_at: datetime | None, now: datetime
) -> datetime | None:
    """When the next rule ends if its figure stays good, or figures get too old; new figures come as events."""
    ends = [
        rule.recovering_since + lasting(spec.recovery)
        for objective in states
        for rule in objective.active
        if rule.recovering_since
    ]
    if stale_at is not None and stale_at > now:
        ends.append(stale_at)
    return min(ends, default=None)
