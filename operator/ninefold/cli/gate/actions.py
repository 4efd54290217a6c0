"""The actions of `ninefold gate` on a cluster."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from ninefold.cli.gate.client import Desk, Gate, is_unseen
from ninefold.cli.shared import cluster, liveness
from ninefold.cli.shared.liveness import Life
from ninefold.kube.api import Api, Key
from ninefold.kube.fields import rfc3339, rough
from ninefold.release.gate.effective import ImagesAsked, TemplateChange, closures, judge, message
from ninefold.release.gate.opinion import CLOSED

_POLL = 2.0
"""Seconds between two checks while waiting."""


async def check(desk: Desk, options: argparse.Namespace) -> int:
    """0 open, 1 closed, 2 unknown."""
    until = datetime.now(UTC) + (options.wait or timedelta())
    said = ""
    while True:
        life = await liveness.life(desk.cluster, options.operator_namespace)
        gates = [await desk.gate(options.name)] if options.name else await desk.over(options.workload)
        kept, now = await desk.kept(), datetime.now(UTC)
        change = await desk.change(options.workload, options.image)
        found = max((answer(gate, change, now, life) for gate in gates), key=_severity, default=None)
        found = found or _ungated(desk.namespace, options.workload, life)
        if _code(found) != 1:
            # A closed gate for the whole cluster overrides every gate of the namespace.
            above = (answer(gate, change, now, life) for gate in kept)
            found = next((closed for closed in above if _code(closed) == 1), found)
        if _code(found) == 0 or now >= until:
            break
        if not options.json and found["message"] != said:
            said = found["message"]
            left = rough((until - now).total_seconds())
            print(f"waiting up to {left}: {_headline(found)}", file=sys.stderr, flush=True)
        await asyncio.sleep(min(_POLL, max(0.1, (until - now).total_seconds())))
    if life.age is None:
        print(f"ninefold: cannot determine whether the operator runs: {life.why}", file=sys.stderr)
    print(json.dumps(found, indent=2, ensure_ascii=False) if options.json else _headline(found))
    return _code(found)


def _severity(found: dict[str, Any]) -> int:
    """Among several gates a closed gate decides, then one with an unknown decision."""
    return (0, 2, 1)[_code(found)]


def _ungated(namespace: str, workload: tuple[Api, str], life: Life) -> dict[str, Any]:
    """The answer for a workload without a gate."""
    api, name = workload
    message = f"no gate {cluster.where(namespace)} covers {api.kind}/{name}"
    return {"gate": None, "decision": "Allow", "message": message, "mode": "Audit", "pace": 100, **life.as_dict()}


def _code(found: dict[str, Any]) -> int:
    enforced = found["mode"] == "Enforce"
    # A closed gate stays closed: the API server refuses changes even without the operator.
    if found["decision"] in CLOSED and enforced:
        return 1
    return 2 if found["decision"] == "Unknown" or (found["stale"] and enforced) else 0


_BY = {"override": "Override", "known good": "KnownGood"}
"""The printed decision if a change passes a closed gate."""


def answer(gate: Gate, change: TemplateChange | ImagesAsked, now: datetime, life: Life) -> dict[str, Any]:
    """The gate's present answer for a change, as printed as JSON."""
    status = gate.status
    verdict = judge(status, change, now)
    decided = verdict.decision
    unknown = decided == "Unknown"
    because = next((closure.because for closure in closures(status, now)), status.because if unknown else "")
    return {
        "gate": str(gate.key),
        "decision": _BY.get(verdict.reason, decided),
        "because": verdict.override.name if verdict.reason == "override" and verdict.override else because,
        "message": message(status, now) or (status.message if unknown else ""),
        "since": rfc3339(status.since) if status.since else None,
        "until": status.until if decided in CLOSED else None,
        "pace": int(status.pace or 100),
        "mode": gate.spec.mode,
        **({"contact": gate.spec.contact} if gate.spec.contact else {}),
        **life.as_dict(),
        **({"stale": True} if is_unseen(gate) else {}),
    }


def _headline(found: dict[str, Any]) -> str:
    if found["gate"] is None:
        return f"{found['message']}: change passes"
    said = _said(found)
    if not found["stale"]:
        return said
    doubt = f"the operator has not reported for {rough(found['age'] or 0)}"
    if not Life(found["age"]).stale:
        doubt = "the gate was changed, and the operator has not reconciled it since"
    return f"{said.removesuffix('.')}; but {doubt}"


def _said(found: dict[str, Any]) -> str:
    if found["decision"] == "Override":
        return f"{found['gate']} is overridden by {found['because']}: change passes"
    if found["decision"] == "KnownGood":
        return f"{found['gate']} is closed, and this passes: it is known to be good"
    if found["decision"] == "Allow":
        slower = f", at a pace of {found['pace']} %" if found["pace"] < 100 else ""
        return f"{found['gate']} is open{slower}"
    if found["decision"] == "Unknown":
        said = "cannot decide" if found["message"] else "has not decided yet"
        why = f": {found['message']}" if found["message"] else ""
        return f"{found['gate']} {said}, so change passes, although it may be unsafe{why}"
    mode = "" if found["mode"] == "Enforce" else f", but only {found['mode'].lower()}s"
    contact = f" Contact: {found['contact']}" if "contact" in found else ""
    return f"{found['gate']} is closed ({found['decision']}){mode}: {found['message']}{contact}"


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
    ends = f"until {until['until']}" if until else f"until someone opens it: ninefold gate open {options.name}{scope}"
    print(f"{key} closes, {ends}")
    return 0


async def open_(desk: Desk, options: argparse.Namespace) -> int:
    gate = await desk.gate(options.name)
    if gate.spec.stop is None:
        scope = " --cluster" if options.cluster else ""
        print(f"no one has closed {gate.key} by hand: ninefold gate explain {options.name}{scope}", file=sys.stderr)
        return 1
    await desk.cluster.patch(desk.api, gate.key, {"spec": {"stop": None}})
    print(f"{gate.key} is no longer closed by hand")
    return 0
