"""What `ninefold gate` does with a cluster."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any

from ninefold.kube.api import NAMESPACE, SELF_SUBJECT_REVIEW, Api, Key, Manifest
from ninefold.kube.client import ApiError, Cluster, NotFound
from ninefold.kube.fields import rfc3339, rough
from ninefold.release.clusterreleasegate.keeping import key_of, made_for, selects
from ninefold.release.clusterreleasegate.plan import called
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate
from ninefold.release.override.resource import Override
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.opinion import CLOSED
from ninefold.release.releasegate.resource import OverrideInForce, ReleaseGate
from ninefold.release.releasegate.standing import closures, decision, message, overrides
from ninefold.release.releasegate.workload import short
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicyStatus

_NAMED = 5
"""How many namespaces are named."""
_POLL = 2.0
"""Seconds between two looks while waiting."""


Gate = ReleaseGate | ClusterReleaseGate


class Desk:
    """One namespace of a cluster, or the cluster itself (""), asked in somebody's name."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace

    @property
    def api(self) -> Api:
        """Of the gates that are meant."""
        return ReleaseGate.api if self.namespace else ClusterReleaseGate.api

    async def gate(self, name: str) -> Gate:
        found = await self.cluster.get(self.api, Key(self.namespace, name))
        return ReleaseGate.parse(found) if self.namespace else ClusterReleaseGate.parse(found)

    async def kept(self) -> list[ReleaseGate]:
        """The gates of the namespace that are kept for the whole cluster; none for who may not list gates."""
        try:
            found = await self.cluster.list(ReleaseGate.api, namespace=self.namespace) if self.namespace else []
        except ApiError as error:
            if error.status != HTTPStatus.FORBIDDEN:
                raise
            return []
        return [ReleaseGate.parse(each) for each in found if Key.of(each).name.startswith(PREFIX)]

    async def policies(self, gate: Gate) -> dict[str, ErrorBudgetPolicyStatus]:
        """The statuses of those that have a say and exist, as the gate names them."""
        found = {}
        for name, key in _policies(gate).items():
            try:
                found[name] = ErrorBudgetPolicy.parse(await self.cluster.get(ErrorBudgetPolicy.api, key)).status
            except NotFound:
                continue
        return found

    async def gateless(self, gate: ClusterReleaseGate) -> list[str]:
        """The namespaces in which the gate that is to be kept is not there yet."""
        namespaces = await self.cluster.list(NAMESPACE)
        gates = {Key.of(each) for each in await self.cluster.list(ReleaseGate.api) if made_for(gate, each)}
        names = (Key.of(each).name for each in namespaces if selects(gate.spec.namespaces, each))
        return [name for name in names if key_of(gate.metadata.name, name) not in gates]

    async def me(self) -> str:
        """Who the API server takes us for."""
        api = SELF_SUBJECT_REVIEW
        body = {"apiVersion": api.api_version, "kind": api.kind, "metadata": {"name": ""}}
        review = await self.cluster.create(api, body)
        return str(review["status"]["userInfo"]["username"])


def _policies(gate: Gate) -> dict[str, Key]:
    if isinstance(gate, ClusterReleaseGate):
        references = [each.error_budget_policy for each in gate.spec.sources if each.error_budget_policy]
        return {called(each): Key(each.namespace, each.name) for each in references}
    names = [source.error_budget_policy for source in gate.spec.sources if source.error_budget_policy]
    return {name: Key(gate.metadata.namespace, name) for name in names}


async def check(desk: Desk, options: argparse.Namespace) -> int:
    """0 open, 1 closed, 2 not known."""
    until = datetime.now(UTC) + (options.wait or timedelta())
    told = ""
    while True:
        gate, kept, now = await desk.gate(options.name), await desk.kept(), datetime.now(UTC)
        found = _answer(gate, options.image, now)
        if _code(found) != 1:
            # Where the line is stopped, that goes for every gate of the namespace.
            above = (_answer(each, options.image, now) for each in kept)
            found = next((each for each in above if _code(each) == 1), found)
        if _code(found) == 0 or now >= until:
            break
        if not options.json and found["message"] != told:
            told = found["message"]
            left = rough((until - now).total_seconds())
            print(f"waiting up to {left}: {_headline(found)}", file=sys.stderr, flush=True)
        await asyncio.sleep(min(_POLL, max(0.1, (until - now).total_seconds())))
    print(json.dumps(found, indent=2, ensure_ascii=False) if options.json else _headline(found))
    return _code(found)


def _code(found: dict[str, Any]) -> int:
    if found["decision"] == "Unknown":
        return 2
    return 1 if found["decision"] in CLOSED and found["mode"] == "Enforce" else 0


def _answer(gate: Gate, images: Collection[str], now: datetime) -> dict[str, Any]:
    status = gate.status
    decided = decision(status, now)
    passing = overrides(gate.status, images, now) if isinstance(gate, ReleaseGate) and decided in CLOSED else []
    return {
        "gate": str(gate.key),
        "decision": "Override" if passing else decided,
        "because": passing[0].name if passing else next((each.because for each in closures(status, now)), ""),
        "message": message(status, now),
        "since": rfc3339(status.since) if status.since else None,
        "until": status.until if decided in CLOSED else None,
        "pace": int(status.pace or 100),
        "mode": gate.spec.mode,
    }


def _headline(found: dict[str, Any]) -> str:
    if found["decision"] == "Override":
        return f"{found['gate']} is overridden by {found['because']}: change passes"
    if found["decision"] == "Allow":
        slower = f", at a pace of {found['pace']} %" if found["pace"] < 100 else ""
        return f"{found['gate']} is open{slower}"
    if found["decision"] == "Unknown":
        return f"{found['gate']} has not decided yet: change passes, and nobody knows whether it should"
    mode = "" if found["mode"] == "Enforce" else f", but only {found['mode'].lower()}s"
    return f"{found['gate']} is closed ({found['decision']}){mode}: {found['message']}"


async def explain(desk: Desk, options: argparse.Namespace) -> int:
    gate, now = await desk.gate(options.name), datetime.now(UTC)
    policies = await desk.policies(gate)
    suspects = await _suspects(desk, gate) if isinstance(gate, ReleaseGate) else []
    gateless = await desk.gateless(gate) if isinstance(gate, ClusterReleaseGate) else []
    if options.json:
        status = {name: policy.model_dump(mode="json", by_alias=True) for name, policy in policies.items()}
        told = {**_answer(gate, (), now), "policies": status, "suspected": [_record(suspect) for suspect in suspects]}
        if isinstance(gate, ClusterReleaseGate):
            told["gateless"] = gateless
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print("\n".join(_explained(gate, policies, suspects, gateless, now)))
    return 0


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
    now: datetime,
) -> Iterator[str]:
    status, decided = gate.status, decision(gate.status, now)
    mode = "" if gate.spec.mode == "Enforce" else f", and only {gate.spec.mode.lower()}s"
    since = f" since {rfc3339(status.since)}" if status.since else ""
    yield f"{gate.key}: {decided}{since}{mode}"
    for each in closures(status, now):
        yield f"  {each.decision} by {each.because}"
        yield f"    {each.message}"
    for name, policy in policies.items():
        pace = f", pace {policy.pace} %" if policy.pace else ""
        yield f"  ErrorBudgetPolicy {name}: {policy.state}{pace}"
        for objective in policy.objectives:
            figures = [f"budget {objective.budget_left}"] if objective.budget_left else []
            figures += [f"burn {objective.burn}"] if objective.burn else []
            yield f"    {objective.name}   {'   '.join([*figures, f'data {objective.data}'])}"
    for suspect in suspects:
        yield from _suspected(suspect)
    for each in (closure for closure in status.closures if closure.from_ and closure.from_ > now):
        ends = f" until {rfc3339(each.until)}" if each.until else ""
        yield f"  from {rfc3339(each.from_ or now)}{ends}: {each.because}"
    if gateless:
        others = f" and {len(gateless) - _NAMED} more" if len(gateless) > _NAMED else ""
        yield f"  no gate yet in {', '.join(gateless[:_NAMED])}{others}: see the operator's log"
    for given in _given(gate, now):
        yield f"  overridden by {given.by} until {rfc3339(given.until)} ({given.name})"
    if decided in CLOSED:
        if status.until:
            yield f"  predicted to open {status.until}"
        kept = isinstance(gate, ClusterReleaseGate)
        name = key_of(gate.metadata.name, "").name if kept else gate.metadata.name
        ask = f"ninefold gate override {name} -n {gate.metadata.namespace or '...'} --for 30m --reason ..."
        yield f"  you may: {status.passes or 'wait'} Or ask for an override: {ask}"


def _given(gate: Gate, now: datetime) -> list[OverrideInForce]:
    """The overrides, of those that are in force first."""
    return (overrides(gate.status, (), now) or gate.status.overrides) if isinstance(gate, ReleaseGate) else []


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
    found = _record(suspect)
    called = [short(image) for image in found["images"]]
    called += [f"{name} {found[name]}" for name in ("revision", "commit") if found[name]]
    yield f"  suspected ({found['suspicion']}): {', '.join(called)}"
    came = f"released {found['start']}, {found['outcome']}, spent {found['spent']}"
    yield f"    {found['workload']}, {came}: {found['release']}"


async def close(desk: Desk, options: argparse.Namespace) -> int:
    until = {"until": rfc3339(datetime.now(UTC) + options.length)} if options.length else {}
    stop = {
        "by": await desk.me(),
        "reason": options.reason,
        "decision": "Deny" if options.deny else "Hold",
        "until": None,
        **until,
    }
    key = Key(desk.namespace, options.name)
    await desk.cluster.patch(desk.api, key, {"spec": {"stop": stop}})
    scope = " --cluster" if options.cluster else ""
    ends = f"until {until['until']}" if until else f"until somebody opens it: ninefold gate open {options.name}{scope}"
    print(f"{key} closes, {ends}")
    return 0


async def open_(desk: Desk, options: argparse.Namespace) -> int:
    gate = await desk.gate(options.name)
    if gate.spec.stop is None:
        scope = " --cluster" if options.cluster else ""
        print(f"nobody has closed {gate.key} by hand: ninefold gate explain {options.name}{scope}", file=sys.stderr)
        return 1
    await desk.cluster.patch(desk.api, gate.key, {"spec": {"stop": None}})
    print(f"{gate.key} is no longer closed by hand")
    return 0


async def override(desk: Desk, options: argparse.Namespace) -> int:
    gate, now = await desk.gate(options.name), datetime.now(UTC)
    body: Manifest = {
        "apiVersion": Override.api.api_version,
        "kind": Override.api.kind,
        "metadata": {"name": f"{options.name}-{now:%Y%m%d-%H%M%S}", "namespace": desk.namespace},
        "spec": {
            "gate": options.name,
            "by": await desk.me(),
            "reason": options.reason,
            "until": rfc3339(now + options.length),
            **({"images": options.image} if options.image else {}),
        },
    }
    await desk.cluster.create(Override.api, body)
    name = body["metadata"]["name"]
    print(f"{name}: change passes {gate.key} until {body['spec']['until']}")
    if gate.spec.overrides.approvals:
        people = "another person" if gate.spec.overrides.approvals == 1 else f"{gate.spec.overrides.approvals} others"
        print(f"once {people} approved: ninefold gate approve {name} -n {desk.namespace}")
    return 0


async def approve(desk: Desk, options: argparse.Namespace) -> int:
    key, me = Key(desk.namespace, options.name), await desk.me()
    found = Override.parse(await desk.cluster.get(Override.api, key))
    given = [approval.by for approval in found.spec.approvals]
    patch = {
        # A list is replaced whole: somebody else may approve at the same time.
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "spec": {"approvals": [{"by": by} for by in dict.fromkeys([*given, me])]},
    }
    await desk.cluster.patch(Override.api, key, patch)
    print(f"{me} approves {key}: {found.spec.reason}")
    return 0
