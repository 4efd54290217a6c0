"""Objects of every kind in every state that the reconciler writes, and how Argo CD is to judge them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from ninefold.kinds import MODELS
from ninefold.kube import conditions
from ninefold.kube.errors import Stalled, Waiting
from ninefold.kube.model import Resource, Status
from ninefold.kube.plan import Verdict
from ninefold.release.override.resource import Override
from ninefold.release.releasegate.resource import ReleaseGate

NOW = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
READY = {conditions.READY: Verdict("True", "Done", "All is well.")}
UNREADY = conditions.of_plan(Verdict("False", "NotYet", "Not yet."), {})
STALLED = conditions.of_error(Stalled("InvalidSpec", "spec.a: write a number."))
SUSPENDED = {conditions.READY: Verdict("Unknown", "Suspended", "spec.suspend is true.")}
Verdicts = Mapping[str, Verdict]


class Case(NamedTuple):
    name: str
    object: dict[str, Any]
    health: str
    message: str


def of(kind: type[Resource], verdicts: Verdicts, *, seen: int = 3, **parts: Any) -> dict[str, Any]:
    """An object of generation 3. `parts`: annotations, spec, status."""
    found = conditions.merge((), verdicts, seen, NOW)
    status = Status(observed_generation=seen, conditions=found, inventory=[], effects=[]).wire()
    return {
        "apiVersion": kind.api.api_version,
        "kind": kind.api.kind,
        "metadata": {
            "name": "checkout",
            "namespace": "shop",
            "generation": 3,
            "annotations": parts.get("annotations", {}),
        },
        "spec": parts.get("spec", {}),
        "status": {**status, **parts.get("status", {})},
    }


def cases() -> Iterator[Case]:
    for kind in MODELS:
        unseen = "Ninefold has not reconciled it yet"
        new = of(kind, {}, seen=-1)
        yield Case("new", {**new, "status": {"observedGeneration": -1}}, "Progressing", unseen)
        yield Case("no status", {name: part for name, part in new.items() if name != "status"}, "Progressing", unseen)
        yield Case("edited", of(kind, READY, seen=2), "Progressing", unseen)
        yield Case("edited, was stalled", of(kind, STALLED, seen=2), "Progressing", unseen)
        yield Case("stalled", of(kind, STALLED), "Degraded", "spec.a: write a number.")
        yield Case("suspended", of(kind, SUSPENDED, spec={"suspend": True}), "Suspended", "spec.suspend is true.")
        yield Case(
            "stalled and suspended", of(kind, STALLED, spec={"suspend": True}), "Degraded", "spec.a: write a number."
        )
        yield Case("unready", of(kind, UNREADY), "Progressing", "Not yet.")
        waiting = conditions.of_error(Waiting("NoAnswer", "Nobody answers.", until=NOW))
        yield Case("waiting", of(kind, waiting), "Progressing", "Nobody answers.")
        failed = "The last attempt failed and is repeated; the operator's log says why."
        yield Case("failed", of(kind, conditions.of_error(RuntimeError("secret"))), "Progressing", failed)
        starting = conditions.of_plan(Verdict("Unknown", "Starting", "Soon."), {})
        yield Case("starting", of(kind, starting), "Progressing", "Soon.")
        if kind.api.kind != "ReleaseGate":
            yield Case("ready", of(kind, READY), "Healthy", "All is well.")
    yield from _overrides()
    yield from _gates()


def _overrides() -> Iterator[Case]:
    for state, health in (("Pending", "Suspended"), ("Over", "Healthy"), ("Refused", "Degraded")):
        status = {"state": state}
        yield Case(state, of(Override, UNREADY, status=status), health, "Not yet.")
        edited = of(Override, UNREADY, seen=2, status=status)
        yield Case(f"{state}, edited", edited, "Progressing", "Ninefold has not reconciled it yet")
    yield Case("in force", of(Override, READY, status={"state": "InForce"}), "Healthy", "All is well.")


HOOK = {"argocd.argoproj.io/hook": "PreSync"}
WAIT = {"ninefold.dev/argocd": "wait"}


def _gates() -> Iterator[Case]:
    judged = {"Allow": "Healthy", "Hold": "Suspended", "Deny": "Degraded", "Unknown": "Suspended"}
    until = "2099-03-01T14:00:00Z"
    for decision, held in judged.items():
        status = {"decision": decision, "message": "The budget is spent."}
        told = f"{decision}: The budget is spent."
        yield Case(f"lives in an app: {decision}", of(ReleaseGate, READY, status=status), "Healthy", told)
        for notes in (HOOK, WAIT):
            gate = of(ReleaseGate, READY, status=status, annotations=notes)
            yield Case(f"holds: {decision}", gate, held, told)
            gate = of(ReleaseGate, UNREADY, status=status, annotations=notes)
            yield Case(f"holds, a policy is missing: {decision}", gate, held, told)
            gate = of(ReleaseGate, SUSPENDED, status=status, annotations=notes, spec={"suspend": True})
            yield Case(f"holds, frozen as it is: {decision}", gate, held, told)
            gate = of(ReleaseGate, READY, seen=2, status=status, annotations=notes)
            yield Case(f"holds, edited: {decision}", gate, "Progressing", "Ninefold has not reconciled it yet")
            gate = of(ReleaseGate, STALLED, status=status, annotations=notes)
            yield Case(f"holds, stalled: {decision}", gate, "Degraded", "spec.a: write a number.")
            override: dict[str, Any] = {"name": "hotfix", "by": "ann", "until": until}
            gate = of(ReleaseGate, READY, status={**status, "overrides": [override]}, annotations=notes)
            yield Case(f"holds, overridden: {decision}", gate, "Healthy", "Overridden by hotfix")
            partly = {**override, "images": ["checkout:v2"]}
            gate = of(ReleaseGate, READY, status={**status, "overrides": [partly]}, annotations=notes)
            yield Case(f"holds, overridden for one image: {decision}", gate, held, told)
    yield Case("silent", of(ReleaseGate, READY, status={"decision": "Allow"}), "Healthy", "Allow")
    yield Case("an older operator's", of(ReleaseGate, READY), "Healthy", "Unknown")
