"""Outcomes as conditions: decides Ready, Reconciling and Stalled as kstatus reads them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from ninefold.kube.errors import Stalled, Waiting, WriteRefused
from ninefold.kube.model import Condition
from ninefold.kube.plan import Verdict

READY = "Ready"
RECONCILING = "Reconciling"
STALLED = "Stalled"
WRITE_REFUSED = "WriteRefused"
"""The API server refuses a write to, or on behalf of, the object."""
NAME_TAKEN = "NameTaken"
"""A reason of STALLED: another owner's object has the name of a child."""
_FIRST = (STALLED, RECONCILING, READY, WRITE_REFUSED)
# These types are present only while they are true.
_PRESENT_WHEN_TRUE = (RECONCILING, STALLED, WRITE_REFUSED)


def find(conditions: Iterable[Condition], kind: str) -> Condition | None:
    """The condition of a type, such as READY."""
    return next((condition for condition in conditions if condition.type == kind), None)


def reported(conditions: Iterable[Condition], kind: str = READY) -> Verdict | None:
    """The last verdict of a condition; None if the condition was never reported."""
    condition = find(conditions, kind)
    return Verdict(condition.status, condition.reason, condition.message) if condition else None


def of_plan(ready: Verdict, further: Mapping[str, Verdict]) -> dict[str, Verdict]:
    """The conditions of a plan: while Ready is not True, the controller is still reconciling."""
    verdicts = {**further, READY: ready}
    if ready.status != "True":
        verdicts[RECONCILING] = Verdict("True", ready.reason, ready.message)
    return verdicts


def of_error(error: Exception) -> dict[str, Verdict]:
    """The conditions of an error. The text of an unexpected error goes only to the log: a status must not show it."""
    match error:
        case Stalled(reason=reason, message=message):
            return {READY: Verdict("False", reason, message), STALLED: Verdict("True", reason, message)}
        case Waiting(reason=reason, message=message):
            verdict = Verdict("False", reason, message)
        case WriteRefused(message=message):
            verdict = Verdict("False", "Refused", message)
            return {**of_plan(verdict, {}), WRITE_REFUSED: Verdict("True", "Refused", message)}
        case TimeoutError():
            verdict = Verdict(
                "False", "TookTooLong", "The last reconciliation took too long and was stopped; it is repeated."
            )
        case _:
            verdict = Verdict(
                "False", "Failed", "The last attempt failed and is repeated; the operator's log says why."
            )
    return {READY: verdict, RECONCILING: Verdict("True", verdict.reason, verdict.message)}


def merge(
    previous: Iterable[Condition], verdicts: Mapping[str, Verdict], generation: int, now: datetime
) -> list[Condition]:
    """The conditions to store. Types without a verdict stay, except those that are present only while they are
    true."""
    before = {condition.type: condition for condition in previous}
    merged = {kind: condition for kind, condition in before.items() if kind not in _PRESENT_WHEN_TRUE}
    for kind, verdict in verdicts.items():
        old = before.get(kind)
        since = old.last_transition_time if old is not None and old.status == verdict.status else now
        merged[kind] = Condition(
            type=kind,
            status=verdict.status,
            observed_generation=generation,
            last_transition_time=since,
            reason=verdict.reason,
            message=verdict.message[:32768],
        )
    return sorted(merged.values(), key=lambda c: (_FIRST.index(c.type) if c.type in _FIRST else len(_FIRST), c.type))
