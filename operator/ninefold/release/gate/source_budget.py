"""An ErrorBudgetPolicy as a source of a gate. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from ninefold.kube.fields import number, rfc3339, seconds
from ninefold.release.gate.opinion import CLOSED, Opinion, clock, most_severe
from ninefold.release.gate.spec import FailMode
from ninefold.release.gate.status import Decision, GateStatus
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus, ObjectiveState


def of_policy(
    name: str, status: ErrorBudgetPolicyStatus | None, fail_mode: FailMode, old: GateStatus, now: datetime
) -> Opinion:
    """Returns the opinion of an ErrorBudgetPolicy. Each objective counts by itself: the data of one may be missing
    while the budget of another is spent."""
    source = f"ErrorBudgetPolicy {name}"
    if status is None or not status.objectives:
        what = f"{source} does not exist" if status is None else f"{source} has no objective"
        lost = (status.unknown_since if status else None) or old.unknown_since or now
        return unknown(source, what, lost, old.decision, fail_mode, now)
    if status.state == "Exempt":
        return Opinion("Allow", exempt=True)
    without = [objective for objective in status.objectives if objective.unknown_since]
    missing = [objective for objective in without if not _passes(objective, fail_mode)]
    stale = [objective for objective in missing if now >= _since(objective, now) + _patience(fail_mode)]
    said = most_severe(_asked(objective) for objective in status.objectives if objective not in stale)
    since = min((_since(objective, now) for objective in stale or missing), default=None)
    waiting = [_since(objective, now) for objective in missing if objective not in stale]
    stale_at = min(waiting) + _patience(fail_mode) if waiting else None
    # A budget known to be spent closes the gate, even while other data are missing.
    if since and said not in CLOSED and (stale or said == "Unknown"):
        return unknown(source, _no_data(stale or missing), since, said, fail_mode, now)
    if said not in CLOSED and without and not missing:
        measured = [objective for objective in status.objectives if not objective.unknown_since]
        since = min(_since(objective, now) for objective in without)
        well = bool(measured) and most_severe(map(_asked, measured)) == "Allow"
        return _unmeasured(source, without, since, well)
    if said not in CLOSED:
        return Opinion(said, unknown_since=since, stale_at=stale_at, pace=int(number(status.pace) or 100))
    approved = any(_needs_approval(objective) for objective in status.objectives if objective not in stale)
    approve = " Until then each change needs the approval of another person, by an Override." if approved else ""
    return Opinion(
        decision=said,
        because=f"{source}: {status.state}",
        message=f"{status.reason}. {_opening(status.recovers, status.predicted_recovery, now)}{approve}",
        until=status.predicted_recovery,
        unknown_since=since,
        stale_at=stale_at,
        pace=int(number(status.pace) or 100),
        approvals=1 if approved else None,
    )


def closing(status: ErrorBudgetPolicyStatus) -> list[ObjectiveState]:
    """The objectives for which a policy closes gates."""
    exempt = status.state == "Exempt"
    return [] if exempt else [objective for objective in status.objectives if _asked(objective) in CLOSED]


def unknown(source: str, what: str, since: datetime, said: Decision, fail_mode: FailMode, now: datetime) -> Opinion:
    """Returns the opinion of a source without data: the last decision holds for a while, then the fail mode decides."""
    stale_at = since + _patience(fail_mode)
    missing = f"{what}, at least since {rfc3339(since)}"
    if now < stale_at:
        later = f"{missing}. From {rfc3339(stale_at)} failMode decides: {fail_mode.decision}."
        return Opinion(said, f"{source}: data missing", later, None, since, stale_at)
    text = f"{missing}, and after {fail_mode.stale_after} failMode decides {fail_mode.decision}."
    if fail_mode.decision == "Hold":
        text += " It opens when data are back and good."
    return Opinion(fail_mode.decision, f"{source}: data missing", text, None, since, None)


def _passes(objective: ObjectiveState, fail_mode: FailMode) -> bool:
    """Whether the objective closes nothing because it has never had any data."""
    return bool(objective.never_measured) and fail_mode.never_measured == "Pass"


def _unmeasured(source: str, objectives: Sequence[ObjectiveState], since: datetime, well: bool) -> Opinion:
    what = f"{objectives[0].name} has never had any data: its condition SeriesFound says why"
    message = f"{what}. Until it has, it closes nothing."
    return Opinion("Unknown", f"{source}: never measured", message, None, since, unmeasured=well)


def _asked(objective: ObjectiveState) -> Decision:
    """The decision that the objective asks for: Approve counts as Hold, since a change waits for its approval."""
    return "Hold" if objective.decision == "Approve" else objective.decision


def _needs_approval(objective: ObjectiveState) -> bool:
    """Whether any active rule of the objective asks for an approval, even if another rule is more severe."""
    return objective.decision == "Approve" or any(rule.gate == "Approve" for rule in objective.active)


def _since(objective: ObjectiveState, now: datetime) -> datetime:
    return objective.unknown_since or now


def _patience(fail_mode: FailMode) -> timedelta:
    return timedelta(seconds=seconds(fail_mode.stale_after))


def _no_data(objectives: Sequence[ObjectiveState]) -> str:
    first, others = objectives[0].name, len(objectives) - 1
    return f"{first} and {others} more have no data" if others else f"{first} has no data"


def _opening(recovers: str, predicted: datetime | None, now: datetime) -> str:
    if predicted is None:
        return f"It opens when {recovers}."
    return f"Predicted to open {clock(predicted, now)}, when {recovers}."
