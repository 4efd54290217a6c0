"""What became of objectives that were spent, in sentences. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ninefold.kube.fields import rfc3339
from ninefold.reliability.errorbudgetpolicy.holding import is_weaker
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicySpec
from ninefold.reliability.errorbudgetpolicy.status import Carried, Change, Remembered

_CHANGES: dict[Change, str] = {
    "Gone": "does not exist any more",
    "Indicator": "counts something else",
    "Window": "has another window",
    "Corrections": "was moved under other Corrections",
    "Suspended": "is suspended, so that nobody keeps its rules",
    "Remade": "was deleted and created again, or suspended for a while",
    "Renamed": "does not exist any more, and {} counts the same",
    "Restored": "counts again what it did, after something else",
}


def held_on(states: Sequence[Remembered], objectives: Iterable[WatchedObjective]) -> str:
    """Why gates are still held to an objective that is not what it was; "" if there is none."""
    carried = [(state.name, state.carried) for state in states if state.carried]
    if carried:
        name, first = min(carried, key=lambda each: (each[1].since, each[0]))
        count = len(carried) - 1 + sum(each.more for _, each in carried)
        more = f" (and {count} more)" if count else ""
        gaps = ", and time that nobody measured counts as failed" if _counts_gaps(first) else ""
        return f"{changed(name, first)}{more}; what it had spent stays spent{gaps}"
    by_name = {objective.name: objective for objective in objectives}
    for state in states:
        objective = by_name.get(state.name)
        if objective and state.closes and state.identity and is_weaker(state.identity, objective):
            return f"{state.name} is held to the {state.identity.objective} % of when it closed gates{_by(objective)}"
        if objective and state.closes and not objective.selected:
            return f"{state.name} is still followed, though it is not selected any more{_by(objective)}"
    return ""


def _counts_gaps(carried: Carried) -> bool:
    """Whether the budget that is shown is less than the one of the objective, whose rules know of no gap."""
    return carried.change == "Remade" and carried.measured_by is not None


def _by(objective: WatchedObjective) -> str:
    return f" (last changed by {objective.changed_by}, as its field managers say)" if objective.changed_by else ""


def changed(name: str, carried: Carried) -> str:
    """A clause: "checkout counts something else, last changed by kubectl-edit at …, as its field managers say"."""
    by = f", last changed by {carried.by}, as its field managers say" if carried.by else ""
    what = _CHANGES[carried.change].format(carried.measured_by)
    return f"{name} {what} (seen {rfc3339(carried.since)}{by})"


def end(state: Remembered) -> str:
    """What ends it: "what right had spent has left its window at …, or is forgiven (…)"."""
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
    """Who has forgiven what of the carried ones."""
    wanted = {(each.objective, rfc3339(each.since)): each for each in spec.forgive}
    found = []
    for state in before:
        each = wanted.get((state.name, rfc3339(state.carried.since))) if state.carried else None
        if each is not None:
            found.append(f"{each.by} has forgiven what {state.name} had spent: {each.reason}")
    return found


def news(before: Iterable[Remembered], after: Iterable[Remembered]) -> list[str]:
    """What became of which objective since the last look."""
    known = {(state.name, state.carried.change) for state in before if state.carried}
    return [
        f"{changed(state.name, state.carried)}; what it had spent stays spent"
        for state in after
        if state.carried and (state.name, state.carried.change) not in known
    ]
