"""With Argo Rollouts: a canary waits while its gate is closed, and is aborted only when the gate blames it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import devcluster
from devcluster.build import unpacked
from devcluster.recipes import RECIPES
from ninefold.kube.api import DEPLOYMENT, ROLLOUT, Api, Key
from ninefold.kube.store import Store
from ninefold.release.workloads.delegation import seen
from tests.peers.gate import Gates
from tests.peers.objects import Manifest
from tests.processes import wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

RECIPE = RECIPES["argo-rollouts"]
REPLICA_SET = Api("apps", "v1", "ReplicaSet", "replicasets")
RUN = Api("argoproj.io", "v1alpha1", "AnalysisRun", "analysisruns")
TEMPLATE = Api("argoproj.io", "v1alpha1", "ClusterAnalysisTemplate", "clusteranalysistemplates", namespaced=False)
V1, V2, V3, V4 = (f"images.example.com/shop/checkout:v{number}" for number in (41, 42, 43, 44))
GATED = {"matchLabels": {"app": "checkout"}}


class Canary:
    """The shipped Rollout in a namespace of its own, its first version running."""

    def __init__(self, gates: Gates, namespace: str, pause: Manifest, *, refers: bool = False) -> None:
        """`refers`: the pod template is that of a Deployment."""
        self.gates = gates
        self.namespace = namespace
        (self._manifest,) = gates.shipped("argo-rollouts-example.yaml", namespace)
        (step,) = (step for step in self._manifest["spec"]["strategy"]["canary"]["steps"] if "pause" in step)
        step["pause"] = pause
        self._templated = _deployment(self._manifest) if refers else self._manifest
        self._objects = [self._templated, self._manifest] if refers else [self._manifest]
        if refers:
            reference = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "checkout", "scaleDown": "onsuccess"}
            self._manifest["spec"]["workloadRef"] = reference
            # There is no image in the Rollout by which anything could be blamed.
            del self._manifest["spec"]["strategy"]["canary"]["analysis"]

    def release(self, image: str) -> None:
        self._templated["spec"]["template"]["spec"]["containers"][0]["image"] = image
        self.gates.objects.apply(*self._objects)

    def begin(self, workloads: Manifest | None = None) -> None:
        """The first version: there is nothing to compare with, so Argo Rollouts runs no analysis."""
        self.gates.create(self.namespace, workloads)
        self.gates.decide(self.namespace, "Allow")
        self.release(V1)
        self.wait_for_stable(V1)

    @property
    def status(self) -> dict[str, Any]:
        """Of the present generation; {} before the controller has seen it."""
        found = self.gates.objects.get(ROLLOUT, "checkout", self.namespace)
        status: dict[str, Any] = found.get("status", {})
        return status if status.get("observedGeneration") == str(found["metadata"]["generation"]) else {}

    def wait_for_stable(self, image: str) -> None:
        def stable() -> bool:
            status = self.status
            healthy = status.get("phase") == "Healthy" and status["stableRS"] == status["currentPodHash"]
            # A change of a Deployment that is referred to is no new generation of the Rollout.
            return healthy and self.running == image

        wait_for(f"{image} to be stable", stable, 120)
        assert not self.status.get("abort")

    @property
    def running(self) -> str:
        """The image of what Argo Rollouts calls the newest version."""
        newest = f"rollouts-pod-template-hash={self.status['currentPodHash']}"
        (found,) = self.gates.objects.list(REPLICA_SET, self.namespace, newest)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def at_step(self, index: int) -> bool:
        return bool(self.status.get("currentStepIndex") == index)

    @property
    def measured(self) -> dict[str, dict[str, Any]]:
        """What the analyses of the newest version have measured so far, by metric."""
        newest = self.status.get("currentPodHash", "none")
        runs = self.gates.objects.list(RUN, self.namespace, f"rollouts-pod-template-hash={newest}")
        results = (result for run in runs for result in run.get("status", {}).get("metricResults", ()))
        return {result["name"]: result for result in results}

    def wait_for_measurements(self, metric: str, field: str, more: int) -> None:
        """Return when a metric has been measured so many times more."""
        before = self.measured.get(metric, {}).get(field, 0)
        wait_for(
            f"{more} more {field} of {metric}",
            lambda: self.measured.get(metric, {}).get(field, 0) >= before + more,
            120,
        )


def _deployment(rollout: Manifest) -> Manifest:
    """Takes the template of a Rollout out of it. Without replicas: Argo Rollouts scales it."""
    spec = rollout["spec"]
    taken = {"selector": spec.pop("selector"), "template": spec.pop("template")}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {**rollout["metadata"]}, "spec": taken}


@pytest.fixture(scope="module")
def gates(cluster: devcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    crds = unpacked(RECIPE.name, RECIPE.module) / "manifests" / "crds"
    for file in sorted(crds.glob("*-crd.yaml")):
        cluster.kubectl("apply", "--server-side", "-f", str(file))
    with Gates(cluster, Path(tmp_path_factory.mktemp("secrets"))) as gates:
        gates.install()
        for api in (ROLLOUT, RUN, TEMPLATE):
            wait_for(f"{api.plural} to be served", partial(gates.objects.served, api))
        templates = gates.shipped("argo-rollouts.yaml")
        for template in templates:
            for metric in template["spec"]["metrics"]:
                metric["interval"] = "2s"
        gates.objects.apply(*templates)
        ports = [f"--{name}Port={cluster.free_port()}" for name in ("metrics", "healthz")]
        cluster.spawn("argo-rollouts", [cluster.binary("rollouts-controller"), "--leader-elect=false", *ports])
        yield gates


def test_a_canary_is_held_at_its_step_while_the_gate_is_closed_and_goes_on_when_it_opens(
    gates: Gates, namespace: str
) -> None:
    canary = Canary(gates, namespace, {"duration": "1s"})
    canary.begin()
    gates.decide(namespace, "Hold")
    canary.release(V2)
    for decision in ("Hold", "Deny", "Unknown"):
        gates.decide(namespace, decision)
        canary.wait_for_measurements("gate-open", "failed", 3)
        assert canary.at_step(0)
        assert (canary.status["phase"], canary.status.get("abort")) == ("Progressing", None)
    gates.decide(namespace, "Allow")
    canary.wait_for_stable(V2)


def test_a_canary_outlives_an_endpoint_that_is_away_for_a_minute(gates: Gates, namespace: str) -> None:
    canary = Canary(gates, namespace, {"duration": "1s"})
    canary.begin()
    gates.decide(namespace, "Hold")
    canary.release(V2)
    canary.wait_for_measurements("gate-open", "failed", 1)
    gates.operator.kill()
    # After an error Argo Rollouts asks again every 10 s, and by default aborts at the fifth.
    canary.wait_for_measurements("gate-open", "error", 6)
    assert canary.measured["burn-abort"]["consecutiveError"] >= 5
    assert canary.at_step(0)
    assert (canary.status["phase"], canary.status.get("abort")) == ("Progressing", None)
    gates.operator.start()
    gates.wait_ready()
    canary.wait_for_measurements("gate-open", "failed", 1)
    assert canary.at_step(0), "the gate is closed still"
    gates.decide(namespace, "Allow")
    canary.wait_for_stable(V2)


@pytest.mark.parametrize("by", ["image", "hash"])
def test_a_canary_is_aborted_only_when_its_own_revision_is_blamed(gates: Gates, namespace: str, by: str) -> None:
    canary = Canary(gates, namespace, {})
    canary.begin()
    stable = canary.status["stableRS"]
    canary.release(V2)
    wait_for("the canary to have its weight", lambda: canary.at_step(2) and canary.status["phase"] == "Paused", 60)
    for decision, blamed in (("Deny", None), ("Deny", [V1, stable]), ("Hold", [V2])):
        gates.decide(namespace, decision, blamed=blamed)
        canary.wait_for_measurements("burn-abort", "successful", 3)
        assert canary.status.get("abort") is None, f"{decision} that blames {blamed}"
    gates.decide(namespace, "Deny", blamed=[V2 if by == "image" else canary.status["currentPodHash"]])
    wait_for("the abort", lambda: canary.status.get("abort"), 30)
    wait_for("the old version to take over", lambda: canary.status["phase"] == "Degraded", 60)
    assert canary.status["stableRS"] == stable
    assert "burn-abort" in canary.status["message"]


def hold_and_roll_back(canary: Canary, gates: Gates, namespace: str, api: Api) -> None:
    """With the template in an object of this kind: V3 is held by a closed gate, and V1, known to be good, passes."""
    gates.decide(namespace, "Unknown")
    canary.release(V3)
    canary.wait_for_measurements("gate-open", "failed", 1)
    gates.decide(namespace, "Hold", known={f"{api.kind}/checkout": f"app={V2}\napp={V1}"})
    wait_for("the gate to be enforced", lambda: "is closed (Hold)" in gates.refused(api, namespace, V4))
    canary.wait_for_measurements("gate-open", "failed", 2)
    assert canary.at_step(0), "the new version is held"
    canary.release(V1)
    canary.wait_for_stable(V1)
    assert canary.measured["gate-open"]["successful"] >= 2, "it was asked, and not skipped"


def test_a_rollback_to_what_is_known_to_be_good_goes_through_a_closed_gate_to_its_end(
    gates: Gates, namespace: str
) -> None:
    canary = Canary(gates, namespace, {"duration": "1s"})
    canary.begin(GATED)
    canary.release(V2)
    canary.wait_for_stable(V2)
    hold_and_roll_back(canary, gates, namespace, ROLLOUT)
    assert "is closed (Hold)" in gates.refused(ROLLOUT, namespace, V3)


def test_after_an_abort_the_last_good_version_is_put_back_under_a_closed_gate(gates: Gates, namespace: str) -> None:
    canary = Canary(gates, namespace, {})
    canary.begin(GATED)
    canary.release(V2)
    wait_for("the canary to have its weight", lambda: canary.at_step(2) and canary.status["phase"] == "Paused", 60)
    gates.decide(namespace, "Deny", blamed=[V2], known={"Rollout/checkout": f"app={V1}"})
    wait_for("the abort", lambda: canary.status.get("abort"), 30)
    canary.release(V1)
    canary.wait_for_stable(V1)
    assert "is closed (Deny)" in gates.refused(ROLLOUT, namespace, V2)


def test_a_rollout_that_refers_to_a_deployment_is_held_and_rolled_back_by_the_deployment(
    gates: Gates, namespace: str
) -> None:
    canary = Canary(gates, namespace, {"duration": "1s"}, refers=True)
    canary.begin(GATED)
    canary.release(V2)
    canary.wait_for_stable(V2)
    store = Store()
    for api in (ROLLOUT, DEPLOYMENT):
        store.put(api, gates.objects.get(api, "checkout", namespace))
    deployment = store.get(DEPLOYMENT, Key(namespace, "checkout"))
    assert deployment is not None
    assert deployment["spec"]["replicas"] == 0
    assert seen(DEPLOYMENT, deployment, store).serving.enough, "so the gate learns what the Rollout runs"

    hold_and_roll_back(canary, gates, namespace, DEPLOYMENT)
