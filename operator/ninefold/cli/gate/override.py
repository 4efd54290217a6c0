"""`ninefold gate override` and `approve`: an Override on behalf of the user, and the operator's answer to it."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime

from ninefold.cli.gate.client import Desk, is_unseen
from ninefold.kube import conditions
from ninefold.kube.api import Key, Manifest
from ninefold.kube.conditions import READY
from ninefold.kube.fields import rfc3339, rough
from ninefold.release.override.resource import Override


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
    made = Override.parse(await desk.cluster.create(Override.api, body))
    print(f"{made.key.name}: requested until {rfc3339(made.spec.until)}", file=sys.stderr, flush=True)
    if options.wait and is_unseen(made):
        print(f"waiting up to {rough(options.wait.total_seconds())} for the operator", file=sys.stderr, flush=True)
    return _reported(await desk.looked_at(made, options.wait), str(gate.key))


async def approve(desk: Desk, options: argparse.Namespace) -> int:
    key, me = Key(desk.namespace, options.name), await desk.me()
    found = Override.parse(await desk.cluster.get(Override.api, key))
    given = [approval.by for approval in found.spec.approvals]
    if me in given:
        print(f"{me} has already approved {key}: each approval needs another person")
        return 0
    patch = {
        # A list is replaced as a whole: another user may approve at the same time.
        "metadata": {"resourceVersion": found.metadata.resource_version},
        "spec": {"approvals": [{"by": by} for by in dict.fromkeys([*given, me])]},
    }
    await desk.cluster.patch(Override.api, key, patch)
    print(f"{me} approves {key}: {found.spec.reason}")
    return 0


def _reported(found: Override, gate: str) -> int:
    """0: change passes, or will after approval; 1: the override does not count; 2: the operator has not answered."""
    name, ready = found.key.name, conditions.find(found.status.conditions, READY)
    if ready is None or is_unseen(found):
        unseen = (
            f"{name}: the operator has not reconciled it yet, so it does not let change pass. Is the operator running?"
        )
        print(f"{unseen} See: kubectl get override {name} -n {found.key.namespace}", file=sys.stderr)
        return 2
    if found.status.state == "InForce":
        images = f" to {', '.join(found.spec.images)}" if found.spec.images else ""
        print(f"{name}: change{images} passes {gate} until {rfc3339(found.spec.until)}")
        return 0
    if found.status.state == "Pending":
        print(f"{name}: waits. {ready.message}")
        return 0
    print(f"{name}: {found.status.state}: {ready.message}", file=sys.stderr)
    return 1
