"""What was spent stays spent: how a policy follows an objective that closed gates through deletions and edits. Pure.

While an objective closes gates, the policy holds it to its identity of when it closed them. If the identity changes,
the objective is `Carried`: its rules stay active until everything spent by then has left the window, or until a person
forgives it. A successor that counts the same events can end rules sooner, by its own measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ninefold.domain.schedules.calendar import Calendar, period
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import rfc3339, seconds
from ninefold.reliability.errorbudgetpolicy.hysteresis import lasting
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec
from ninefold.reliability.errorbudgetpolicy.status import (
    MAX_CARRIED,
    Carried,
    Change,
    Identity,
    ObjectiveState,
    Remembered,
)

LAG = timedelta(minutes=10)
"""How long values may lag behind a change: Prometheus loads rules late, and rates reach 5 minutes back."""
_LONGEST = timedelta(days=31)
"""How long an objective is carried if its window is not known."""


def follow(
    spec: ErrorBudgetPolicySpec,
    objectives: Sequence[WatchedObjective],
    before: Mapping[str, Remembered],
    now: datetime,
    *,
    edited: bool,
) -> list[tuple[WatchedObjective, Remembered | None]]:
    """The objectives to evaluate, sorted by name, each with its remembered state: those that the policy selects, and
    those that closed gates.

    `edited`: the policy itself has changed since the last reconciliation, so an objective that it no longer selects
    need not be followed.
    """
    by_name = {objective.name: objective for objective in objectives}
    followed = []
    for name in sorted({*by_name, *(name for name, entry in before.items() if entry.closes)}):
        entry = before.get(name)
        objective = _known(by_name.get(name), name, entry)
        if entry is not None and entry.closes:
            entry = None if edited and _is_let_go(entry, objective) else _next(spec, entry, objective, objectives, now)
        if entry is not None and entry.carried and entry.carried.change == "Renamed":
            objective = by_name[entry.carried.measured_by or ""].standing_for(objective)
        if objective.selected or (entry is not None and entry.closes):
            followed.append((objective, entry))
    return followed


def _known(objective: WatchedObjective | None, name: str, entry: Remembered | None) -> WatchedObjective:
    """The objective; if it does not exist or has no identity, a stand-in with the remembered window."""
    if objective is not None and (objective.identity is not None or entry is None):
        return objective
    window = entry.identity.window.split(" ")[0] if entry and entry.identity else ""
    return WatchedObjective(name, window, BudgetReading("Unknown"), selected=objective is not None)


def _is_let_go(entry: Remembered, objective: WatchedObjective) -> bool:
    """Whether an edit of the policy, not one of the objective, is why the objective is no longer selected."""
    was, present = entry.identity, objective.identity
    if objective.selected or present is None or entry.carried is not None:
        return False
    return was is None or (difference(was, present) is None and was.labels == present.labels)


def difference(was: Identity, present: Identity | None) -> Change | None:
    """How an objective differs from its former identity; None if it does not. Another target is not a difference:
    values can be converted."""
    if present is None:
        return "Gone"
    if was.indicator != present.indicator or (was.suspended and not present.suspended):
        return "Indicator"
    # The operator does not repair the rules of a suspended objective, so a user can stop its measurements.
    if present.suspended and not was.suspended:
        return "Suspended"
    if was.window != present.window:
        return "Window"
    # A user who may write Corrections may change what counts; one who may only relabel an objective may not.
    if was.labels != present.labels and was.corrections != present.corrections:
        return "Corrections"
    return "Remade" if was.objects != present.objects else None


def _next(
    spec: ErrorBudgetPolicySpec,
    entry: Remembered,
    objective: WatchedObjective,
    others: Iterable[WatchedObjective],
    now: datetime,
) -> Remembered | None:
    """The next remembered state of an objective that closes gates; None if it is forgiven, or if it is over."""
    carried, present = entry.carried, objective.identity
    if carried is not None and _is_forgiven(spec, entry.name, carried):
        return None
    if carried is not None and now >= carried.until:
        stays = objective.selected and present is not None
        return entry.model_copy(update={"identity": present, "carried": None}) if stays else None
    if carried is not None and carried.more:
        return entry
    was = entry.identity or present
    change = difference(was, present) if was else "Gone"
    if was is None or present is None or change not in (None, "Remade"):
        return _lost(spec, entry, change or "Gone", objective, others, now)
    same = present.model_copy(update={"objective": was.objective, "suspended": was.suspended})
    if not objective.selected:
        # Keep the labels by which it was selected: they distinguish a change of the objective from one of the policy.
        same = same.model_copy(update={"labels": was.labels})
    if change is None and (carried is None or carried.measured_by or carried.change == "Restored"):
        return entry.model_copy(update={"identity": same})
    return _back(spec, entry, same, objective, now)


def _back(
    spec: ErrorBudgetPolicySpec, entry: Remembered, same: Identity, objective: WatchedObjective, now: datetime
) -> Remembered:
    """An objective of the same name counts the same events again. The time in between was not measured."""
    carried = entry.carried
    if carried is not None and carried.mixed:
        restored = {"change": "Restored", "since": now, "until": _end(spec, entry, same, now)}
        return _with(entry, same, carried.model_copy(update={**restored, "measured_by": None}))
    until = carried.until if carried is not None and _is_open(carried) else _end(spec, entry, same, now)
    measured_by = objective.name if objective.in_force else None
    since = carried.since if carried is not None and carried.change == "Remade" and not measured_by else now
    remade = Carried(
        change="Remade", since=since, until=until, measured_by=measured_by, by=objective.changed_by[:160] or None
    )
    return _with(entry, same, remade)


def _lost(
    spec: ErrorBudgetPolicySpec,
    entry: Remembered,
    change: Change,
    objective: WatchedObjective,
    others: Iterable[WatchedObjective],
    now: datetime,
) -> Remembered:
    """No objective of this name counts the same events any longer; an objective of another name may."""
    carried, was = entry.carried, entry.identity
    others = [] if change == "Suspended" else [other for other in others if other.name != entry.name]
    successor = _successor(was, carried, others)
    mixed = (carried is not None and carried.mixed) or change in ("Indicator", "Corrections")
    until = carried.until if carried is not None and _is_open(carried) else _end(spec, entry, was, now)
    by = objective.changed_by[:160] or None
    if successor is not None and was is not None and successor.identity is not None:
        if carried is not None and carried.measured_by == successor.name and was.objects == successor.identity.objects:
            return entry
        kept = was.model_copy(update={"objects": successor.identity.objects})
        renamed = Carried(change="Renamed", since=now, until=until, measured_by=successor.name, mixed=mixed, by=by)
        return _with(entry, kept, renamed)
    since = carried.since if carried is not None and carried.measured_by is None else now
    by = carried.by if carried is not None and carried.change == change and carried.by else by
    return _with(entry, was, Carried(change=change, since=since, until=until, mixed=mixed, by=by))


def _is_open(carried: Carried) -> bool:
    """Whether the remaining budget has not been measured since the change, so that the end stays the same."""
    return carried.measured_by is None or carried.change == "Renamed"


def _successor(
    was: Identity | None, carried: Carried | None, others: Iterable[WatchedObjective]
) -> WatchedObjective | None:
    """A selected objective that counts the same events; the present successor first, if it still does."""
    candidates = [
        other
        for other in others
        if was is not None
        and other.selected
        and other.in_force
        and other.identity is not None
        and not other.identity.suspended
        and (other.identity.indicator, other.identity.window) == (was.indicator, was.window)
        and other.identity.corrections == was.corrections
    ]
    before = carried.measured_by if carried else None
    return min(candidates, key=lambda other: (other.name != before, other.name), default=None)


def _with(entry: Remembered, identity: Identity | None, carried: Carried | None) -> Remembered:
    return entry.model_copy(update={"identity": identity, "carried": carried})


def _is_forgiven(spec: ErrorBudgetPolicySpec, name: str, carried: Carried) -> bool:
    since = rfc3339(carried.since)
    return any(entry.objective == name and rfc3339(entry.since) == since for entry in spec.forgive)


def _end(spec: ErrorBudgetPolicySpec, entry: Remembered, identity: Identity | None, now: datetime) -> datetime:
    """When all that is spent by now will have left the window, and the budget will have been back for as long as a rule
    takes to end."""
    rest = LAG + lasting(spec.recovery)
    if identity is None:
        return now + _LONGEST + rest
    kind, _, time_zone = identity.window.partition(" ")
    try:
        if not time_zone:
            return now + timedelta(seconds=seconds(identity.window)) + rest
        present = period(Calendar.model_validate({"period": kind, "timeZone": time_zone}), now)
    except (Stalled, ValueError):
        return now + _LONGEST + rest
    about_budget = {str(rule.when) for rule in spec.rules if rule.when.about_budget}
    if all(rule.rule in about_budget for rule in entry.active):
        return present.end + rest
    return now + (present.end - present.start) + rest


def bounded(states: Sequence[ObjectiveState]) -> list[ObjectiveState]:
    """Limits carried objectives to MAX_CARRIED, as many as a status holds. The carried objective that lasts longest
    takes over the rules of those beyond the limit, so that no objective is forgotten early, however many are spent and
    deleted."""
    carried = sorted((state for state in states if state.carried), key=_lasting, reverse=True)
    if len(carried) <= MAX_CARRIED:
        return list(states)
    first, beyond = carried[0], carried[MAX_CARRIED:]
    gone = {state.name for state in beyond}
    rules = {rule.rule: rule for state in (*beyond, first) for rule in state.active}
    assert first.carried is not None  # noqa: S101 - only carried states are sorted
    more = first.carried.more + sum(1 + state.carried.more for state in beyond if state.carried)
    alone = {"change": "Gone", "measured_by": None, "mixed": True, "more": more}
    folded = first.model_copy(
        update={
            "active": list(rules.values()),
            "decision": max((state.decision for state in (first, *beyond)), key=_ORDER.index),
            "carried": first.carried.model_copy(update=alone),
        }
    )
    return [folded if state is first else state for state in states if state.name not in gone]


_ORDER = ("Allow", "Unknown", "Approve", "Hold", "Deny")


def _lasting(state: ObjectiveState) -> tuple[datetime, str]:
    assert state.carried is not None  # noqa: S101 - the callers pass carried states only
    return state.carried.until, state.name
