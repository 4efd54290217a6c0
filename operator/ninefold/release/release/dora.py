"""The DORA figures of services, from the records of their releases. Pure.

The definitions are in docs/metrics.md, which must change with them. What cannot be told is None.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import FIRST, moment, number
from ninefold.release.release.delivered import READS
from ninefold.release.release.resource import went_bad

WINDOW = timedelta(days=30)
_TOOLS = frozenset(api.kind for api in READS)
_SHORTEST = timedelta(days=1)
"""A frequency over less than this says nothing."""
_LATE = timedelta(minutes=5)
"""A rollout that ended this shortly before its record was watched: a quick one, or one during a restart of ours."""
_ROLLED_OUT = ("Succeeded", "RolledBack")
_IN_PRODUCTION = (*_ROLLED_OUT, "Aborted")


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """What the figures need of a release."""

    workload: str
    """"Deployment/checkout"."""
    sequence: int
    recorded: datetime
    outcome: str | None
    start: datetime | None
    end: datetime | None
    suspicion: float | None
    rollback: bool
    committed: datetime | None

    @property
    def known(self) -> datetime:
        """Since when this record says that nothing was missed."""
        if self.end is not None and self.recorded - _LATE <= self.end:
            return min(self.end, self.recorded)
        return self.recorded

    @property
    def failed(self) -> bool:
        return went_bad(self.outcome, self.suspicion)


@dataclass(frozen=True, slots=True, order=True)
class ServiceKey:
    """Whose figures they are. The team is "" where no label names one."""

    namespace: str
    service: str
    team: str


@dataclass(frozen=True, slots=True)
class DoraFigures:
    """The figures of one service over at most `WINDOW`."""

    since: datetime
    """How far back the records reach, at most to the beginning of the window."""
    deployments: int
    """Releases whose rollout ended since then, without rollbacks and those that were superseded."""
    deployments_per_day: float | None
    lead_time: float | None
    """Median seconds from commit to the end of the rollout."""
    lead_times: int
    """How many releases that is the median of."""
    change_failure: float | None
    """The share of deployments that failed, 0 to 1."""
    restore: float | None
    """Median seconds from the start of a release that failed to the end of the next that was rolled out."""
    restored: int
    """How many failures that is the median of."""
    rework: float | None
    """The share of all that was rolled out, rollbacks too, that followed a failure, 0 to 1."""


def read(manifest: Manifest) -> tuple[ServiceKey, ReleaseRecord]:
    """A Release as it is stored."""
    spec, status, key = manifest["spec"], manifest.get("status", {}), Key.of(manifest)
    service = ServiceKey(key.namespace, spec["service"], spec.get("team", ""))
    return service, ReleaseRecord(
        workload=f"{spec['workload']['kind']}/{spec['workload']['name']}",
        sequence=spec["sequence"],
        recorded=moment(manifest["metadata"].get("creationTimestamp")) or FIRST,
        outcome=status.get("outcome"),
        start=moment(status.get("start")),
        end=moment(status.get("end")),
        suspicion=number(status.get("suspicion")),
        rollback="rollsBackTo" in spec,
        committed=moment(spec.get("change", {}).get("commitTime")),
    )


def by_service(manifests: Iterable[Manifest], now: datetime) -> dict[ServiceKey, DoraFigures]:
    """The figures of every service that has a record, in the order of their names."""
    found: dict[ServiceKey, list[ReleaseRecord]] = defaultdict(list)
    for manifest in manifests:
        service, record = read(manifest)
        found[service].append(record)
    return {service: figures(_of_workloads(found[service]), now) for service in sorted(found)}


def _of_workloads(records: Sequence[ReleaseRecord]) -> Sequence[ReleaseRecord]:
    """Where workloads are recorded, what delivered them is no deployment of its own."""
    return [record for record in records if record.workload.partition("/")[0] not in _TOOLS] or records


def figures(records: Sequence[ReleaseRecord], now: datetime) -> DoraFigures:
    """The figures of the service whose records these are, at least one."""
    since = max(now - WINDOW, reach(records))
    ended = [record for record in records if record.end and since <= record.end <= now]
    shown = [record for record in ended if record.outcome in _IN_PRODUCTION]
    deployments = [record for record in shown if not record.rollback]
    histories = _histories(records)
    lead = [_seconds(record.committed, record.end) for record in deployments if record.outcome in _ROLLED_OUT]
    leads = [seconds for seconds in lead if seconds is not None and seconds >= 0]
    mended = [_mended(record, histories[record.workload], now) for record in shown if record.failed]
    restored = [seconds for seconds in mended if seconds is not None]
    days = (now - since) / timedelta(days=1)
    return DoraFigures(
        since=since,
        deployments=len(deployments),
        deployments_per_day=len(deployments) / days if now - since >= _SHORTEST else None,
        lead_time=median(leads) if leads else None,
        lead_times=len(leads),
        change_failure=_share([record.failed for record in deployments]),
        restore=median(restored) if restored else None,
        restored=len(restored),
        rework=_share([_reworks(record, histories[record.workload]) for record in shown]),
    )


def reach(records: Sequence[ReleaseRecord]) -> datetime:
    """Since when records are complete: since the first; where older ones of a workload were dropped, since the oldest
    that is left of it.
    """
    histories = _histories(records).values()
    cut = [history[0].known for history in histories if history[0].sequence > 1]
    return max([min(history[0].known for history in histories), *cut])


def _histories(records: Sequence[ReleaseRecord]) -> dict[str, list[ReleaseRecord]]:
    """By workload, the oldest first."""
    found: dict[str, list[ReleaseRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.sequence):
        found[record.workload].append(record)
    return found


def _mended(failed: ReleaseRecord, history: Sequence[ReleaseRecord], now: datetime) -> float | None:
    """How long it took until another release was rolled out; None if none was yet, or the start is not known."""
    for record in history:
        rolled_out = record.outcome in _ROLLED_OUT and record.end is not None and record.end <= now
        if record.sequence > failed.sequence and rolled_out and not record.failed:
            return _seconds(failed.start, record.end)
    return None


def _reworks(record: ReleaseRecord, history: Sequence[ReleaseRecord]) -> bool:
    """Whether the release before it failed; those that were superseded do not count."""
    before = [one for one in history if one.sequence < record.sequence and one.outcome != "Superseded"]
    return bool(before) and before[-1].failed


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None
