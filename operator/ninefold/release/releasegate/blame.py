"""Which releases a closed gate blames, so that a delivery tool aborts these and no innocent ones. Pure.

Blame takes evidence: a rule of a budget policy closes the gate on account of an objective, the release began at most a
day before that rule began to hold, and its record suspects it for the burn of this very objective.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from ninefold.kube.api import Manifest
from ninefold.release.release.records import of_workload
from ninefold.release.release.resource import SUSPECTED
from ninefold.release.releasegate.budget import closing
from ninefold.release.releasegate.opinion import clock
from ninefold.release.releasegate.resource import MAX_BLAMED, Blame
from ninefold.release.releasegate.workload import short
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicyStatus

WITHIN = timedelta(days=1)
"""How long before a rule began to hold a release may have begun: as long as a record watches the objectives."""


def blame(records: Sequence[Manifest], policies: Mapping[str, ErrorBudgetPolicyStatus | None]) -> list[Blame]:
    """The newest first. `records` are the Releases of the gate's workloads, as they are stored."""
    since = _closing(policies.values())
    found = [
        _blame(record, objective, records)
        for record in records
        for objective, began in since.items()
        if _suspected(record, objective, began)
    ]
    return sorted({each.release: each for each in found}.values(), key=_newest_first)[:MAX_BLAMED]


def suspected(blamed: Iterable[Blame], objectives: Collection[str], now: datetime) -> str:
    """Who is suspected for what these objectives lost, as a sentence; "" for nobody."""
    suspect = next((each for each in blamed if each.objective in objectives), None)
    if suspect is None:
        return ""
    what = " and ".join(short(image) for image in suspect.images[:2]) or "a change of configuration"
    return f" Suspected is {what}, released to {suspect.workload} at {clock(suspect.began, now)}."


def _newest_first(blamed: Blame) -> tuple[float, str]:
    return -blamed.began.timestamp(), blamed.release


def _closing(policies: Iterable[ErrorBudgetPolicyStatus | None]) -> dict[str, datetime]:
    """The objectives that close the gate, and since when the first rule that does so holds for each."""
    found: dict[str, datetime] = {}
    for policy in policies:
        for objective in closing(policy) if policy else ():
            since = [rule.since for rule in objective.active if rule.gate in ("Approve", "Hold", "Deny")]
            if since:
                found[objective.name] = min(*since, found.get(objective.name, since[0]))
    return found


def _suspected(record: Manifest, objective: str, since: datetime) -> bool:
    status = record.get("status", {})
    costs = (cost for cost in status.get("objectives", ()) if cost["name"] == objective)
    if not any(float(cost.get("suspicion", 0)) >= SUSPECTED for cost in costs):
        return False
    return "start" in status and datetime.fromisoformat(status["start"]) >= since - WITHIN


def _blame(record: Manifest, objective: str, records: Sequence[Manifest]) -> Blame:
    spec, status = record["spec"], record["status"]
    workload = spec["workload"]
    before = [
        each
        for each in of_workload(records, workload["kind"], workload["name"])
        if each["spec"]["sequence"] < spec["sequence"]
    ]
    # A sidecar that ran before has not done it, and an innocent release will have it too.
    ran = set(before[-1]["spec"].get("images", ())) if before else set()
    return Blame(
        release=record["metadata"]["name"],
        workload=f"{workload['kind']}/{workload['name']}",
        objective=objective,
        began=datetime.fromisoformat(status["start"]),
        images=[image for image in spec.get("images", ()) if image not in ran],
        hashes=[each for each in (spec["templateHash"], status.get("podHash")) if each],
    )
