"""Which objectives a status lists, and what is kept of the others. Pure.

A policy may watch more objectives than people read about. Those that are listed are enough to decide by: what closes
gates stands first, and what is missing before what is well.
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
"""From the least to the most severe; Exempt stands above them all."""
CLOSING = ("Approve", "Hold", "Deny")


def remembered(status: ErrorBudgetPolicyStatus) -> dict[str, Remembered]:
    """What the last look knew, by objective; an ObjectiveState for those whose figures were shown."""
    return {state.name: state for state in (*status.objectives, *status.others)}


def listed(
    states: Sequence[ObjectiveState], before: Mapping[str, Remembered]
) -> tuple[list[ObjectiveState], list[Remembered]]:
    """Those to list, in order, and as much of the others as is needed to go on, by name.

    One that was not listed takes the place of one that was only if its budget is less by more than noise.
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
    """Orders objectives by what they ask for, then by how little budget is left."""
    state = max((STATES.index(rule.state) for rule in objective.active), default=0)
    return DECISIONS.index(objective.decision), state, -_left(objective)


def _rank(objective: ObjectiveState, was_listed: bool) -> tuple[bool, bool, bool, bool, int, int, float, str]:
    """What closes gates and is known, what closes them and is not, what else is not known, what holds, what is left.

    What is known to be spent keeps a gate closed whatever else is missing, so it must never be crowded out.
    """
    closing, missing = objective.decision in CLOSING, objective.unknown_since is not None
    decision, state, _ = severity(objective)
    left = _left(objective) + (0 if was_listed else BUDGET)
    return not closing, closing and missing, not missing, not objective.active, -decision, -state, left, objective.name


def _left(objective: ObjectiveState) -> float:
    return percentage(objective.budget_left) if objective.budget_left is not None else 100.0
