"""The changes of state and their totals. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import get_args

from ninefold.reliability.errorbudgetpolicy import carried_messages, formatting
from ninefold.reliability.errorbudgetpolicy.ranking import STATES, remembered
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import (
    MAX_TRANSITIONS,
    ErrorBudgetPolicyStatus,
    ObjectiveState,
    State,
    Stay,
    Transition,
)

_LONGEST_REASON = 512


def continued(
    policy: ErrorBudgetPolicy,
    new: ErrorBudgetPolicyStatus,
    states: Sequence[ObjectiveState],
    windows: Mapping[str, str],
    now: datetime,
) -> ErrorBudgetPolicyStatus:
    """The new status with the timeline of the old one, and an entry if the state has changed.

    An objective that is newly carried, or forgiven, adds an entry even if it changes no state.
    """
    old = policy.status
    before = list(remembered(old).values())
    acts = [*carried_messages.forgiven(policy.spec, before), *carried_messages.news(before, states)]
    kept: dict[str, object] = {"transitions": old.transitions, "totals": old.totals, "since": old.since or now}
    if old.state == new.state and not acts:
        return new.model_copy(update=kept)
    why = "; ".join(acts) or _why(old, new, states, windows)
    change = Transition(at=now, from_=old.state, to=new.state, reason=why[:_LONGEST_REASON])
    kept["transitions"] = [change, *old.transitions][:MAX_TRANSITIONS]
    if old.state == new.state:
        return new.model_copy(update=kept)
    return new.model_copy(
        update={
            **kept,
            "totals": _totals(old, new.state, now),
            "since": now,
        }
    )


def _totals(old: ErrorBudgetPolicyStatus, entered: State, now: datetime) -> list[Stay]:
    """The totals in the order of the states, without states that never were."""
    lasted = max(0, int((now - old.since).total_seconds())) if old.since else 0
    before = {stay.state: stay for stay in old.totals}
    totals = []
    for state in get_args(State):
        stay = before.get(state, Stay(state=state))
        stay = Stay(
            state=state,
            entered=stay.entered + (state == entered),
            seconds=stay.seconds + (lasted if state == old.state else 0),
        )
        if stay.entered or stay.seconds:
            totals.append(stay)
    return totals


def _why(
    old: ErrorBudgetPolicyStatus,
    new: ErrorBudgetPolicyStatus,
    states: Sequence[ObjectiveState],
    windows: Mapping[str, str],
) -> str:
    """The reason of a transition: the rule that began, or the rule that ended and the value that ended it."""
    if "Exempt" in (old.state, new.state):
        over = "" if new.state == "Exempt" else "The exemption is over; "
        return f"{over}{new.reason}"
    if STATES.index(new.state) > STATES.index(old.state):
        return new.reason
    active = {(state.name, rule.rule) for state in states for rule in state.active}
    ended = [
        (name, rule.rule)
        for name, objective in remembered(old).items()
        for rule in objective.active
        if (name, rule.rule) not in active
    ]
    by_name = {state.name: state for state in states}
    for name, rule in ended:
        if name in by_name:
            more = f" (and {len(ended) - 1} more)" if len(ended) > 1 else ""
            return f"{rule} has ended{more}: {formatting.standing(by_name[name], windows[name])}"
    return new.reason
