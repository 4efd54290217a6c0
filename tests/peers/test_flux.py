"""With Flux: a Kustomization of our kinds is ready when they are, and fails when one of them cannot be."""

from __future__ import annotations

import time

import pytest
import yaml

from tests.peers.conftest import Start
from tests.peers.flux import Flux
from tests.peers.objects import GATE, POLICY, SLO, TOTAL, Manifest, Objects, objective
from tests.processes import ROOT, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

OURS = {SLO: "checkout-availability", POLICY: "checkout", GATE: "checkout"}

SAMPLES = ("errorbudgetpolicy", "releasegate")


def samples() -> dict[str, Manifest]:
    """An objective, and the shipped samples that depend on it."""
    folder = ROOT / "manifests" / "samples"
    found = {name: yaml.safe_load((folder / f"{name}-checkout.yaml").read_text()) for name in SAMPLES}
    return {"objective": objective("checkout-availability"), **found}


def test_a_kustomization_is_ready_when_our_kinds_are(
    flux: Flux, objects: Objects, namespace: str, start_ninefold: Start
) -> None:
    flux.repository.write(namespace, namespace, **samples())
    revision = flux.repository.commit()
    flux.apply(namespace)
    wait_for(
        "Flux to have applied them", lambda: all(objects.get(kind, name, namespace) for kind, name in OURS.items()), 60
    )
    for _ in range(8):  # Flux looks every 5 s
        time.sleep(1)
        assert flux.verdict(namespace)["status"] == "Unknown", "nobody has looked at the objects yet"

    start_ninefold("--rules=ConfigMap")
    wait_for("Flux to be ready", lambda: flux.verdict(namespace)["status"] == "True", 60)
    assert flux.verdict(namespace)["message"] == f"Applied revision: {revision}"
    assert all(objects.ready(kind, name, namespace) for kind, name in OURS.items())

    files = samples()
    del files["releasegate"]
    flux.repository.write(namespace, namespace, **files)
    flux.repository.commit()
    wait_for("Flux to prune the gate", lambda: not objects.get(GATE, "checkout", namespace), 60)


def test_a_kustomization_fails_with_an_objective_that_cannot_be_kept(
    flux: Flux, objects: Objects, namespace: str, start_ninefold: Start
) -> None:
    wrong = objective("checkout-availability", indicator={"ratio": {"bad": "sum(rate(a[$window])", "total": "b"}})
    flux.repository.write(namespace, namespace, objective=wrong)
    revision = flux.repository.commit()
    start_ninefold("--rules=ConfigMap")
    flux.apply(namespace)

    def failed() -> bool:
        verdict = flux.verdict(namespace)
        return (verdict["status"], verdict.get("reason")) == ("False", "HealthCheckFailed")

    wait_for("Flux to fail, long before its timeout", failed, 60)
    verdict = flux.verdict(namespace)
    assert f"ServiceLevelObjective/{namespace}/checkout-availability status: 'Failed'" in verdict["message"]
    assert verdict["attempted"] == revision
    # Flux names the object; the sentence is there.
    stalled = objects.condition(SLO, "checkout-availability", namespace, "Stalled")
    assert stalled["message"].startswith("spec.indicator.ratio.bad:")

    flux.repository.write(namespace, namespace, objective=objective("checkout-availability"))
    flux.repository.commit()
    wait_for("Flux to be ready with the mended objective", lambda: flux.verdict(namespace)["status"] == "True", 90)


def test_an_objective_that_is_renamed_in_git_keeps_what_it_had_spent(
    flux: Flux, objects: Objects, namespace: str, start_ninefold: Start
) -> None:
    def commit(name: str) -> None:
        bad = objective(name, indicator={"ratio": {"bad": TOTAL, "total": TOTAL}}, window={"rolling": "1h"})
        policy, gate = samples()["errorbudgetpolicy"], samples()["releasegate"]
        policy["spec"]["rules"] = [
            {"when": {"burnRate": {"above": "2", "over": "5m"}}, "state": "Exhausted", "then": {"gate": "Hold"}}
        ]
        flux.repository.write(namespace, namespace, objective=bad, policy=policy, gate=gate)
        flux.repository.commit()

    def decision() -> str:
        return str(objects.get(GATE, "checkout", namespace).get("status", {}).get("decision", ""))

    def carried() -> Manifest:
        assert decision() == "Hold"
        entries = objects.get(POLICY, "checkout", namespace)["status"]["objectives"]
        found: list[Manifest] = [entry.get("carried") or {} for entry in entries if entry["name"] == "api"]
        return found[0] if found else {}

    start_ninefold("--rules=ConfigMap")
    commit("api")
    flux.apply(namespace)
    wait_for("the gate to close", lambda: decision() == "Hold", 120)

    commit("checkout-api")
    gone = wait_for("Flux to rename it", lambda: state if "change" in (state := carried()) else {}, 90)
    assert "kustomize-controller" in gone.get("by", "kustomize-controller")
    assert not objects.get(SLO, "api", namespace)
    renamed = wait_for("the new name to be in force", lambda: carried().get("measuredBy") == "checkout-api", 90)
    assert renamed
    reason = objects.get(POLICY, "checkout", namespace)["status"]["reason"]
    assert "api" in reason, reason
