"""Which objectives a status lists, and what it keeps of the others. Pure.

A policy may watch more objectives than people read about. The listed objectives are enough to decide by: objectives
that close gates come first, and objectives without data before those that are well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ninefold.domain.wording.dead_bands import BUDGET
from ninefold.kube.fields import percentage
from ninefold.reliability.errorbudgetpolicy.status import (
    MAX_LISTED,
    Decision,
    ErrorBudgetPolicyStatus,
    ObjectiveState,
    Remembered,
    State,
)

DECISIONS: tuple[Decision, ...] = ("Allow", "Unknown", "Approve", "Hold", "Deny")
STATES: tuple[State, ...] = ("Healthy", "Unknown", "Caution", "Exhausted")
"""From the least to the most severe; Exempt overrides all of them."""
CLOSING = ("Approve", "Hold", "Deny")


def remembered(status: ErrorBudgetPolicyStatus) -> dict[str, Remembered]:
    """What the last reconciliation knew, by objective; an ObjectiveState for each objective that was listed."""
    return {state.name: state for state in (*status.objectives, *status.others)}


def listed(
    states: Sequence[ObjectiveState], before: Mapping[str, Remembered]
) -> tuple[list[ObjectiveState], list[Remembered]]:
    """The objectives to list, in order, and as much of the others as the next reconciliation needs, by name.

    An unlisted objective replaces a listed one only if its remaining budget is lower by more than the dead band.
    """
    ordered = sorted(states, key=lambda state: _rank(state, isinstance(before.get(state.name), ObjectiveState)))
    others = sorted(ordered[MAX_LISTED:], key=lambda state: state.name)
    return ordered[:MAX_LISTED], [
        Remembered(
            name=s.name,
            decision=s.decision,
            unknown_since=s.unknown_since,
            never_measured=s.never_measured,
            active=s.active,
            identity=s.identity,
            carried=s.carried,
        )
        for s in others
    ]


def most_severe(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=DECISIONS.index, default="Unknown")


def severity(objective: ObjectiveState) -> tuple[int, int, float]:
    """A sort key: first what an objective asks for, then how little of its budget is left."""
    state = max((STATES.index(rule.state) for rule in objective.active), default=0)
    return DECISIONS.index(objective.decision), state, -_left(objective)


def _rank(objective: ObjectiveState, was_listed: bool) -> tuple[bool, bool, bool, bool, int, int, float, str]:
    """A sort key: objectives that close gates and are known, that close gates and are not known, other unknown ones,
    with
    rules that hold, then by severity and by the remaining budget.

    A budget that is known to be spent keeps a gate closed whatever data are missing, so it must never be crowded out.
    """
    closing, missing = objective.decision in CLOSING, objective.unknown_since is not None
    decision, state, _ = severity(objective)
    left = _left(objective) + (0 if was_listed else BUDGET)
    return not closing, closing and missing, not missing, not objective.active, -decision, -state, left, objective.name


def _left(objective: ObjectiveState) -> float:
    return percentage(objective.budget_left) if objective.budget_left is not None else 100.0
