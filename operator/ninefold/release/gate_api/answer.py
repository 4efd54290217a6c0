"""Answers delivery tools from the objects that this replica watches: only this module reads gates for tools. Pure."""

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
"""Seconds without contact to the API server after which an answer is stale: four requests have failed."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The decision of the gates that a question is about; the most severe decision if there are several gates.

    `stale` says that the answer may be out of date. `abort` is true only for a fresh Deny that blames a revision in the
    question: only then may a tool undo a rollout in progress. `since` and `until` are RFC 3339.
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
    """Whether the gate blames any release; not part of the reply."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields of the reply."""
        return {field.name: getattr(self, field.name) for field in fields(self) if field.name != "blames"}


def answer(store: Store, question: Question, age: float, now: datetime) -> Answer:
    """Answers a question. `age` is the number of seconds since the last contact to the API server; infinite if there
    was none."""
    try:
        gates = list(_asked_about(store, question))
    except Stalled as stalled:
        gate = f"{question.namespace}/{question.name}"
        return Answer("Unknown", "the gate cannot be read", stalled.message, stale=age > STALE_AFTER, gate=gate)
    if not gates:
        return _nothing(question, age)
    # A gate over the whole namespace counts for every question about the namespace.
    named = {gate.key for gate in gates}
    gates += [gate for gate in _kept(store, question.namespace) if gate.key not in named]
    change = (
        meant(store, question)
        if any(decision(gate.status, now) in CLOSED for gate in gates)
        else ImagesAsked(question.revisions)
    )
    answers = [_of_gate(gate, question, change, age, now) for gate in gates]
    severest = max(answers, key=lambda answer: (SEVERITY.index(answer.decision), answer.abort))
    return _paced(replace(severest, pace=min(answer.pace for answer in answers)), question, now)


def _paced(answer: Answer, question: Question, now: datetime) -> Answer:
    """Turns Allow into Hold if the step must wait for its turn at a slower pace."""
    subject = f"{question.namespace}/{question.by}/{question.name}"
    if not question.paced or answer.decision != "Allow" or goes_on(answer.pace, subject, now):
        return answer
    message = f"At a pace of {answer.pace} % this step waits its turn: ask again in a minute."
    return replace(answer, decision="Hold", reason="pace", message=message)


def _of_gate(
    gate: ReleaseGate, question: Question, change: TemplateChange | ImagesAsked, age: float, now: datetime
) -> Answer:
    """The answer of one gate, with the contact in the message if the gate is closed."""
    judged = _judged(gate, question, change, age, now)
    if gate.spec.contact and judged.decision in CLOSED:
        return replace(judged, message=f"{judged.message} Contact: {gate.spec.contact}".strip())
    return judged


def _judged(
    gate: ReleaseGate, question: Question, change: TemplateChange | ImagesAsked, age: float, now: datetime
) -> Answer:
    status = gate.status
    verdict = judge(status, change, now)
    blamed = {name for release in status.blamed for name in (*release.images, *release.hashes)}
    fresh = Answer(
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
        return _stale(fresh, gate, age)
    if status.observed_generation != gate.metadata.generation:
        changed = f"{fresh.message} The gate was changed, and the operator has not reconciled it since.".strip()
        return replace(fresh, message=changed, stale=True)
    return replace(fresh, abort=fresh.decision == "Deny" and not blamed.isdisjoint(question.revisions))


def _reason(verdict: GateVerdict) -> str:
    """Returns why a change passes a closed gate; "" if it does not, or the gate is open."""
    if verdict.reason == "override" and verdict.override:
        return f"override {verdict.override.name}"
    return "known good" if verdict.reason == "known good" else ""


def _stale(last: Answer, gate: ReleaseGate, age: float) -> Answer:
    """Returns the answer without contact to the API server: a closed gate stays closed, and an open gate stays open for
    the time in the gate's failMode."""
    fail_mode = gate.spec.fail_mode
    silent = f"{last.message} This replica has not heard from the API server {_silence(age)}".strip()
    if last.decision in CLOSED or age <= seconds(fail_mode.stale_after):
        return replace(last, message=f"{silent}.", stale=True)
    return replace(
        last,
        decision=fail_mode.decision,
        reason="the API server is not heard",
        message=f"{silent}, so failMode decides: {fail_mode.decision}.",
        since=None,
        until=None,
        stale=True,
    )


def _nothing(question: Question, age: float) -> Answer:
    where = f"in namespace {question.namespace}"
    if question.by == "gate":
        message = f"There is no ReleaseGate {question.name} {where}."
    else:
        message = f"No ReleaseGate {where} covers the {question.by} {question.name}."
    if age > STALE_AFTER:
        message += f" This replica has not heard from the API server {_silence(age)}."
    return Answer("Unknown", "no gate", message, stale=age > STALE_AFTER)


def _silence(age: float) -> str:
    return "since it started" if age == float("inf") else f"for {age:.0f} s"


def _asked_about(store: Store, question: Question) -> Iterator[ReleaseGate]:
    """Yields the gates that the question is about. Raises Stalled if the question names an invalid gate; for other
    questions invalid gates are left out."""
    if question.by == "gate":
        manifest = store.get(ReleaseGate.api, Key(question.namespace, question.name))
        yield from (ReleaseGate.parse(manifest),) if manifest else ()
        return
    about = _of_workload if question.by == "workload" else _of_service
    yield from (gate for gate in store.resources(ReleaseGate, question.namespace) if about(store, gate, question))


def _kept(store: Store, namespace: str) -> Iterator[ReleaseGate]:
    """Yields the gates that are kept in the namespace for ClusterReleaseGates, have decided, and enforce the
    decision."""
    # Filters by name first: every question needs this, and parsing gates is most of the cost of an answer.
    for key in (key for key in store.keys(ReleaseGate.api, namespace) if key.name.startswith(PREFIX)):
        gate = store.resource(ReleaseGate, key)
        if gate is not None and gate.status.decision != "Unknown" and gate.spec.mode == "Enforce":
            yield gate


def _of_workload(store: Store, gate: ReleaseGate, question: Question) -> bool:
    kind, _, name = question.name.rpartition("/")
    candidates = (
        (api.kind, store.get(api, Key(question.namespace, name))) for api in WORKLOADS if kind in ("", api.kind)
    )
    return any(concerns(gate.spec.workloads, kind, workload) for kind, workload in candidates if workload)


def _of_service(store: Store, gate: ReleaseGate, question: Question) -> bool:
    """Whether a policy of the gate has an objective of the service."""
    names = {source.error_budget_policy for source in gate.spec.sources}
    policies = (policy for policy in store.resources(ErrorBudgetPolicy, gate.key.namespace) if policy.key.name in names)
    return any(_concerns(store, policy, question.name) for policy in policies)


def _concerns(store: Store, policy: ErrorBudgetPolicy, service: str) -> bool:
    if policy.spec.objectives.service == service:
        return True
    objectives = (
        store.get(ServiceLevelObjective.api, Key(policy.key.namespace, state.name))
        for state in policy.status.objectives
    )
    return any(objective["spec"].get("service") == service for objective in objectives if objective)
