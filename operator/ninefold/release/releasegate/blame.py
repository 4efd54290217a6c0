"""Finds the releases that a closed gate blames, so that a delivery tool aborts these and no innocent release. Pure.

Blame needs evidence: a rule of a budget policy closes the gate because of an objective, the release began at most a day
before that rule became true, its record suspects it of the burn of this objective, and no other release may equally be
the cause (culprit.py). A rollback is never blamed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import zip_longest

from ninefold.kube.api import Manifest
from ninefold.kube.fields import FIRST, moment, number
from ninefold.release.gate.opinion import clock
from ninefold.release.gate.source_budget import closing
from ninefold.release.gate.status import MAX_BLAMED, Blame
from ninefold.release.release.records import of_workload
from ninefold.release.release.resource import SUSPECTED
from ninefold.release.releasegate.culprit import Exposure, culprits
from ninefold.release.workloads.workload import short
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

WITHIN = timedelta(days=1)
"""How long before a rule became true a blamed release may have begun: as long as a record watches the objectives."""


def blame(records: Sequence[Manifest], policies: Mapping[str, ErrorBudgetPolicyStatus | None]) -> list[Blame]:
    """Returns the blamed releases, the newest first. `records` are the stored Releases of the gate's workloads."""
    blamed = [
        _blame(record, objective, records)
        for objective, since in _closing(policies.values()).items()
        for record in _causes(records, objective, since)
    ]
    return sorted({entry.release: entry for entry in blamed}.values(), key=_newest_first)[:MAX_BLAMED]


def _causes(records: Sequence[Manifest], objective: str, since: datetime) -> list[Manifest]:
    """Returns the releases that caused the burn of an objective whose rule has been true since `since`, as far as the
    records show."""
    exposures = [exposure for exposure in _exposures(records, objective) if exposure.start >= since - WITHIN]
    names = {cause.release for cause in culprits(exposures)}
    # The first record of a workload has no predecessor to roll back to, and its revision may have run long before.
    return [record for record in records if record["metadata"]["name"] in names and record["spec"]["sequence"] > 1]


def _exposures(records: Sequence[Manifest], objective: str) -> Iterator[Exposure]:
    """Leaves out rollbacks: a burn seen under a rollback comes from the release that it undoes."""
    workloads = {(spec["kind"], spec["name"]) for spec in (record["spec"]["workload"] for record in records)}
    for kind, name in workloads:
        own = of_workload(records, kind, name)
        for record, following in zip_longest(own, own[1:]):
            if "rollsBackTo" not in record["spec"] and "start" in record.get("status", {}):
                yield _exposure(record, following, objective)


def _exposure(record: Manifest, following: Manifest | None, objective: str) -> Exposure:
    status = record["status"]
    costs: Iterable[Manifest] = status.get("objectives", ())
    cost: Manifest = next((entry for entry in costs if entry["name"] == objective), {})
    return Exposure(
        release=record["metadata"]["name"],
        start=moment(status["start"]) or FIRST,
        end=moment(status.get("end")),
        replaced=_replaced(following) if following else None,
        undone=following is not None and "rollsBackTo" in following["spec"],
        watched=not status.get("closed", False),
        began=moment(cost.get("burnBegan")),
        ended=moment(cost.get("burnEnded")),
        paused=bool(cost.get("burnPaused")),
        suspected=(number(cost.get("suspicion")) or 0) >= SUSPECTED,
    )


def _replaced(following: Manifest) -> datetime | None:
    """When the rollout of the next release was over; if that is not known yet, when it began."""
    return moment(following.get("status", {}).get("end") or following["metadata"]["creationTimestamp"])


def suspected(blamed: Iterable[Blame], objectives: Collection[str], now: datetime) -> str:
    """Returns a sentence that names the release suspected of the loss of these objectives; "" without a suspect."""
    suspect = next((entry for entry in blamed if entry.objective in objectives), None)
    if suspect is None:
        return ""
    what = " and ".join(short(image) for image in suspect.images[:2]) or "a change of configuration"
    return f" The suspect is {what}, released to {suspect.workload} at {clock(suspect.began, now)}."


def _newest_first(blamed: Blame) -> tuple[float, str]:
    return -blamed.began.timestamp(), blamed.release


def _closing(policies: Iterable[ErrorBudgetPolicyStatus | None]) -> dict[str, datetime]:
    """The objectives that close the gate, each with the moment since which the first of its closing rules is true."""
    began: dict[str, datetime] = {}
    for policy in policies:
        for objective in closing(policy) if policy else ():
            since = [rule.since for rule in objective.active if rule.gate in ("Approve", "Hold", "Deny")]
            if since:
                began[objective.name] = min(*since, began.get(objective.name, since[0]))
    return began


def _blame(record: Manifest, objective: str, records: Sequence[Manifest]) -> Blame:
    spec, status = record["spec"], record["status"]
    workload = spec["workload"]
    before = [
        earlier
        for earlier in of_workload(records, workload["kind"], workload["name"])
        if earlier["spec"]["sequence"] < spec["sequence"]
    ]
    # A sidecar that ran before is not the cause, and innocent releases will contain it, too.
    ran = set(before[-1]["spec"].get("images", ())) if before else set()
    return Blame(
        release=record["metadata"]["name"],
        workload=f"{workload['kind']}/{workload['name']}",
        objective=objective,
        began=moment(status["start"]) or FIRST,
        images=[image for image in spec.get("images", ()) if image not in ran],
        hashes=[name for name in (spec["templateHash"], status.get("podHash")) if name],
    )
