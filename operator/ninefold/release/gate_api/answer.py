"""From what this replica has watched to one answer. The only place that reads a gate for delivery tools. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any

from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import number, rfc3339, seconds
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.resource import PREFIX
from ninefold.release.gate.effective import GateVerdict, ImagesAsked, TemplateChange, decision, judge, message
from ninefold.release.gate.opinion import CLOSED, SEVERITY
from ninefold.release.gate.status import Decision
from ninefold.release.gate_api.change import meant
from ninefold.release.gate_api.pace import goes_on
from ninefold.release.gate_api.question import Question
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.workload import WORKLOADS, concerns
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

STALE_AFTER = 60.0
"""Seconds without word from the API server after which an answer is stale: four readings failed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision of the gates that the question is about, the most severe if there are several.

    `stale` says that it may be out of date. `abort` is true only for a fresh Deny that blames a revision that was asked
    about: only then may a rollout under way be undone. `since` and `until` are RFC 3339.
    """

    decision: Decision
    reason: str
    message: str
    since: str | None = None
    until: str | None = None
    stale: bool = False
    abort: bool = False
    gate: str | None = None
    pace: int = 100
    """How large a step may be, in percent of its usual size."""
    blames: bool = False
    """Whether the gate blames anything; not told."""

    def as_dict(self) -> dict[str, Any]:
        """As it is told."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "blames"}


def answer(store: Store, question: Question, age: float, now: datetime) -> Answer:
    """`age`: seconds since the API server was last heard; infinite if never."""
    try:
        gates = list(_asked_about(store, question))
    except Stalled as stalled:
        gate = f"{question.namespace}/{question.name}"
        return Answer("Unknown", "the gate cannot be read", stalled.message, stale=age > STALE_AFTER, gate=gate)
    if not gates:
        return _nothing(question, age)
    # Where the line is stopped, that goes for whatever is asked about.
    named = {gate.key for gate in gates}
    gates += [gate for gate in _kept(store, question.namespace) if gate.key not in named]
    change = (
        meant(store, question)
        if any(decision(each.status, now) in CLOSED for each in gates)
        else ImagesAsked(question.revisions)
    )
    answers = [_of_gate(gate, question, change, age, now) for gate in gates]
    told = max(answers, key=lambda each: (SEVERITY.index(each.decision), each.abort))
    return _paced(replace(told, pace=min(each.pace for each in answers)), question, now)


def _paced(told: Answer, question: Question, now: datetime) -> Answer:
    """An open gate lets a step wait its turn."""
    subject = f"{question.namespace}/{question.by}/{question.name}"
    if not question.paced or told.decision != "Allow" or goes_on(told.pace, subject, now):
        return told
    message = f"At a pace of {told.pace} % this step waits its turn: ask again in a minute."
    return replace(told, decision="Hold", reason="pace", message=message)


def _of_gate(
    gate: ReleaseGate, question: Question, change: TemplateChange | ImagesAsked, age: float, now: datetime
) -> Answer:
    """With whom to ask, where it is closed."""
    found = _judged(gate, question, change, age, now)
    if gate.spec.contact and found.decision in CLOSED:
        return replace(found, message=f"{found.message} Contact: {gate.spec.contact}".strip())
    return found


def _judged(
    gate: ReleaseGate, question: Question, change: TemplateChange | ImagesAsked, age: float, now: datetime
) -> Answer:
    status = gate.status
    verdict = judge(status, change, now)
    blamed = {name for each in status.blamed for name in (*each.images, *each.hashes)}
    found = Answer(
        decision="Allow" if verdict.reason in ("known good", "override") else verdict.decision,
        reason=_reason(verdict) or status.because,
        message=message(status, now) or status.message,
        since=rfc3339(status.since) if status.since else None,
        until=status.until,
        gate=str(gate.key),
        pace=100 if verdict.override else int(number(status.pace) or 100),
        blames=bool(status.blamed),
    )
    if age > STALE_AFTER:
        return _stale(found, gate, age)
    if status.observed_generation != gate.metadata.generation:
        told = f"{found.message} The gate was changed, and the operator has not looked at it since.".strip()
        return replace(found, message=told, stale=True)
    return replace(found, abort=found.decision == "Deny" and not blamed.isdisjoint(question.revisions))


def _reason(verdict: GateVerdict) -> str:
    """By what a change passes a closed gate."""
    if verdict.reason == "override" and verdict.override:
        return f"override {verdict.override.name}"
    return "known good" if verdict.reason == "known good" else ""


def _stale(found: Answer, gate: ReleaseGate, age: float) -> Answer:
    """What is closed stays closed; what is open stays so as long as the gate's failMode says."""
    fail_mode = gate.spec.fail_mode
    told = f"{found.message} This replica has not heard from the API server for {_length(age)}".strip()
    if found.decision in CLOSED or age <= seconds(fail_mode.stale_after):
        return replace(found, message=f"{told}.", stale=True)
    return replace(
        found,
        decision=fail_mode.decision,
        reason="the API server is not heard",
        message=f"{told}, so failMode decides: {fail_mode.decision}.",
        since=None,
        until=None,
        stale=True,
    )


def _nothing(question: Question, age: float) -> Answer:
    where = f"in namespace {question.namespace}"
    if question.by == "gate":
        told = f"There is no ReleaseGate {question.name} {where}."
    else:
        told = f"No ReleaseGate {where} is about the {question.by} {question.name}."
    if age > STALE_AFTER:
        told += f" This replica has not heard from the API server for {_length(age)}."
    return Answer("Unknown", "no gate", told, stale=age > STALE_AFTER)


def _length(age: float) -> str:
    return "all its life" if age == float("inf") else f"{age:.0f} s"


def _asked_about(store: Store, question: Question) -> Iterator[ReleaseGate]:
    """Raises Stalled if the gate that is named cannot be read; among others such a one is passed over."""
    if question.by == "gate":
        manifest = store.get(ReleaseGate.api, Key(question.namespace, question.name))
        yield from (ReleaseGate.parse(manifest),) if manifest else ()
        return
    about = _of_workload if question.by == "workload" else _of_service
    yield from (gate for gate in store.resources(ReleaseGate, question.namespace) if about(store, gate, question))


def _kept(store: Store, namespace: str) -> Iterator[ReleaseGate]:
    """The gates that are kept there for the whole cluster, as far as they have decided and enforce it."""
    # By name first: each question comes through here, and reading a gate is most of what an answer costs.
    for key in (key for key in store.keys(ReleaseGate.api, namespace) if key.name.startswith(PREFIX)):
        gate = store.resource(ReleaseGate, key)
        if gate is not None and gate.status.decision != "Unknown" and gate.spec.mode == "Enforce":
            yield gate


def _of_workload(store: Store, gate: ReleaseGate, question: Question) -> bool:
    kind, _, name = question.name.rpartition("/")
    found = ((api.kind, store.get(api, Key(question.namespace, name))) for api in WORKLOADS if kind in ("", api.kind))
    return any(concerns(gate.spec.workloads, kind, workload) for kind, workload in found if workload)


def _of_service(store: Store, gate: ReleaseGate, question: Question) -> bool:
    """Whether a policy of the gate goes by an objective of the service."""
    names = {source.error_budget_policy for source in gate.spec.sources}
    policies = (each for each in store.resources(ErrorBudgetPolicy, gate.key.namespace) if each.key.name in names)
    return any(_concerns(store, policy, question.name) for policy in policies)


def _concerns(store: Store, policy: ErrorBudgetPolicy, service: str) -> bool:
    if policy.spec.objectives.service == service:
        return True
    objectives = (
        store.get(ServiceLevelObjective.api, Key(policy.key.namespace, each.name)) for each in policy.status.objectives
    )
    return any(objective["spec"].get("service") == service for objective in objectives if objective)
