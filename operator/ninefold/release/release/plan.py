"""Plans a Release: computes its outcome from the state of its workload and the releases after it. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import FIRST, moment, rfc3339, rough
from ninefold.kube.plan import Plan, Verdict
from ninefold.release.release import spending
from ninefold.release.release.resource import MAX_OBJECTIVES, ObjectiveCost, Outcome, Release, ReleaseStatus
from ninefold.release.release.revision import Revision
from ninefold.release.release.spending import SpendingMoment, SpendingReading

OPENING = timedelta(minutes=1)
"""How long after the beginning of a release measurements still count as taken before it."""
WATCHED = timedelta(days=1)
"""How long after the end of a rollout its objectives are watched."""
EVIDENCE = timedelta(minutes=10)
"""How long after a release is undone its effects may still show: the shortest burn rate looks back over five minutes,
and rules, polls and the rollout of the rollback take their time."""


@dataclass(frozen=True, slots=True)
class Later:
    """A newer record of the same workload."""

    name: str
    began: datetime
    rolls_back: bool
    ended: datetime | None = None
    """When its rollout was over; None while it is in progress, or if the time is not known."""

    @classmethod
    def of(cls, record: Manifest) -> Later:
        status = record.get("status", {})
        return cls(
            name=Key.of(record).name,
            began=moment(status.get("start")) or moment(record["metadata"].get("creationTimestamp")) or FIRST,
            rolls_back="rollsBackTo" in record["spec"],
            ended=moment(status.get("end")),
        )


@dataclass(frozen=True, slots=True)
class Observed:
    """The state of a release's workload, of its objectives, and of the releases after it."""

    workload: Revision | None
    """The present revision of the workload; None if the workload does not exist or is malformed."""
    gone: bool
    """Whether the workload has been deleted."""
    later: Sequence[Later]
    """The newer records of the same workload, the oldest first."""
    readings: Mapping[str, SpendingReading]
    """The measurements of the objectives of the gate's policies, by name."""
    keep: int
    """How many records of a workload are kept, and (`max_age`) how long."""
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Course:
    """How a rollout went."""

    outcome: Outcome | None
    start: datetime | None
    end: datetime | None
    undone: datetime | None = None


def plan(release: Release, observed: Observed, now: datetime) -> Plan[ReleaseStatus]:
    """Returns the updated record, or a plan that deletes the record because it is too old."""
    old = release.status
    created = release.metadata.creation_timestamp or now
    last = not observed.later and not observed.gone
    if len(observed.later) >= observed.keep or (not last and now >= created + observed.max_age):
        return Plan(status=old, ready=Verdict("True", "Dropped", "The record is too old to keep."), discard=True)
    present = _present(release, observed)
    course = _course(release, observed, created, now)
    closed = old.closed or _is_over(course, observed, now)
    costs = old.objectives if old.closed else _costs(release, course, observed, closed=closed, now=now)
    status = ReleaseStatus(
        outcome=course.outcome,
        revision=(present.number if present else None) or old.revision,
        pod_hash=(present.pod_hash if present else None) or old.pod_hash,
        start=course.start,
        end=course.end,
        took=rough((course.end - course.start).total_seconds()) if course.start and course.end else None,
        undone=course.undone,
        spent=spending.total(costs),
        suspicion=spending.worst(costs),
        objectives=costs,
        closed=closed,
    )
    moments = [] if closed else _closing(course, observed)
    moments += [] if last else [created + observed.max_age]
    return Plan(status=status, ready=_ready(release, course, observed), due=min(moments, default=None))


def _present(release: Release, observed: Observed) -> Revision | None:
    """Returns the present revision of the workload, if it is the revision of this release."""
    workload = observed.workload
    return workload if workload and not observed.later and workload.hash == release.spec.template_hash else None


def _course(release: Release, observed: Observed, created: datetime, now: datetime) -> Course:
    old = release.status
    before = Course(old.outcome, old.start, old.end, old.undone)
    rolling = old.outcome in (None, "Progressing")
    if observed.later:
        following = observed.later[0]
        end = old.end or (following.began if rolling else None)
        if following.rolls_back:
            return Course("RolledBack", old.start, end, following.began)
        return Course("Superseded", old.start, end) if rolling else before
    if observed.gone:
        # A workload that was deleted before the first reconciliation: the time of its deletion is not known.
        return Course("Aborted", old.start, now if old.outcome else None) if rolling else before
    workload = _present(release, observed)
    if workload is None or old.outcome == "Succeeded":
        # A complete rollout stays complete: a failing pod, or a restart of all pods, is not a rollout.
        return before
    start = old.start or (_start(release, workload, created) if old.outcome is None else None)
    if workload.state == "Complete":
        return Course("Succeeded", start, _end(release, workload, start, now))
    if workload.state == "GaveUp":
        return Course("Aborted", start, old.end if old.outcome == "Aborted" else now)
    return Course("Progressing", start, None)


def _start(release: Release, workload: Revision, created: datetime) -> datetime | None:
    """Returns when a rollout began, at its first reconciliation; None if its beginning was not observed."""
    if workload.began is not None:
        return workload.began
    if release.spec.sequence > 1:
        return created if workload.state == "Rolling" else None
    # The first record of a workload that may have existed for a long time: its rollout may have ended long ago.
    return workload.created if workload.created and created - workload.created <= OPENING else None


def _end(release: Release, workload: Revision, start: datetime | None, now: datetime) -> datetime | None:
    """Returns when the rollout was complete: the time that the workload reports, otherwise now; None if it may have
    been complete for a long time."""
    if workload.over is not None and (start is None or workload.over >= start):
        return workload.over
    return now if start is not None or release.spec.sequence > 1 else None


def _is_over(course: Course, observed: Observed, now: datetime) -> bool:
    """Whether nothing is left to watch."""
    if course.outcome in (None, "Progressing"):
        return False
    ends = _closing(course, observed)
    return observed.gone or not ends or now >= min(ends)


def _closing(course: Course, observed: Observed) -> list[datetime]:
    """Returns for each reason when the record stops watching its objectives; empty if there is nothing to watch.

    The next release ends the watch: it may have caused a burn seen from then on. A rollback is never the cause, so a
    burn that shows under it for a while comes from the release that it undoes.
    """
    if course.start is None or course.end is None:
        return []
    later = observed.later
    ends = [course.end + WATCHED, *(record.began for record in later if not record.rolls_back)]
    if later and later[0].rolls_back:
        ends.append((later[0].ended or later[0].began + EVIDENCE) + EVIDENCE)
    return ends


def _costs(release: Release, course: Course, observed: Observed, *, closed: bool, now: datetime) -> list[ObjectiveCost]:
    """Returns the loss of each objective so far; empty if the beginning of the rollout was not observed."""
    if course.start is None:
        return []
    old = release.status
    moment = SpendingMoment(
        now=now,
        end=course.end,
        opening=now <= course.start + OPENING,
        rolling=old.end is None,
        turning=closed or bool(observed.later) or (old.end is None and course.end is not None),
        replaced=bool(observed.later) and now > observed.later[0].began + OPENING,
        rollback=release.spec.rolls_back_to is not None,
    )
    known = {cost.name: cost for cost in old.objectives}
    names = sorted({*known, *observed.readings})[:MAX_OBJECTIVES]
    return [
        spending.step(known.get(name, ObjectiveCost(name=name)), observed.readings.get(name, SpendingReading()), moment)
        for name in names
    ]


def _ready(release: Release, course: Course, observed: Observed) -> Verdict:
    """The condition Ready: the record is complete whatever the outcome of the release, except while the rollout is in
    progress."""
    what = f"{release.spec.workload.kind} {release.spec.workload.name}"
    took = f" in {rough((course.end - course.start).total_seconds())}" if course.start and course.end else ""
    match course.outcome:
        case None:
            return Verdict("Unknown", "Waiting", f"{what} has another revision now.")
        case "Progressing":
            return Verdict("Unknown", "Progressing", f"{what} is rolling out this release.")
        case "Succeeded":
            sentence = f"{what} rolled out this release{took}."
            if not course.end:
                sentence = f"{what} already ran this release when records began."
        case "RolledBack":
            sentence = f"{observed.later[0].name if observed.later else 'A rollback'} undid this release"
            sentence += f" at {rfc3339(course.undone)}." if course.undone else "."
        case "Aborted":
            sentence = f"{what} was deleted." if observed.gone else f"{what} gave up the rollout{took}."
        case "Superseded":
            sentence = "The next release began before this release was complete."
    return Verdict("True", course.outcome, sentence)
