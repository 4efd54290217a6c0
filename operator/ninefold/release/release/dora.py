"""Computes the DORA metrics of services from the records of their releases. Pure.

The definitions are in docs/metrics.md, which must change with them. A value that the records do not show is None.
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
"""The shortest time over which a frequency is meaningful."""
_LATE = timedelta(minutes=5)
"""How long before its record a rollout may have ended and still count as watched: it was quick, or the operator
restarted."""
_ROLLED_OUT = ("Succeeded", "RolledBack")
_IN_PRODUCTION = (*_ROLLED_OUT, "Aborted")


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """The fields of a release that the metrics need."""

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
        """Since when the records are known to be complete, according to this record."""
        if self.end is not None and self.recorded - _LATE <= self.end:
            return min(self.end, self.recorded)
        return self.recorded

    @property
    def failed(self) -> bool:
        return went_bad(self.outcome, self.suspicion)


@dataclass(frozen=True, slots=True, order=True)
class ServiceKey:
    """The service that the metrics belong to. The team is "" if no label names it."""

    namespace: str
    service: str
    team: str


@dataclass(frozen=True, slots=True)
class DoraFigures:
    """The metrics of one service over at most `WINDOW`."""

    since: datetime
    """How far back the records reach, at most to the beginning of the window."""
    deployments: int
    """Releases whose rollout ended since then, except rollbacks and superseded releases."""
    deployments_per_day: float | None
    lead_time: float | None
    """Median seconds from commit to the end of the rollout."""
    lead_times: int
    """How many releases `lead_time` is the median of."""
    change_failure: float | None
    """The share of deployments that failed, 0 to 1."""
    restore: float | None
    """Median seconds from the start of a failed release to the end of the next good rollout."""
    restored: int
    """How many failures `restore` is the median of."""
    rework: float | None
    """The share of all releases, rollbacks too, that followed a failure, 0 to 1."""


def read(manifest: Manifest) -> tuple[ServiceKey, ReleaseRecord]:
    """Reads a stored Release."""
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
    """Returns the metrics of every service that has a record, in the order of their names."""
    grouped: dict[ServiceKey, list[ReleaseRecord]] = defaultdict(list)
    for manifest in manifests:
        service, record = read(manifest)
        grouped[service].append(record)
    return {service: figures(_of_workloads(grouped[service]), now) for service in sorted(grouped)}


def _of_workloads(records: Sequence[ReleaseRecord]) -> Sequence[ReleaseRecord]:
    """Leaves out the records of delivery tools if there are records of workloads: both record the same deployments."""
    return [record for record in records if record.workload.partition("/")[0] not in _TOOLS] or records


def figures(records: Sequence[ReleaseRecord], now: datetime) -> DoraFigures:
    """Returns the metrics of one service. `records` must not be empty."""
    since = max(now - WINDOW, reach(records))
    ended = [record for record in records if record.end and since <= record.end <= now]
    shown = [record for record in ended if record.outcome in _IN_PRODUCTION]
    deployments = [record for record in shown if not record.rollback]
    histories = _histories(records)
    lead = [_seconds(record.committed, record.end) for record in deployments if record.outcome in _ROLLED_OUT]
    leads = [seconds for seconds in lead if seconds is not None and seconds >= 0]
    fixed = [_seconds_to_fix(record, histories[record.workload], now) for record in shown if record.failed]
    restored = [seconds for seconds in fixed if seconds is not None]
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
    """Returns since when the records are complete: since the first record, or, if older records of a workload were
    deleted, since the oldest remaining record of that workload."""
    histories = _histories(records).values()
    cut = [history[0].known for history in histories if history[0].sequence > 1]
    return max([min(history[0].known for history in histories), *cut])


def _histories(records: Sequence[ReleaseRecord]) -> dict[str, list[ReleaseRecord]]:
    """Groups the records by workload, the oldest first."""
    histories: dict[str, list[ReleaseRecord]] = defaultdict(list)
    for record in sorted(records, key=lambda record: record.sequence):
        histories[record.workload].append(record)
    return histories


def _seconds_to_fix(failed: ReleaseRecord, history: Sequence[ReleaseRecord], now: datetime) -> float | None:
    """Returns the seconds until the next good rollout; None if there is none yet, or the start is not known."""
    for record in history:
        rolled_out = record.outcome in _ROLLED_OUT and record.end is not None and record.end <= now
        if record.sequence > failed.sequence and rolled_out and not record.failed:
            return _seconds(failed.start, record.end)
    return None


def _reworks(record: ReleaseRecord, history: Sequence[ReleaseRecord]) -> bool:
    """Whether the release before this one failed; superseded releases do not count."""
    before = [earlier for earlier in history if earlier.sequence < record.sequence and earlier.outcome != "Superseded"]
    return bool(before) and before[-1].failed


def _share(flags: Sequence[bool]) -> float | None:
    return sum(flags) / len(flags) if flags else None


def _seconds(start: datetime | None, end: datetime | None) -> float | None:
    return (end - start).total_seconds() if start and end else None
