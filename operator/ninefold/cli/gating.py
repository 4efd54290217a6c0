"""What `ninefold gate` does with a cluster."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import Collection
from datetime import UTC, datetime, timedelta
from typing import Any

from ninefold.cli.desk import Desk, Gate
from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import rfc3339, rough
from ninefold.release.override.resource import Override
from ninefold.release.releasegate.opinion import CLOSED
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.releasegate.standing import closures, decision, message, overrides

_POLL = 2.0
"""Seconds between two looks while waiting."""


async def check(desk: Desk, options: argparse.Namespace) -> int:
    """0 open, 1 closed, 2 not known."""
    until = datetime.now(UTC) + (options.wait or timedelta())
    said = ""
    while True:
        gate, kept, now = await desk.gate(options.name), await desk.kept(), datetime.now(UTC)
        found = told(gate, options.image, now)
        if _code(found) != 1:
            # Where the line is stopped, that goes for every gate of the namespace.
            above = (told(each, options.image, now) for each in kept)
            found = next((each for each in above if _code(each) == 1), found)
        if _code(found) == 0 or now >= until:
            break
        if not options.json and found["message"] != said:
            said = found["message"]
            left = rough((until - now).total_seconds())
            print(f"waiting up to {left}: {_headline(found)}", file=sys.stderr, flush=True)
        await asyncio.sleep(min(_POLL, max(0.1, (until - now).total_seconds())))
    print(json.dumps(found, indent=2, ensure_ascii=False) if options.json else _headline(found))
    return _code(found)


def _code(found: dict[str, Any]) -> int:
    if found["decision"] == "Unknown":
        return 2
    return 1 if found["decision"] in CLOSED and found["mode"] == "Enforce" else 0


def told(gate: Gate, images: Collection[str], now: datetime) -> dict[str, Any]:
    """What a gate means now for a rollout of these images, as it is printed as JSON."""
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
