"""What a Release says: from how its workload stands and what came after it to its outcome. Pure."""

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
"""How long after its beginning figures still count as those that a release found."""
WATCHED = timedelta(days=1)
"""How long after its end objectives are watched."""


EVIDENCE = timedelta(minutes=10)
"""How long after a release has been undone what it did may still show: the shortest burn rate looks back over five
minutes, and rules, polls and the rollout of the rollback take their time."""


@dataclass(frozen=True, slots=True)
class Later:
    """A newer record of the same workload."""

    name: str
    began: datetime
    rolls_back: bool
    ended: datetime | None = None
    """When its rollout was over; None while it goes on, and where nobody can tell."""

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
    """Where a release stands."""

    workload: Revision | None
    """The revision that its workload has now; None if it cannot be read, or there is none."""
    gone: bool
    """Whether the workload has been deleted."""
    later: Sequence[Later]
    """The newer records of its workload, the oldest first."""
    readings: Mapping[str, SpendingReading]
    """What is measured of the objectives of its gate's policies, by name."""
    keep: int
    """How many records of a workload are kept, and how long."""
    max_age: timedelta


@dataclass(frozen=True, slots=True)
class Course:
    """How a rollout went."""

    outcome: Outcome | None
    start: datetime | None
    end: datetime | None
    undone: datetime | None = None


def plan(release: Release, observed: Observed, now: datetime) -> Plan[ReleaseStatus]:
    """The record as it is to be from now on, or that it is to be dropped."""
    old = release.status
    created = release.metadata.creation_timestamp or now
    last = not observed.later and not observed.gone
    if len(observed.later) >= observed.keep or (not last and now >= created + observed.max_age):
        return Plan(status=old, ready=Verdict("True", "Dropped", "It is too old to be kept."), discard=True)
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
    """The revision of the workload, if it is this very one."""
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
        # Of one that was deleted before anybody looked, nobody knows when.
        return Course("Aborted", old.start, now if old.outcome else None) if rolling else before
    workload = _present(release, observed)
    if workload is None or old.outcome == "Succeeded":
        # What was rolled out stays so: that a pod falls ill, or all are started anew, is no rollout.
        return before
    start = old.start or (_start(release, workload, created) if old.outcome is None else None)
    if workload.state == "Complete":
        return Course("Succeeded", start, _end(release, workload, start, now))
    if workload.state == "GaveUp":
        return Course("Aborted", start, old.end if old.outcome == "Aborted" else now)
    return Course("Progressing", start, None)


def _start(release: Release, workload: Revision, created: datetime) -> datetime | None:
    """When a rollout began that is looked at for the first time; None if it did so unseen."""
    if workload.began is not None:
        return workload.began
    if release.spec.sequence > 1:
        return created if workload.state == "Rolling" else None
    # The first record of a workload that has been there for long: its rollout may have been over for as long.
    return workload.created if workload.created and created - workload.created <= OPENING else None


def _end(release: Release, workload: Revision, start: datetime | None, now: datetime) -> datetime | None:
    """When it was complete: as the workload has it, else now, unless nobody knows how long it has been so."""
    if workload.over is not None and (start is None or workload.over >= start):
        return workload.over
    return now if start is not None or release.spec.sequence > 1 else None


def _is_over(course: Course, observed: Observed, now: datetime) -> bool:
    """Whether there is nothing more to be watched."""
    if course.outcome in (None, "Progressing"):
        return False
    ends = _closing(course, observed)
    return observed.gone or not ends or now >= min(ends)


def _closing(course: Course, observed: Observed) -> list[datetime]:
    """When its objectives are watched no longer, for each reason; none where there is nothing to be watched.

    The next release ends that: what is seen from then on may be its own doing. A rollback is never the cause, so what
    shows under it for a while was done by the release that it undoes.
    """
    if course.start is None or course.end is None:
        return []
    later = observed.later
    ends = [course.end + WATCHED, *(each.began for each in later if not each.rolls_back)]
    if later and later[0].rolls_back:
        ends.append((later[0].ended or later[0].began + EVIDENCE) + EVIDENCE)
    return ends


def _costs(release: Release, course: Course, observed: Observed, *, closed: bool, now: datetime) -> list[ObjectiveCost]:
    """What each objective has lost so far. Of a rollout that nobody saw begin, nobody can tell."""
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
    """The record itself is as it should be whatever became of the release, but for one that is under way."""
    what = f"{release.spec.workload.kind} {release.spec.workload.name}"
    took = f" in {rough((course.end - course.start).total_seconds())}" if course.start and course.end else ""
    match course.outcome:
        case None:
            return Verdict("Unknown", "Waiting", f"{what} has another revision now.")
        case "Progressing":
            return Verdict("Unknown", "Progressing", f"{what} is rolling it out.")
        case "Succeeded":
            sentence = f"{what} rolled it out{took}." if course.end else f"{what} ran it when records began."
        case "RolledBack":
            sentence = f"{observed.later[0].name if observed.later else 'A rollback'} undid it"
            sentence += f" at {rfc3339(course.undone)}." if course.undone else "."
        case "Aborted":
            sentence = f"{what} was deleted." if observed.gone else f"{what} gave up rolling it out{took}."
        case "Superseded":
            sentence = "The next release came before it was complete."
    return Verdict("True", course.outcome, sentence)
