"""With Flagger: a canary waits, widens and ends as its gate says, and is rolled back only on a positive answer."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import devcluster
from devcluster.build import unpacked
from devcluster.recipes import RECIPES
from ninefold.kube.api import DEPLOYMENT, EVENT, Api, Key
from ninefold.kube.store import Store
from ninefold.release.workloads.delegation import seen
from tests.peers.gate import Gates
from tests.peers.objects import Manifest
from tests.processes import wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

RECIPE = RECIPES["flagger"]
CANARY = Api("flagger.app", "v1beta1", "Canary", "canaries")
V1, V2, V3, V4 = (f"images.example.com/shop/checkout:v{number}" for number in (41, 42, 43, 44))
CONFIRM, ROLLBACK = "/v1/flagger/confirm", "/v1/flagger/rollback"
PATIENCE = 240
"""Seconds; Flagger looks every 10 s."""


class Shop:
    """The shipped Canary in a namespace of its own, with its Deployment and its Ingress; the first version runs."""

    def __init__(self, gates: Gates, namespace: str, **metadata: str) -> None:
        self.gates = gates
        self.namespace = namespace
        (self.canary,) = gates.shipped("flagger-example.yaml", namespace)
        self.canary["spec"]["analysis"] |= {"interval": "10s", "stepWeight": 25}
        for hook in self.canary["spec"]["analysis"]["webhooks"]:
            hook["metadata"] = {**hook["metadata"], **metadata}

    def switch_at_once(self) -> None:
        """With the provider that shifts no weights: a few checks, then everything."""
        spec = self.canary["spec"]
        del spec["ingressRef"]
        analysis = {"interval": "10s", "threshold": 5, "iterations": 1, "webhooks": spec["analysis"]["webhooks"]}
        spec |= {"provider": "kubernetes", "analysis": analysis}

    def sign(self, signature: str, *types: str) -> None:
        """Give the webhooks of these types another signature."""
        for hook in self.canary["spec"]["analysis"]["webhooks"]:
            if hook["type"] in types:
                hook["metadata"]["signature"] = signature

    def begin(self, workloads: Manifest | None = None) -> None:
        self.gates.create(self.namespace, workloads)
        self.gates.decide(self.namespace, "Allow")
        self.gates.objects.apply(_ingress(self.namespace))
        self.release(V1)
        self.gates.objects.apply(self.canary)
        self.wait_for_phase("Initialized")

    def release(self, image: str) -> None:
        self.gates.objects.apply(_deployment(self.namespace, image))

    @property
    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = self.gates.objects.get(CANARY, "checkout", self.namespace).get("status", {})
        return found

    def wait_for_phase(self, *phases: str) -> None:
        wait_for(f"the canary to be {' or '.join(phases)}", lambda: self.status.get("phase") in phases, PATIENCE)

    def wait_for_weight(self, weight: int) -> None:
        wait_for(f"the canary to have {weight} %", lambda: self.status.get("canaryWeight") == weight, PATIENCE)

    def told(self, text: str) -> int:
        """How often Flagger has said this in its events."""
        code, found = self.gates.cluster.api.request("GET", EVENT.path(self.namespace))
        assert code == 200, found
        return sum(event.get("count") or 1 for event in found["items"] if text in event["message"])

    def wait_for_told(self, text: str, more: int = 2) -> None:
        """Return when Flagger has said this so many times more."""
        before = self.told(text)
        wait_for(f"Flagger to tell {text!r}", lambda: self.told(text) >= before + more, PATIENCE)

    @property
    def primary(self) -> str:
        """The image that customers get."""
        found = self.gates.objects.get(DEPLOYMENT, "checkout-primary", self.namespace)
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])

    def wait_for_primary(self, image: str) -> None:
        wait_for(f"customers to get {image}", lambda: self.primary == image, 2 * PATIENCE)

    def learns(self, image: str) -> bool:
        """Whether the gate learns this image for the workload that Flagger scales to nothing."""
        store = Store()
        for name in ("checkout", "checkout-primary"):
            store.put(DEPLOYMENT, self.gates.objects.get(DEPLOYMENT, name, self.namespace))
        target = store.get(DEPLOYMENT, Key(self.namespace, "checkout"))
        assert target is not None
        assert target["spec"]["replicas"] == 0
        found = seen(DEPLOYMENT, target, store)
        return found.serving.enough and found.images == (image,)


def _deployment(namespace: str, image: str) -> Manifest:
    labels = {"app": "checkout"}
    container = {"name": "app", "image": image, "ports": [{"name": "http", "containerPort": 8080}]}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "checkout", "namespace": namespace, "labels": labels},
        # Without replicas: Flagger scales it, and an apply must not take that back.
        "spec": {
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def _ingress(namespace: str) -> Manifest:
    backend = {"service": {"name": "checkout", "port": {"number": 8080}}}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"rules": [{"host": "checkout.example.com", "http": {"paths": [path]}}]},
    }


@pytest.fixture(scope="module")
def gates(cluster: devcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gates]:
    crds = unpacked(RECIPE.name, RECIPE.module) / "artifacts" / "flagger" / "crd.yaml"
    cluster.kubectl("apply", "--server-side", "-f", str(crds))
    with Gates(cluster, Path(tmp_path_factory.mktemp("secrets"))) as gates:
        gates.install()
        wait_for("canaries to be served", partial(gates.objects.served, CANARY))
        options = [
            "-mesh-provider=nginx",
            f"-metrics-server={cluster.prometheus.inside_url}",
            f"-port={cluster.free_port()}",
        ]
        environment = {"KUBECONFIG": str(cluster.inside_kubeconfig)}
        kubeconfig = f"-kubeconfig={cluster.inside_kubeconfig}"
        cluster.spawn("flagger", [cluster.binary("flagger"), kubeconfig, *options], env=environment)
        yield gates


def test_a_canary_begins_widens_and_ends_only_while_its_gate_is_open(gates: Gates, namespace: str) -> None:
    shop = Shop(gates, namespace)
    shop.begin()
    gates.decide(namespace, "Hold")
    shop.release(V2)
    shop.wait_for_phase("Waiting")
    gates.decide(namespace, "Unknown")
    gates.wait_until_asked(CONFIRM, 403)
    assert shop.status["phase"] == "Waiting"

    gates.decide(namespace, "Allow")
    shop.wait_for_weight(25)
    gates.decide(namespace, "Hold")
    shop.wait_for_told("waiting for traffic increase approval gate-open-to-widen")
    assert (shop.status["phase"], shop.status["canaryWeight"]) == ("Progressing", 25)

    gates.decide(namespace, "Allow")
    shop.wait_for_weight(50)
    gates.decide(namespace, "Deny")
    shop.wait_for_told("waiting for traffic increase approval gate-open-to-widen")
    assert (shop.status["phase"], shop.primary) == ("Progressing", V1)
    assert shop.status["failedChecks"] == 0, "waiting is no failure"

    gates.decide(namespace, "Allow")
    shop.wait_for_phase("Succeeded")
    assert shop.primary == V2


def test_a_canary_without_weights_is_promoted_only_while_its_gate_is_open(gates: Gates, namespace: str) -> None:
    shop = Shop(gates, namespace)
    shop.switch_at_once()
    shop.begin()
    shop.release(V2)
    shop.wait_for_phase("Progressing")
    gates.decide(namespace, "Hold")
    shop.wait_for_phase("WaitingPromotion")
    shop.wait_for_told("not signaling a rollback")
    assert (shop.status["phase"], shop.primary) == ("WaitingPromotion", V1)
    assert shop.status["failedChecks"] == 0, "waiting is no failure"
    gates.decide(namespace, "Allow")
    shop.wait_for_phase("Succeeded")
    assert shop.primary == V2


def test_a_canary_is_rolled_back_only_when_it_is_blamed(gates: Gates, namespace: str) -> None:
    shop = Shop(gates, namespace)
    shop.begin()
    shop.release(V2)
    shop.wait_for_weight(25)
    for decision, blamed in (("Deny", None), ("Deny", [V1]), ("Hold", [V2])):
        gates.decide(namespace, decision, blamed=blamed)
        shop.wait_for_told("not signaling a rollback")
        assert shop.status["phase"] == "Progressing", f"{decision} that blames {blamed}"
    gates.operator.kill()
    shop.wait_for_told("not signaling a rollback")
    assert shop.status["phase"] == "Progressing", "no answer is no reason to roll back"
    gates.operator.start()
    gates.wait_ready()
    gates.decide(namespace, "Deny", blamed=[V2])
    shop.wait_for_phase("Failed")
    assert shop.primary == V1


def test_a_rollback_to_what_is_known_to_be_good_goes_through_a_closed_gate_to_its_end(
    gates: Gates, namespace: str
) -> None:
    """Also where the gate is over the primary Deployment, which Flagger changes at the end."""
    shop = Shop(gates, namespace)
    shop.begin({"scope": "Namespace"})
    shop.release(V2)
    shop.wait_for_phase("Succeeded")
    assert shop.primary == V2
    assert shop.learns(V2), "by its primary, since it has no pods itself"
    gates.decide(namespace, "Unknown")
    shop.release(V3)
    shop.wait_for_phase("Waiting")
    known = {f"Deployment/{name}": f"app={V2}\napp={V1}" for name in ("checkout", "checkout-primary")}
    gates.decide(namespace, "Hold", known=known)
    wait_for("the gate to be enforced", lambda: "is closed (Hold)" in gates.refused(DEPLOYMENT, namespace, V4))
    gates.wait_until_asked(CONFIRM, 403)
    assert (shop.status["phase"], shop.primary) == ("Waiting", V2), "the new version is held"

    shop.release(V1)
    shop.wait_for_primary(V1)
    shop.wait_for_phase("Succeeded")
    assert "is closed (Hold)" in gates.refused(DEPLOYMENT, namespace, V3)


def test_a_canary_that_asks_for_it_is_rolled_back_on_any_deny(gates: Gates, namespace: str) -> None:
    shop = Shop(gates, namespace, rollbackOn="Deny")
    shop.begin()
    shop.release(V2)
    shop.wait_for_weight(25)
    gates.decide(namespace, "Deny")
    shop.wait_for_phase("Failed")
    assert shop.primary == V1


def test_a_wrong_signature_lets_nothing_through_and_rolls_nothing_back(gates: Gates, namespace: str) -> None:
    shop = Shop(gates, namespace)
    shop.sign("f" * 64, "confirm-rollout", "rollback")
    shop.begin()
    shop.release(V2)
    shop.wait_for_phase("Waiting")
    gates.wait_until_asked(CONFIRM, 401)
    assert (shop.status["phase"], shop.primary) == ("Waiting", V1)

    shop.sign(gates.signature(namespace), "confirm-rollout")
    gates.objects.apply(shop.canary)
    shop.wait_for_weight(25)
    gates.decide(namespace, "Deny", blamed=[V2])
    gates.wait_until_asked(ROLLBACK, 401)
    assert (shop.status["phase"], shop.primary) == ("Progressing", V1)


def test_the_gate_as_a_metric_is_a_check_like_any_other(gates: Gates, namespace: str) -> None:
    shop = Shop(gates, namespace)
    shop.switch_at_once()
    metric = {
        "name": "gate",
        "templateRef": {"name": "ninefold-gate-open"},
        "thresholdRange": {"min": 1},
        "interval": "1m",
    }
    shop.canary["spec"]["analysis"] |= {"iterations": 3, "webhooks": [], "metrics": [metric]}
    gates.objects.apply(*gates.shipped("flagger-metric.yaml", namespace))
    shop.begin()
    assert not shop.told("Error checking metric providers")
    shop.release(V2)
    shop.wait_for_phase("Progressing")
    gates.decide(namespace, "Hold")
    wait_for("a failed check", lambda: shop.status["failedChecks"], PATIENCE)
    assert shop.primary == V1
    gates.decide(namespace, "Allow")
    shop.wait_for_phase("Succeeded")
    assert shop.primary == V2
