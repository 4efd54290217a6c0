"""How Ninefold serves ReleaseGates."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ninefold.domain.kind import Kind, Process
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kube.api import Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.store import Store
from ninefold.release.people.gates import VERBS
from ninefold.release.releasegate.resource import ReleaseGate

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from ninefold.domain.measurements.sources import PrometheusSources
    from ninefold.kube.server import Endpoint


def _controller() -> type[AnyController]:
    from ninefold.release.releasegate.controller import ReleaseGateController

    return ReleaseGateController


def _metrics(store: Store, sources: PrometheusSources) -> Collector:
    from ninefold.release.releasegate.metrics import GateMetrics

    return GateMetrics(store)


def _run_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("gates, for delivery tools (without a file, no one may ask over HTTP)")
    group.add_argument("--gate-token-file", type=Path, metavar="FILE", help="bearer tokens that may ask, one a line")
    group.add_argument("--gate-hmac-key-file", type=Path, metavar="FILE", help="keys of Flagger's webhooks, one a line")


def _pages(process: Process, options: argparse.Namespace) -> Sequence[Endpoint]:
    from ninefold.kube.clock import SystemClock
    from ninefold.kube.secretfile import SecretFile
    from ninefold.release.gate_api.endpoints import Answering

    clock = SystemClock()
    tokens, keys = (SecretFile(path, clock) for path in (options.gate_token_file, options.gate_hmac_key_file))
    # Without a secret no client can ask, so the store need not be fresh.
    asked = bool(tokens.path or keys.path)
    age = process.keep_fresh(ReleaseGate.api) if asked else lambda: float("inf")
    return Answering(process.store, age, tokens, keys, clock).endpoints()


def _lint(gate: ReleaseGate, others: ResourceSet) -> Iterable[Diagnostic]:
    from ninefold.release.releasegate.lint import check

    return check(gate, others)


def _policies() -> list[Manifest]:
    from ninefold.release.people.gates import people_manifests
    from ninefold.release.people.reserved import reserved_manifests
    from ninefold.release.releasegate.admission.policies import policy_manifests

    return [*policy_manifests(), *people_manifests(), *reserved_manifests()]


KIND = Kind(
    model=ReleaseGate,
    controller=_controller,
    metrics=_metrics,
    pages=_pages,
    run_options=_run_options,
    lint=_lint,
    policies=_policies,
    verbs=VERBS,
    admin_only=True,
    words={
        "Allow": "good",
        "Approve": "attention",
        "Hold": "attention",
        "Deny": "bad",
        "Unknown": "attention",
    },
)
