"""What a ClusterReleaseGate says to a gate below it. Pure."""

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
    """One opinion for each thing that closes it: each ends by itself, as above. `status`: None if there is no such."""
    source = f"ClusterReleaseGate {name}"
    if status is None:
        lost = old.unknown_since or now
        return [unknown(source, f"{source} does not exist", lost, old.decision, fail_mode, now)]
    closed = closures(status, now)
    later = tuple(each for each in status.closures if each.from_ is not None and each.from_ > now)
    predicted = moment(status.until)
    rest = Opinion(
        decision="Allow" if closed else decision(status, now),
        because="" if closed else status.because,
        message="" if closed else status.message,
        unknown_since=status.unknown_since,
        pace=int(number(status.pace) or 100),
        later=later,
        changes=min((each.from_ for each in later if each.from_), default=None),
    )
    return [
        rest,
        *(
            Opinion(
                decision=each.decision,
                because=f"{source}: {each.because}",
                message=each.message,
                until=each.until or predicted,
                ends=each.until,
                approvals=each.approvals,
                calendar=bool(each.calendar),
                changes=each.until,
            )
            for each in closed
        ),
    ]
