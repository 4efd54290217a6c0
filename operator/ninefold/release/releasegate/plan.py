"""What a ReleaseGate means: from what its sources say to one decision and the sentence that goes with it. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.fields import rfc3339, seconds
from ninefold.kube.plan import Note, Plan, Verdict
from ninefold.release.releasegate.learning import lasting, learn
from ninefold.release.releasegate.resource import (
    Decision,
    FailMode,
    Learning,
    ReleaseGate,
    ReleaseGateSpec,
    ReleaseGateStatus,
)
from ninefold.release.releasegate.workload import Workload, repository, short
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicyStatus, ObjectiveState

_SEVERITY: tuple[Decision, ...] = ("Allow", "Unknown", "Hold", "Deny")
_CLOSED = ("Hold", "Deny")
_NAMED = 3
"""How many images a message names."""


@dataclass(frozen=True, slots=True)
class Observed:
    """The statuses of the policies that the gate names, by name (None: no such policy), and the workloads under it."""

    policies: Mapping[str, ErrorBudgetPolicyStatus | None]
    workloads: Sequence[Workload]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one source says. `unknown_since` is set while it does not know; `stale_at` when it will be too long."""

    decision: Decision
    because: str = ""
    message: str = ""
    until: datetime | None = None
    unknown_since: datetime | None = None
    stale_at: datetime | None = None


def plan(gate: ReleaseGate, observed: Observed, now: datetime) -> Plan[ReleaseGateStatus]:
    """One decision out of those of all sources: the most severe."""
    old, spec = gate.status, gate.spec
    opinions = [_of_policy(name, status, spec.fail_mode, old, now) for name, status in observed.policies.items()]
    decisive = max(opinions, key=lambda opinion: (_SEVERITY.index(opinion.decision), bool(opinion.message)))
    unknown = [opinion.unknown_since for opinion in opinions if opinion.unknown_since]
    decision = decisive.decision
    good, learning = learn(
        spec.known_good, old, observed.workloads, is_open=decision == "Allow" and not unknown, now=now
    )
    status = ReleaseGateStatus(
        decision=decision,
        because=decisive.because[:320],
        message=_message(decisive, opinions, good, observed.workloads)[:2048],
        since=old.since if old.since and old.decision == decision else now,
        until=rfc3339(decisive.until) if decisive.until else None,
        unknown_since=min(unknown, default=None),
        workloads=len(observed.workloads),
        known_good_images=good,
        learning=learning,
    )
    return Plan(
        status=status,
        ready=_ready(observed),
        events=_events(old, status),
        due=_due(spec, opinions, learning),
    )


def _of_policy(
    name: str, status: ErrorBudgetPolicyStatus | None, fail_mode: FailMode, old: ReleaseGateStatus, now: datetime
) -> Opinion:
    """What an ErrorBudgetPolicy says, objective by objective: the data of one may be missing while another is spent."""
    source = f"ErrorBudgetPolicy {name}"
    if status is None or not status.objectives:
        what = f"{source} does not exist" if status is None else f"{source} has no objective to go by"
        lost = (status.unknown_since if status else None) or old.unknown_since or now
        return _unknown(source, what, lost, old.decision, fail_mode, now)
    missing = [objective for objective in status.objectives if objective.unknown_since]
    stale = [objective for objective in missing if now >= _since(objective, now) + _patience(fail_mode)]
    said = _most_severe(objective.decision for objective in status.objectives if objective not in stale)
    since = min((_since(objective, now) for objective in stale or missing), default=None)
    waiting = [_since(objective, now) for objective in missing if objective not in stale]
    stale_at = min(waiting) + _patience(fail_mode) if waiting else None
    # What is known to be spent closes the gate whatever else is missing.
    if since and said not in _CLOSED and (stale or said == "Unknown"):
        return _unknown(source, _no_data(stale or missing), since, said, fail_mode, now)
    if said not in _CLOSED:
        return Opinion(said, unknown_since=since, stale_at=stale_at)
    return Opinion(
        decision=said,
        because=f"{source}: {status.state}",
        message=f"{status.reason}. {_opening(status.recovers, status.predicted_recovery, now)}",
        until=status.predicted_recovery,
        unknown_since=since,
        stale_at=stale_at,
    )


def _unknown(source: str, what: str, since: datetime, said: Decision, fail_mode: FailMode, now: datetime) -> Opinion:
    """Nobody knows: the last word holds for a while, then the fail mode decides."""
    stale_at = since + _patience(fail_mode)
    told = f"{what}, at least since {rfc3339(since)}"
    if now < stale_at:
        later = f"{told}. From {rfc3339(stale_at)} failMode decides: {fail_mode.decision}."
        return Opinion(said, f"{source}: data missing", later, None, since, stale_at)
    text = f"{told}, and after {fail_mode.stale_after} failMode decides {fail_mode.decision}."
    if fail_mode.decision == "Hold":
        text += " It opens when data are back and good."
    return Opinion(fail_mode.decision, f"{source}: data missing", text, None, since, None)


def _since(objective: ObjectiveState, now: datetime) -> datetime:
    return objective.unknown_since or now


def _patience(fail_mode: FailMode) -> timedelta:
    return timedelta(seconds=seconds(fail_mode.stale_after))


def _most_severe(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=_SEVERITY.index, default="Allow")


def _no_data(objectives: Sequence[ObjectiveState]) -> str:
    first, others = objectives[0].name, len(objectives) - 1
    return f"{first} and {others} more have no data" if others else f"{first} has no data"


def _opening(recovers: str, predicted: datetime | None, now: datetime) -> str:
    if predicted is None:
        return f"It opens when {recovers}."
    clock = f"{predicted:%H:%M} UTC" if predicted.date() == now.date() else f"{predicted:%Y-%m-%d %H:%M} UTC"
    return f"Predicted to open {clock}, when {recovers}."


def _message(decisive: Opinion, opinions: Sequence[Opinion], good: Sequence[str], workloads: Sequence[Workload]) -> str:
    """One line for the person who is refused: why, until when, what else, and what passes."""
    if decisive.decision not in _CLOSED:
        return decisive.message
    others = [opinion.because for opinion in opinions if opinion is not decisive and opinion.decision in _CLOSED]
    also = f" Closed by {' and '.join(others)} too." if others else ""
    return f"{decisive.message}{also} {_rollback(good, workloads)}"


def _rollback(good: Sequence[str], workloads: Sequence[Workload]) -> str:
    running = {image for workload in workloads for image in workload.images}
    repositories = {repository(image) for image in running}
    targets = [short(image) for image in good if image not in running and repository(image) in repositories]
    if not targets and running & set(good):
        return "The image that runs is known to be good."
    if not targets:
        return "No image is known to be good to roll back to."
    named = targets[:_NAMED]
    return f"A rollback to {' or '.join(filter(None, (', '.join(named[:-1]), named[-1])))} passes."


def _ready(observed: Observed) -> Verdict:
    if absent := [name for name, status in observed.policies.items() if status is None]:
        return Verdict(
            "False",
            "PolicyMissing",
            f"There is no ErrorBudgetPolicy {absent[0]} in this namespace: create it, or change spec.sources.",
        )
    if not observed.workloads:
        return Verdict(
            "True",
            "NoWorkloads",
            "No Deployment, StatefulSet or DaemonSet of this namespace carries these labels yet.",
        )
    return Verdict("True", "Decided", f"{len(observed.workloads)} workloads are under the gate.")


def _events(old: ReleaseGateStatus, new: ReleaseGateStatus) -> tuple[Note, ...]:
    was, now = old.decision in _CLOSED, new.decision in _CLOSED
    if was == now:
        return ()
    if now:
        return (Note("Warning", "Closed", f"{new.decision}: {new.message}"),)
    return (Note("Normal", "Opened", f"{new.decision}: change of pod templates passes again."),)


def _due(spec: ReleaseGateSpec, opinions: Iterable[Opinion], learning: Iterable[Learning]) -> datetime | None:
    """When data will be missing for too long, or a rollout is known to be good."""
    moments = [opinion.stale_at for opinion in opinions if opinion.stale_at]
    moments += [entry.since + lasting(spec.known_good) for entry in learning]
    return min(moments, default=None)
