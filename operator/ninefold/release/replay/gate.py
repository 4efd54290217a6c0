"""Replays a gate: from the history of its sources to its decisions, and the releases that it would have stopped.

The operator's own plan decides, and between two reconciliations the status counts as the API server reads it. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from ninefold.kube.api import Key
from ninefold.release.gate.effective import GateVerdict, TemplateChange, closures, decision, judge
from ninefold.release.gate.status import Decision, ReleaseGateStatus
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.replay.history import PastRecord, good_before, running, under
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

Fate = Literal["Passed", "RolledBack", "Created", "Stopped"]


@dataclass(frozen=True, slots=True)
class ReplayedDecision:
    """The decision of a gate from a moment on."""

    at: datetime
    decision: Decision
    because: tuple[str, ...]
    """Which closures close the gate, the most severe first."""
    unknown: bool
    """Whether data were missing."""


@dataclass(frozen=True, slots=True)
class Admission:
    """The beginning of a release, and what the gate would have done with it."""

    record: PastRecord
    at: datetime
    verdict: Fate
    """Stopped; or it passed through an open gate, as a rollback, or as a new workload, which no gate refuses."""
    decision: Decision
    because: tuple[str, ...]


class GateReplay:
    """One gate, as if it had been created when history begins. Call its methods in the order of time."""

    def __init__(
        self, gate: ReleaseGate, policies: Iterable[str], records: Iterable[PastRecord], begin: datetime
    ) -> None:
        """`policies` are the names of the existing policies. A stop by hand of today did not exist in the past, and the
        past decisions of a ClusterReleaseGate are not known here."""
        self._records = under(gate, records)
        sources = [source for source in gate.spec.sources if source.cluster_release_gate is None]
        self._gate = gate.model_copy(
            update={
                "spec": gate.spec.model_copy(update={"stop": None, "sources": sources}),
                "status": ReleaseGateStatus(
                    known_good_revisions=good_before(self._records, begin, gate.spec.known_good.keep)
                ),
            }
        )
        existing = set(policies)
        self._policies: dict[str, ErrorBudgetPolicyStatus | None] = {
            name: ErrorBudgetPolicyStatus() if name in existing else None for name in self.sources
        }
        self._edges = sorted({at for record in self._records for at in record.edges() if at > begin})
        self._due: datetime | None = None
        self.standings: list[ReplayedDecision] = []
        self.admissions: list[Admission] = []
        self._look(begin)

    @property
    def key(self) -> Key:
        return self._gate.key

    @property
    def sources(self) -> list[str]:
        """The names of the policies that are sources of the gate."""
        named = (source.error_budget_policy for source in self._gate.spec.sources)
        return list(dict.fromkeys(name for name in named if name))

    def hear(self, policy: str, status: ErrorBudgetPolicyStatus, now: datetime) -> None:
        """Takes a new status of a policy."""
        if policy in self._policies:
            self.pass_until(now)
            self._policies[policy] = status
            self._look(now)

    def pass_until(self, end: datetime) -> None:
        """Replays up to a moment; until then only releases, freezes and the clock act. Raises Stalled as the plan
        does."""
        while (now := min(self._coming(), default=datetime.max.replace(tzinfo=UTC))) <= end:
            if self._edges[:1] == [now]:
                del self._edges[0]
                for record in self._records:
                    if record.release.status.start == now:
                        self._admit(record, now)
            self._look(now)

    def _coming(self) -> list[datetime]:
        """When the clock or a release causes the next reconciliation."""
        return [*([self._due] if self._due else []), *self._edges[:1]]

    def _admit(self, record: PastRecord, now: datetime) -> None:
        """Judges a release as the API server does, by the status before the release has any effect."""
        status, spec = self._gate.status, record.release.spec
        change = TemplateChange.of_images(record.workload, self._before(record), spec.images, spec.template_hash)
        verdict = judge(status, change, now)
        because = tuple(closure.because for closure in closures(status, now))
        self.admissions.append(Admission(record, now, _fate(record, verdict), verdict.decision, because))

    def _before(self, record: PastRecord) -> Sequence[str]:
        """The images that the workload ran before the release."""
        earlier = [
            other
            for other in self._records
            if other.workload == record.workload and other.release.spec.sequence < record.release.spec.sequence
        ]
        return earlier[-1].release.spec.images if earlier else ()

    def _look(self, now: datetime) -> None:
        out = [record for record in self._records if record.is_out(now)]
        seen = Observed(
            policies=self._policies,
            workloads=running(out, now),
            releases=[record.manifest for record in out if record.is_of_workload],
        )
        planned = plan(self._gate, seen, now)
        self._due = planned.due if planned.due is not None and planned.due > now else None
        status = planned.status
        self._gate = self._gate.model_copy(update={"status": status})
        decided = ReplayedDecision(
            now,
            decision(status, now),
            tuple(dict.fromkeys(closure.because for closure in closures(status, now))),
            status.unknown_since is not None,
        )
        if not self.standings or _content(self.standings[-1]) != _content(decided):
            if self.standings and self.standings[-1].at == now:
                self.standings.pop()
            self.standings.append(decided)


def _fate(record: PastRecord, verdict: GateVerdict) -> Fate:
    if verdict.reason == "open":
        return "Passed"
    if record.release.spec.sequence == 1:
        return "Created"
    return "RolledBack" if verdict.passes else "Stopped"


def _content(decided: ReplayedDecision) -> tuple[object, ...]:
    return decided.decision, decided.because, decided.unknown
