"""The records of releases as a gate would have found them at a time. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninefold.kube.api import Manifest
from ninefold.kube.fields import number
from ninefold.release.release.resource import Release, went_bad
from ninefold.release.releasegate.known_good.revisions import Good, revision
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import WORKLOADS, Workload, by_repository

_KINDS = frozenset(api.kind for api in WORKLOADS)


@dataclass(frozen=True, slots=True)
class PastRecord:
    """A release: parsed, and as stored."""

    release: Release
    manifest: Manifest
    workload: str
    """"Deployment/checkout"."""
    began: datetime | None
    """When the release went out; None if it ran before records began."""

    @classmethod
    def read(cls, manifest: Manifest) -> PastRecord:
        """Reads a stored Release. Raises Stalled if it is invalid."""
        release = Release.parse(manifest)
        spec, status = release.spec, release.status
        recorded = release.metadata.creation_timestamp if spec.sequence > 1 else None
        return cls(release, manifest, f"{spec.workload.kind}/{spec.workload.name}", status.start or recorded)

    @property
    def is_of_workload(self) -> bool:
        """Whether the release is of a workload; otherwise it is of an object of a delivery tool."""
        return self.release.spec.workload.kind in _KINDS

    @property
    def bad(self) -> bool:
        status = self.release.status
        return went_bad(status.outcome, number(status.suspicion))

    def is_out(self, now: datetime) -> bool:
        """Whether the release had gone out by then."""
        return self.began is None or self.began <= now

    def ran(self, now: datetime) -> bool:
        """Whether its rollout was complete by then."""
        status = self.release.status
        return status.outcome != "Aborted" and (status.end <= now if status.end else self.began is None)

    def edges(self) -> Iterator[datetime]:
        """Yields the times at which the release changed: when it went out, and when its rollout ended."""
        yield from (at for at in (self.began, self.release.status.end) if at)


def under(gate: ReleaseGate, records: Iterable[PastRecord]) -> list[PastRecord]:
    """Returns the records under a gate, in the order in which they went out. A record names one gate and has no labels
    of its workload: a gate that selects by labels covers the records that name it. If there are records of workloads,
    the records of delivery tools are left out: both record the same releases."""
    covered = [record for record in records if _is_under(gate, record)]
    covered = [record for record in covered if record.is_of_workload] or covered
    return sorted(covered, key=lambda record: (record.began is not None, record.began, record.release.spec.sequence))


def _is_under(gate: ReleaseGate, record: PastRecord) -> bool:
    spec, wanted = record.release.spec, gate.spec.workloads
    if record.release.metadata.namespace != gate.metadata.namespace:
        return spec.gate == str(gate.key)
    return (
        spec.gate == gate.metadata.name
        or wanted.scope is not None
        or record.workload in (wanted.names or ())
        or (wanted.service is not None and wanted.service == spec.service)
        or (wanted.team is not None and wanted.team == spec.team)
    )


def running(records: Sequence[PastRecord], now: datetime) -> list[Workload]:
    """Returns what ran at a time: the last release of each workload."""
    last = {record.workload: record for record in records if record.is_of_workload and record.is_out(now)}
    return [
        Workload(name, by_repository(record.release.spec.images), Serving(available=int(record.ran(now))))
        for name, record in last.items()
    ]


def good_before(records: Iterable[PastRecord], begin: datetime, keep: int) -> Good:
    """Returns by workload the revisions that had been rolled out by then and not undone, the newest first: a gate that
    existed then would have learned them."""
    stayed = [
        record
        for record in records
        if (record.began is None or record.began < begin) and record.ran(begin) and not record.bad
    ]
    known: dict[str, list[str]] = {}
    for record in reversed(stayed):
        good, line = known.setdefault(record.workload, []), revision(by_repository(record.release.spec.images))
        if line and line not in good and len(good) < keep:
            good.append(line)
    return {name: "\n".join(lines) for name, lines in known.items() if lines}
