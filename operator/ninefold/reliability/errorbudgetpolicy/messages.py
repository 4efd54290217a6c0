"""Sentences that explain the state of a policy. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ninefold.domain.wording.numbers import and_more
from ninefold.kube.fields import rfc3339, seconds
from ninefold.kube.plan import Verdict
from ninefold.reliability.errorbudgetpolicy import carried_messages, formatting
from ninefold.reliability.errorbudgetpolicy.hysteresis import is_young
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective
from ninefold.reliability.errorbudgetpolicy.ranking import remembered, severity
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec, Exempt
from ninefold.reliability.errorbudgetpolicy.status import (
    ActiveRule,
    Decision,
    ErrorBudgetPolicyStatus,
    ObjectiveState,
    Remembered,
)

_NAMED = 3
"""How many objectives a sentence names."""


def reason(
    spec: ErrorBudgetPolicySpec,
    objectives: Sequence[WatchedObjective],
    states: Sequence[ObjectiveState],
    shown: Sequence[ObjectiveState],
) -> str:
    if not states:
        return "No ServiceLevelObjective of this namespace is selected"
    windows = {objective.name: objective.window for objective in objectives}
    count = sum(bool(state.active) for state in states)
    if count:
        worst = max((state for state in shown if state.active), key=severity)
        others = f" (and {count - 1} more of {len(states)} objectives)" if count > 1 else ""
        sentence = f"{formatting.standing(worst, windows[worst.name])}{others}"
    else:
        sentence = "No rule holds for any objective"
    if held_on := carried_messages.held_on(states, objectives):
        sentence += f"; {held_on}"
    if young := [objective.name for objective in objectives if is_young(spec, objective.reading)]:
        sentence += (
            f"; the budget of {and_more(young)} is not judged yet, "
            f"since less than {spec.minimum_coverage} % of its window is measured"
        )
    if unmeasured := [state.name for state in states if _is_unmeasured(state)]:
        sentence += f"; {and_more(unmeasured)} cannot be measured, as its status says: the last known state stays"
    lost = sorted((state.unknown_since, state.name) for state in states if state.unknown_since)
    if lost:
        sentence += f"; data of {and_more([name for _, name in lost])} are missing since {rfc3339(lost[0][0])}"
    return sentence


def _is_unmeasured(state: ObjectiveState) -> bool:
    """Whether its rules stay active because its values are contested or its recording rules do not run."""
    unknown = state.data not in ("Healthy", "Idle")
    return unknown and bool(state.active) and state.carried is None and state.unknown_since is None


def recovers(spec: ErrorBudgetPolicySpec, closing: Sequence[tuple[ObjectiveState, ActiveRule]]) -> str:
    """What every closing rule of the most severe objective needs to end, and how many other objectives must recover."""
    if not closing:
        return ""
    worst = max((objective for objective, _ in closing), key=severity)
    held = {rule.rule for objective, rule in closing if objective is worst}
    whens = [rule.when for rule in spec.rules if str(rule.when) in held and rule.then and rule.then.gate]
    ends = [formatting.end_of(when, spec.recovery) for when in formatting.last_to_end(whens)]
    if worst.carried is not None:
        measured = f"{' and '.join(dict.fromkeys(ends))}, or " if worst.carried.measured_by else ""
        ends = [f"{measured}{carried_messages.end(worst)}"]
    others = len({objective.name for objective, _ in closing}) - 1
    also = f", and {others} more objective{'s have' if others > 1 else ' has'} recovered" if others else ""
    return f"{' and '.join(dict.fromkeys(ends))}{also}"


def exempted(exempt: Exempt, decision: Decision, closing: Sequence[Remembered], otherwise: str) -> str:
    """The exemption, and the decision that would be in force without it."""
    sentence = f"Exempt until {rfc3339(exempt.until)} ({exempt.reason})"
    if not closing:
        return f"{sentence}. {otherwise}"
    names = [state.name for state in closing]
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return f"{sentence}; otherwise {decision}, because of {', '.join(names[:_NAMED])}{more}: {otherwise}"


def ready(
    spec: ErrorBudgetPolicySpec, objectives: Sequence[WatchedObjective], status: ErrorBudgetPolicyStatus
) -> Verdict:
    if not status.objectives:
        return Verdict(
            "False",
            "NoObjectives",
            "No ServiceLevelObjective of this namespace is selected: create one, or change spec.objectives.",
        )
    if absent := [objective.name for objective in objectives if not objective.window]:
        return Verdict(
            "False",
            "ObjectiveMissing",
            f"There is no ServiceLevelObjective {absent[0]} in this namespace: create it, or change spec.objectives.",
        )
    if status.unknown_since:
        missing = next(name for name, state in remembered(status).items() if state.unknown_since)
        unmeasured = next(objective for objective in objectives if objective.name == missing)
        return Verdict("False", "DataMissing", _why_missing(spec, unmeasured))
    watched = "1 objective" if status.watched == 1 else f"{status.watched} objectives"
    return Verdict("True", "Evaluated", f"The policy watches {watched}.")


def _why_missing(spec: ErrorBudgetPolicySpec, objective: WatchedObjective) -> str:
    name, reading = objective.name, objective.reading
    if not reading.known:
        return f"There are no data of {name}: its own status says why. The last known state stays."
    windows = {window for rule in spec.rules if rule.when.burn_rate for window in rule.when.burn_rate.windows}
    if windows <= reading.burn.keys():
        return f"The error budget of {name} has no value yet. The last known state stays."
    return (
        f"{name} does not record every burn rate that the rules ask for; it records "
        f"{', '.join(sorted(reading.burn, key=seconds)) or 'none'}: choose one of these in burnRate.over and "
        "burnRate.and."
    )
