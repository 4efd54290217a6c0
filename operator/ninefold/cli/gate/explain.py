"""`ninefold gate explain`: why a gate is open or closed, since when and until when, and what passes."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

from ninefold.cli.gate.actions import answer
from ninefold.cli.gate.client import Desk, Gate
from ninefold.cli.shared import liveness
from ninefold.cli.shared.liveness import Life
from ninefold.cli.shared.table import number_of
from ninefold.kube import conditions
from ninefold.kube.conditions import READY
from ninefold.kube.fields import rfc3339, rough
from ninefold.release.clusterreleasegate.keeping import key_of
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.gate.effective import ImagesAsked, closures, decision, in_force, message
from ninefold.release.gate.opinion import CLOSED
from ninefold.release.gate.status import OverrideInForce
from ninefold.release.override.resource import Override
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.workload import short
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

_NAMED = 5
"""The most namespaces that are named."""


async def explain(desk: Desk, options: argparse.Namespace) -> int:
    gate, now = await desk.gate(options.name), datetime.now(UTC)
    policies = await desk.policies(gate)
    suspects = await _suspects(desk, gate) if isinstance(gate, ReleaseGate) else []
    gateless = await desk.gateless(gate) if isinstance(gate, ClusterReleaseGate) else []
    kept = [other for other in await desk.kept() if other.key != gate.key]
    pending = await desk.pending(gate)
    life = await liveness.life(desk.cluster, options.operator_namespace)
    stopped = [other for other in kept if decision(other.status, now) in CLOSED and other.spec.mode == "Enforce"]
    if options.json:
        whole = {
            **answer(gate, ImagesAsked(()), now, life),
            "policies": {name: _with_figures(policy) for name, policy in policies.items()},
            "suspected": [_in_numbers(_record(suspect)) for suspect in suspects],
        }
        whole["above"] = [answer(other, ImagesAsked(()), now, life) for other in stopped]
        whole["overrides"] = [_override(given) for given in _given(gate, now)]
        whole["pending"] = [_pending(override) for override in pending]
        if isinstance(gate, ClusterReleaseGate):
            whole["gateless"] = gateless
        print(json.dumps(whole, indent=2, ensure_ascii=False))
    else:
        lines = [
            *_explained(gate, policies, suspects, gateless, pending, now),
            *_aged(life),
            *(_stopped(other, now) for other in stopped),
        ]
        print("\n".join(lines))
    return 0


def _with_figures(policy: ErrorBudgetPolicyStatus) -> dict[str, Any]:
    """The status as stored, and next to the fields of each objective its measurements as numbers."""
    status: dict[str, Any] = policy.model_dump(mode="json", by_alias=True)
    for objective in status["objectives"]:
        figures = {name: number_of(objective.get(name)) for name in ("budgetLeft", "burn")}
        objective["figures"] = {name: number for name, number in figures.items() if number is not None}
    return status


def _in_numbers(record: dict[str, Any]) -> dict[str, Any]:
    """The record with numbers: the spent percentage of the budget, and the suspicion from 0 to 1."""
    return {**record, **{name: number_of(record[name]) for name in ("spent", "suspicion")}}


def _stopped(kept: ReleaseGate, now: datetime) -> str:
    return (
        f"{kept.key}, which applies to the whole namespace: {decision(kept.status, now)}: {message(kept.status, now)}"
    )


async def _suspects(desk: Desk, gate: ReleaseGate) -> list[Release]:
    """The records of the releases that the gate blames."""
    blamed = {blame.release for blame in gate.status.blamed}
    records = await desk.cluster.list(Release.api, namespace=desk.namespace) if blamed else []
    return [Release.parse(record) for record in records if record["metadata"]["name"] in blamed]


def _explained(
    gate: Gate,
    policies: dict[str, ErrorBudgetPolicyStatus],
    suspects: Iterable[Release],
    gateless: Sequence[str],
    pending: Iterable[Override],
    now: datetime,
) -> Iterator[str]:
    status, decided = gate.status, decision(gate.status, now)
    mode = "" if gate.spec.mode == "Enforce" else f", and only {gate.spec.mode.lower()}s"
    since = f" since {rfc3339(status.since)}" if status.since else ""
    yield f"{gate.key}: {decided}{since}{mode}"
    if decided == "Unknown" and status.message:
        yield f"  Unknown by {status.because}"
        yield f"    {status.message}"
    for closure in closures(status, now):
        yield f"  {closure.decision} by {closure.because}"
        yield f"    {closure.message}"
    for name, policy in policies.items():
        yield from _policy(name, policy)
    for suspect in suspects:
        yield from _suspected(suspect)
    for coming in (closure for closure in status.closures if closure.from_ and closure.from_ > now):
        ends = f" until {rfc3339(coming.until)}" if coming.until else ""
        yield f"  from {rfc3339(coming.from_ or now)}{ends}: {coming.because}"
    if gateless:
        others = f" and {len(gateless) - _NAMED} more" if len(gateless) > _NAMED else ""
        yield f"  no gate yet in {', '.join(gateless[:_NAMED])}{others}: see the operator's log"
    yield from _overridden(gate, pending, now)
    if decided in CLOSED and status.until:
        yield f"  predicted to open {status.until}"
    # In another mode a closed gate lets every change pass.
    if decided in CLOSED and gate.spec.mode == "Enforce":
        kept = isinstance(gate, ClusterReleaseGate)
        name = key_of(gate.metadata.name, "").name if kept else gate.metadata.name
        ask = f"ninefold gate override {name} -n {gate.metadata.namespace or '...'} --for 30m --reason ..."
        yield f"  you may: {status.passes or 'wait'} Or ask for an override: {ask}"
    if gate.spec.contact:
        yield f"  contact: {gate.spec.contact}"


def _policy(name: str, policy: ErrorBudgetPolicyStatus) -> Iterator[str]:
    pace = f", pace {policy.pace} %" if policy.pace else ""
    yield f"  ErrorBudgetPolicy {name}: {policy.state}{pace}"
    if policy.state == "Exempt":
        yield f"    {policy.reason}"
    for objective in policy.objectives:
        figures = [f"budget {objective.budget_left}"] if objective.budget_left else []
        figures += [f"burn {objective.burn}"] if objective.burn else []
        yield f"    {objective.name}   {'   '.join([*figures, f'data {objective.data}'])}"


def _overridden(gate: Gate, pending: Iterable[Override], now: datetime) -> Iterator[str]:
    """The overrides in force, and the pending ones."""
    for given in _given(gate, now):
        images = f" for {', '.join(given.images)}" if given.images else ""
        yield f"  overridden by {given.by}{images} until {rfc3339(given.until)} ({given.name})"
    for asked in pending:
        yield f"  override {asked.metadata.name} waits: {_waits(asked)}"


def _given(gate: Gate, now: datetime) -> list[OverrideInForce]:
    """The overrides in force, or all if none is in force."""
    return (in_force(gate.status, now) or gate.status.overrides) if isinstance(gate, ReleaseGate) else []


def _override(given: OverrideInForce) -> dict[str, Any]:
    return given.model_dump(mode="json", by_alias=True)


def _pending(asked: Override) -> dict[str, Any]:
    return {
        "name": asked.metadata.name,
        **asked.spec.model_dump(mode="json", by_alias=True, include={"by", "reason", "until", "images"}),
        "approvedBy": [approval.by for approval in asked.spec.approvals],
        "waitsFor": _waits(asked),
    }


def _waits(asked: Override) -> str:
    ready = conditions.find(asked.status.conditions, READY)
    return ready.message if ready else "the operator has not reconciled it yet"


def _aged(life: Life) -> Iterator[str]:
    if life.stale:
        yield f"  the operator has not reported for {rough(life.age or 0)}: this may be out of date"
    elif life.stale is None:
        yield f"  it is unknown whether the operator runs: {life.why}"


def _record(suspect: Release) -> dict[str, Any]:
    status = suspect.status
    return {
        "release": suspect.metadata.name,
        "workload": f"{suspect.spec.workload.kind}/{suspect.spec.workload.name}",
        "images": suspect.spec.images,
        "revision": status.revision,
        "commit": suspect.spec.change.commit if suspect.spec.change else None,
        "start": rfc3339(status.start) if status.start else None,
        "outcome": status.outcome,
        "spent": status.spent,
        "suspicion": status.suspicion,
    }


def _suspected(suspect: Release) -> Iterator[str]:
    record = _record(suspect)
    called = [short(image) for image in record["images"]]
    called += [f"{name} {record[name]}" for name in ("revision", "commit") if record[name]]
    yield f"  suspected ({record['suspicion']}): {', '.join(called)}"
    came = f"released {record['start']}, {record['outcome']}, spent {record['spent']}"
    yield f"    {record['workload']}, {came}: {record['release']}"
