"""Sentences about objectives that were deleted or changed after they had closed gates. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ninefold.kube.fields import rfc3339
from ninefold.reliability.errorbudgetpolicy.holding import is_weaker
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec
from ninefold.reliability.errorbudgetpolicy.status import Carried, Change, Remembered

_CHANGES: dict[Change, str] = {
    "Gone": "no longer exists",
    "Indicator": "counts other events",
    "Window": "has another window",
    "Corrections": "was relabelled so that other Corrections apply",
    "Suspended": "is suspended, so that the operator does not maintain its rules",
    "Remade": "was deleted and created again, or suspended for a while",
    "Renamed": "no longer exists, and {} counts the same events",
    "Restored": "counts the same events as before, after a time in which it counted others",
}


def held_on(states: Sequence[Remembered], objectives: Iterable[WatchedObjective]) -> str:
    """Why gates still depend on an objective that was deleted, changed or deselected; "" if there is none."""
    carried = [(state.name, state.carried) for state in states if state.carried]
    if carried:
        name, first = min(carried, key=lambda entry: (entry[1].since, entry[0]))
        count = len(carried) - 1 + sum(entry.more for _, entry in carried)
        more = f" (and {count} more)" if count else ""
        gaps = ", and time without measurements counts as failed" if _counts_gaps(first) else ""
        return f"{changed(name, first)}{more}; what it had spent stays spent{gaps}"
    by_name = {objective.name: objective for objective in objectives}
    for state in states:
        objective = by_name.get(state.name)
        if objective and state.closes and state.identity and is_weaker(state.identity, objective):
            return (
                f"{state.name} is held to {state.identity.objective} %, "
                f"its objective when it closed gates{_by(objective)}"
            )
        if objective and state.closes and not objective.selected:
            return f"{state.name} is still followed, although it is no longer selected{_by(objective)}"
    return ""


def _counts_gaps(carried: Carried) -> bool:
    """Whether the shown budget is less than the objective's own: the objective's rules do not account for the gap."""
    return carried.change == "Remade" and carried.measured_by is not None


def _by(objective: WatchedObjective) -> str:
    return f" (last changed by {objective.changed_by}, as its field managers say)" if objective.changed_by else ""


def changed(name: str, carried: Carried) -> str:
    """A clause: "checkout counts other events (seen …, last changed by …, as its field managers say)"."""
    by = f", last changed by {carried.by}, as its field managers say" if carried.by else ""
    change = _CHANGES[carried.change].format(carried.measured_by)
    return f"{name} {change} (seen {rfc3339(carried.since)}{by})"


def end(state: Remembered) -> str:
    """What ends a carried objective: "what right had spent has left its window on …, or a user … forgives it: …"."""
    carried = state.carried
    if carried is None:
        return ""
    since = rfc3339(carried.since)
    return (
        f"what {state.name} had spent has left its window on {rfc3339(carried.until)}, or a user who may override "
        "gates forgives it: ninefold policy forgive, or spec.forgive of the policy, objective "
        f"{state.name}, since {since}"
    )


def forgiven(spec: ErrorBudgetPolicySpec, before: Iterable[Remembered]) -> list[str]:
    """A sentence for each carried objective that spec.forgive names: who forgave it, and why."""
    entries = {(entry.objective, rfc3339(entry.since)): entry for entry in spec.forgive}
    sentences = []
    for state in before:
        entry = entries.get((state.name, rfc3339(state.carried.since))) if state.carried else None
        if entry is not None:
            sentences.append(f"{entry.by} has forgiven what {state.name} had spent: {entry.reason}")
    return sentences


def news(before: Iterable[Remembered], after: Iterable[Remembered]) -> list[str]:
    """A sentence for each objective that is newly carried, or carried for another reason than before."""
    known = {(state.name, state.carried.change) for state in before if state.carried}
    return [
        f"{changed(state.name, state.carried)}; what it had spent stays spent"
        for state in after
        if state.carried and (state.name, state.carried.change) not in known
    ]
