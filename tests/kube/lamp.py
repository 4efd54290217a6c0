"""A kind made for the tests of the machinery: a Lamp keeps one ConfigMap per bulb, and can be run as an operator.

python -m lamp --bind 127.0.0.1:8080            (with KUBECONFIG)
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime, timedelta
from typing import Annotated

from pydantic import Field

from ninefold.kube import logs, reconciler
from ninefold.kube.api import CONFIG_MAP, NAMESPACE, Api, Key, Manifest
from ninefold.kube.client import connect
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.errors import EffectFailed, Stalled
from ninefold.kube.metrics import Metrics
from ninefold.kube.model import Column, Resource, Spec, Status
from ninefold.kube.plan import Effect, Note, Plan, Verdict
from ninefold.kube.runtime import Runtime, RuntimeOptions
from ninefold.kube.store import Store

FOR = "example.com/for"


class LampSpec(Spec):
    bulbs: list[Annotated[str, Field(max_length=20)]] = Field(
        default_factory=list, max_length=8, description="The bulbs, by colour."
    )
    ring: str = Field(default="", max_length=20, description="Ring this bell once.")
    rings: list[Annotated[str, Field(max_length=20)]] = Field(
        default_factory=list, max_length=200, description="Ring these bells once, too."
    )
    bell: str = Field(
        default="", max_length=20, description="How bells answer: hang, raise, never, or a number of failures."
    )
    note: str = Field(default="", max_length=200, description="What is written on the bulbs.")
    broken: str = Field(
        default="", max_length=20, description="How the controller should fail: stalled, raise, hang or discard."
    )


class LampStatus(Status):
    lit: int = Field(default=0, description="How many bulbs are lit.")


class Lamp(Resource, plural="lamps", short_names=("lm",), columns=(Column("Lit", ".status.lit", "integer"),)):
    """A lamp."""

    spec: LampSpec
    status: LampStatus = Field(default_factory=LampStatus)


def keys_of_namespace(manifest: Manifest, store: Store) -> list[Key]:
    """Its lamps, and the one that its label asks for."""
    name, wanted = manifest["metadata"]["name"], manifest["metadata"].get("labels", {}).get("wants")
    return [*store.keys(Lamp.api, name), *([Key(name, wanted)] if wanted else [])]


class LampController(Controller[Lamp, str]):
    resource = Lamp
    children = (CONFIG_MAP,)
    watches = (Watch(NAMESPACE, keys_of_namespace),)
    finalizer = False

    def missing(self, key: Key, store: Store) -> Manifest | None:
        namespace = store.get(NAMESPACE, Key("", key.namespace)) or {"metadata": {}}
        wanted = namespace["metadata"].get("labels", {}).get("wants")
        if wanted == "trouble":
            raise RuntimeError("nobody knows what is missing")
        if wanted != key.name:
            return None
        notes = {FOR: namespace["metadata"]["labels"].get("for", "")}
        api, metadata = Lamp.api, {"namespace": key.namespace, "name": key.name, "annotations": notes}
        return {"apiVersion": api.api_version, "kind": api.kind, "metadata": metadata, "spec": {"bulbs": ["red"]}}

    def wanted_by(self, manifest: Manifest) -> tuple[Api, Key]:
        return Lamp.api, Key(Key.of(manifest).namespace, manifest["metadata"]["annotations"][FOR])

    async def observe(self, resource: Lamp, store: Store, now: datetime) -> str:
        if resource.spec.broken == "hang":
            await asyncio.Event().wait()
        namespace = store.get(NAMESPACE, Key("", resource.metadata.namespace)) or {"metadata": {}}
        return str(namespace["metadata"].get("labels", {}).get("shade", "none"))

    def plan(self, resource: Lamp, observed: str, now: datetime) -> Plan[LampStatus]:
        if resource.spec.broken == "stalled":
            raise Stalled("NoFilament", "spec.broken is stalled: write something else")
        if resource.spec.broken == "raise":
            raise RuntimeError("secret-token-in-an-exception")
        children = tuple(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": f"{resource.metadata.name}-{bulb}"},
                "data": {
                    "colour": bulb,
                    "shade": observed,
                    **({"note": resource.spec.note} if resource.spec.note else {}),
                },
            }
            for bulb in resource.spec.bulbs
        )
        return Plan(
            status=LampStatus(lit=len(children)),
            ready=Verdict("True", "Lit", f"{len(children)} bulbs are lit"),
            children=children,
            effects=tuple(ringing(bell) for bell in (resource.spec.ring, *resource.spec.rings) if bell),
            events=(Note("Normal", "Counted", "Counted the bulbs"),) if resource.status.lit != len(children) else (),
            due=now + timedelta(hours=1),
            discard=resource.spec.broken == "discard",
        )

    async def perform(self, resource: Lamp, effect: Effect) -> str:
        print(f"RANG {effect.key}", flush=True)
        match resource.spec.bell:
            case "hang":
                await asyncio.sleep(3600)
            case "raise":
                raise RuntimeError("secret-token-in-an-exception")
            case "never":
                raise EffectFailed("There is no such bell.", final=True)
            case number if number.isdigit() and _attempts(resource, effect) <= int(number):
                raise EffectFailed("The bell is stuck.")
        return "The bell rang."


def ringing(bell: str) -> Effect:
    second = timedelta(seconds=1)
    return Effect(f"ring-{bell}", "ring", deadline=second, attempts=3, backoff=second)


def _attempts(resource: Lamp, effect: Effect) -> int:
    """How often the bell was rung before, and now."""
    return 1 + next((record.attempts for record in resource.status.effects if record.key == effect.key), 0)


class GuardedLampController(LampController):
    finalizer = True

    async def finalize(self, resource: Lamp) -> None:
        if resource.spec.broken == "raise":
            raise RuntimeError("the far side does not answer")
        print(f"FINALIZED {resource.key}", flush=True)


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", required=True)
    parser.add_argument("--lease", default="")
    parser.add_argument("--identity", default="lamp")
    parser.add_argument("--sweep", type=float, default=600.0)
    parser.add_argument("--look-limit", type=float, default=reconciler.LOOK_LIMIT)
    parser.add_argument("--guarded", action="store_true")
    options = parser.parse_args()
    logs.set_up("info", "text")
    reconciler.LOOK_LIMIT = options.look_limit
    metrics = Metrics()
    cluster = await connect(metrics)
    controller = GuardedLampController() if options.guarded else LampController()
    lease = Key("default", options.lease) if options.lease else None
    runtime = Runtime(
        [controller],
        cluster,
        metrics,
        RuntimeOptions(
            port=int(options.bind.rpartition(":")[2]),
            lease=lease,
            identity=options.identity,
            sweep_interval=options.sweep,
        ),
    )
    try:
        return await runtime.run()
    finally:
        await cluster.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
