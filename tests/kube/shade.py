"""A foreign kind made for the tests of the machinery: a Shade that is drawn while the lamp that it names is lit.

python -m tests.kube.shade --bind 127.0.0.1:8080            (with KUBECONFIG)
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from datetime import datetime
from typing import Any

from ninefold.kube import logs
from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.client import connect
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.follower import Follower, Hold, LetGo, Replace, Wanted
from ninefold.kube.metrics import Metrics
from ninefold.kube.plan import Note
from ninefold.kube.runtime import Runtime, RuntimeOptions
from ninefold.kube.store import Store
from tests.kube.lamp import Lamp, LampController

SHADE = Api("example.com", "v1", "Shade", "shades")
NAMESAKE = Api("example.com", "v1", Lamp.api.kind, "namesakes")
"""A foreign kind whose name is that of ours."""
LAMP, BY_LIST, PARTED = "example.com/lamp", "example.com/by-list", "example.com/parted"
OURS = "ninefold"


class Shades(Follower):
    """Drawn by `spec.drawn`, or, where the annotation asks for it, by a slat in a list that others write, too."""

    api = SHADE
    leader = Lamp.api
    asks = (LAMP,)
    writes = ("drawn", "slats")

    def follows(self, manifest: Manifest) -> Key | None:
        name = manifest["metadata"].get("annotations", {}).get(LAMP)
        return Key(Key.of(manifest).namespace, name) if name else None

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        key = self.follows(manifest)
        lamp = store.get(Lamp.api, key) if key else None
        broken = lamp["spec"].get("broken") if lamp else ""
        if broken == "stalled":
            raise Stalled("NoFilament", "The lamp has no filament.")
        if broken == "waiting":
            raise Waiting("Warming", "The lamp is warming up.", now)
        if broken == "raise":
            raise RuntimeError("nobody knows what is wanted")
        lit = bool(lamp and lamp["spec"].get("bulbs"))
        warning = Note("Warning", "NoLamp", "There is no such lamp.") if key and not lamp else None
        return Wanted(self._do(manifest, lit), Note("Normal", "Moved", f"lit: {lit}"), warning)

    def _do(self, manifest: Manifest, lit: bool) -> Hold | LetGo | Replace:
        if BY_LIST in manifest["metadata"].get("annotations", {}):
            others = [slat for slat in manifest["spec"].get("slats", ()) if slat != OURS]
            return Replace({"spec": {"slats": [*others, OURS] if lit else others or None}})
        if lit:
            return Hold({"spec": {"drawn": True}})
        return LetGo({"metadata": {"annotations": {PARTED: "yes"}}})


class Namesakes(Shades):
    api = NAMESAKE


def crd(api: Api = SHADE) -> dict[str, Any]:
    spec = {
        "drawn": {"type": "boolean"},
        "slats": {"type": "array", "items": {"type": "string"}},
        "cloth": {"type": "string"},
        "values": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    }
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": spec}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": api.name},
        "spec": {
            "group": api.group,
            "scope": "Namespaced",
            "names": {"kind": api.kind, "plural": api.plural, "singular": api.plural.removesuffix("s")},
            "versions": [{"name": api.version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


async def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--bind", required=True)
    parser.add_argument("--sweep", type=float, default=600.0)
    options = parser.parse_args()
    logs.set_up("info", "text")
    metrics = Metrics()
    cluster = await connect(metrics)
    port = int(options.bind.rpartition(":")[2])
    runtime = Runtime(
        [LampController()],
        cluster,
        metrics,
        RuntimeOptions(port=port, sweep_interval=options.sweep),
        followers=[Shades(), Namesakes()],
    )
    try:
        return await runtime.run()
    finally:
        await cluster.close()


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
