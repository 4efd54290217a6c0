"""The operator's port with gates in its store and no cluster: `python -m bench.gateserver PORT TOKENFILE GATES`.

Beside the endpoint it serves /empty, which answers what is nothing: the floor that the endpoint is compared with.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import uvloop

from ninefold.kube.clock import SystemClock
from ninefold.kube.metrics import Metrics
from ninefold.kube.secretfile import SecretFile
from ninefold.kube.server import Endpoint, Reply, application, serve
from ninefold.kube.store import Store
from ninefold.release.gate_api.endpoints import Answering
from ninefold.release.releasegate.resource import ReleaseGate

NAMESPACE = "shop"
DECISIONS = ("Allow", "Hold", "Deny")


def decision(number: int) -> str:
    """What the gate of this number says."""
    return DECISIONS[number % len(DECISIONS)]


def image(number: int) -> str:
    """What the gate of this number blames."""
    return f"images.example.com/shop/service-{number}:v42"


def store(gates: int) -> Store:
    found = Store()
    for number in range(gates):
        found.put(
            ReleaseGate.api,
            {
                "metadata": {
                    "name": f"gate-{number}",
                    "namespace": NAMESPACE,
                    "resourceVersion": str(number + 1),
                    "generation": 1,
                },
                "spec": {"workloads": {"matchLabels": {"app": "a"}}, "sources": [{"errorBudgetPolicy": "a"}]},
                "status": {
                    "observedGeneration": 1,
                    "decision": decision(number),
                    "because": "ErrorBudgetPolicy a: Exhausted",
                    "message": f"service-{number} has spent 104 % of its 30-day error budget, burning 22x over 1h.",
                    "since": "2026-03-01T12:00:00Z",
                    "knownGoodRevisions": {
                        f"Deployment/service-{number}": "\n".join(
                            f"app=images.example.com/shop/service-{number}:v{tag}" for tag in range(10)
                        )
                    },
                    "blamed": [image(number)],
                },
            },
        )
    return found


async def _serve(port: int, tokens: Path, gates: int) -> None:
    clock = SystemClock()
    answering = Answering(store(gates), lambda: 0.0, SecretFile(tokens, clock), SecretFile(None, clock), clock)
    empty = Endpoint("GET", "/empty", lambda _: Reply(200, b"{}"))
    await serve(application(Metrics(), {}, {}, [*answering.endpoints(), empty]), "127.0.0.1", port)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(_serve(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
