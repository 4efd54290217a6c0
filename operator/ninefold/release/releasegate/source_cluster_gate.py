"""The opinions of a ClusterReleaseGate for a gate that names it. Pure."""

from __future__ import annotations

from datetime import datetime

from ninefold.kube.fields import moment, number
from ninefold.release.gate.effective import closures, decision
from ninefold.release.gate.opinion import Opinion
from ninefold.release.gate.source_budget import unknown
from ninefold.release.gate.spec import FailMode
from ninefold.release.gate.status import GateStatus


def of_cluster(
    name: str, status: GateStatus | None, fail_mode: FailMode, old: GateStatus, now: datetime
) -> list[Opinion]:
    """Returns an opinion for each closure of the ClusterReleaseGate, since each ends by itself there, and an opinion
    for the rest of its status. `status` is None if the ClusterReleaseGate does not exist."""
    source = f"ClusterReleaseGate {name}"
    if status is None:
        lost = old.unknown_since or now
        return [unknown(source, f"{source} does not exist", lost, old.decision, fail_mode, now)]
    closed = closures(status, now)
    later = tuple(closure for closure in status.closures if closure.from_ is not None and closure.from_ > now)
    predicted = moment(status.until)
    rest = Opinion(
        decision="Allow" if closed else decision(status, now),
        because="" if closed else status.because,
        message="" if closed else status.message,
        unknown_since=status.unknown_since,
        pace=int(number(status.pace) or 100),
        later=later,
        changes=min((closure.from_ for closure in later if closure.from_), default=None),
    )
    return [
        rest,
        *(
            Opinion(
                decision=closure.decision,
                because=f"{source}: {closure.because}",
                message=closure.message,
                until=closure.until or predicted,
                ends=closure.until,
                approvals=closure.approvals,
                calendar=bool(closure.calendar),
                changes=closure.until,
            )
            for closure in closed
        ),
    ]
