"""With Flux: a commit waits while a gate is closed, suspended by us, or by what Flux itself sees of the gate."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest
import yaml

import devcluster
from ninefold.kube.api import CONFIG_MAP
from tests.peers.conftest import Start
from tests.peers.flux import KUSTOMIZATION, NAMESPACE, Flux, kustomization
from tests.peers.objects import GATE, Manifest, Objects
from tests.processes import ROOT, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]


class Shop:
    """What a team has in Git: parts with a version each, and a gate beside them."""

    def __init__(self, cluster: devcluster.Cluster, flux: Flux, objects: Objects, namespace: str) -> None:
        self.cluster = cluster
        self.flux = flux
        self.objects = objects
        self.namespace = namespace

    def folder(self, part: str) -> str:
        return f"{self.namespace}-{part}"

    def write(self, version: str, *parts: str) -> None:
        """Have the parts in Git in this version."""
        for part in parts:
            data = {"data": {"version": version}, "metadata": {"name": part}}
            manifest = {"apiVersion": "v1", "kind": "ConfigMap", **data}
            self.flux.repository.write(self.folder(part), self.namespace, part=manifest)

    def version(self, part: str) -> str:
        """The version of the part that Flux has applied; "" for none."""
        found: str = self.objects.get(CONFIG_MAP, part, self.namespace).get("data", {}).get("version", "")
        return found

    def wait_version(self, part: str, version: str, seconds: float = 120) -> None:
        wait_for(f"{part} to have version {version}", lambda: self.version(part) == version, seconds)

    def gate(self) -> Manifest:
        metadata, spec = {"name": "checkout", "namespace": self.namespace}, {"workloads": {"scope": "Namespace"}}
        return {"apiVersion": GATE.api_version, "kind": GATE.kind, "metadata": metadata, "spec": spec}

    def by_hand(self, *arguments: str) -> None:
        """`ninefold gate ...`: what kubectl writes into an object of Git's, Flux takes away again."""
        command = [sys.executable, "-m", "ninefold", "gate", *arguments, "checkout", "--namespace", self.namespace]
        environment = {**os.environ, **self.cluster.environment, "PYTHONPATH": str(ROOT / "operator")}
        subprocess.run(command, env=environment, check=True)

    def close(self) -> None:
        self.by_hand("close", "--reason=sale", "--for=1h")

    def records(self, part: str) -> list[tuple[str, str]]:
        """Outcome and commit of each release of a Kustomization, the oldest first."""
        found = json.loads(self.cluster.kubectl("-n", NAMESPACE, "get", "releases", "-o", "json"))["items"]
        own = [each for each in found if each["spec"]["workload"]["name"] == self.folder(part)]
        own.sort(key=lambda each: each["spec"]["sequence"])
        return [(each.get("status", {}).get("outcome", ""), each["spec"]["change"]["commit"]) for each in own]

    def suspended(self, part: str) -> bool:
        found = self.objects.get(KUSTOMIZATION, self.folder(part), NAMESPACE)
        return bool(found.get("spec", {}).get("suspend"))


@pytest.fixture
def shop(cluster: devcluster.Cluster, flux: Flux, objects: Objects, namespace: str) -> Shop:
    return Shop(cluster, flux, objects, namespace)


def test_a_commit_waits_while_the_gate_is_closed_also_while_the_operator_is_down(
    shop: Shop, cluster: devcluster.Cluster, start_ninefold: Start
) -> None:
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "manifests/components/hold-flux/rights.yaml"))
    operator = start_ninefold("--rules=ConfigMap", "--hold=flux")
    shop.objects.apply(shop.gate())
    gate = f"{shop.namespace}/checkout"

    def commit(version: str) -> str:
        """The Kustomizations are in Git, too: a parent applies them again with each commit."""
        shop.write(version, "held", "own", "free")
        children = {
            "held": kustomization(shop.folder("held"), gate),
            "own": kustomization(shop.folder("own"), gate, suspend=True),
            "free": kustomization(shop.folder("free")),
        }
        for child in children.values():
            child["metadata"]["labels"] = {"version": version}
        shop.flux.repository.write(shop.folder("apps"), NAMESPACE, **children)
        return shop.flux.repository.commit()

    first = commit("v1").partition(":")[2]
    shop.objects.apply(kustomization(shop.folder("apps")))
    shop.wait_version("held", "v1")
    assert shop.version("own") == ""

    shop.close()
    wait_for("it to be suspended", lambda: shop.suspended("held"), 60)
    revision = commit("v2")
    shop.wait_version("free", "v2")

    def label() -> Any:
        metadata = shop.objects.get(KUSTOMIZATION, shop.folder("held"), NAMESPACE)["metadata"]
        return metadata["labels"]["version"]

    wait_for("the parent to have applied it again", lambda: label() == "v2", 60)
    assert shop.suspended("held"), "what Git does not say, Flux leaves"
    assert shop.version("held") == "v1"
    verdict = shop.flux.verdict(shop.folder("held"))
    assert verdict["attempted"] != revision
    assert verdict["status"] == "True", "it says of what it applied last that it is ready"

    operator.kill()
    third = commit("v3").partition(":")[2]
    shop.wait_version("free", "v3")
    shop.by_hand("open")
    assert shop.suspended("held")
    assert shop.version("held") == "v1"
    operator.start()
    shop.wait_version("held", "v3")
    wait_for("all to be let go", lambda: operator.metric("ninefold_held_objects", f'"{NAMESPACE}"') == 0)
    wait_for(
        "records of both releases", lambda: [record[0] for record in shop.records("held")] == ["Succeeded"] * 2, 60
    )
    assert [commit for _, commit in shop.records("held")] == [first, third], "v2 was never released"
    assert shop.suspended("own"), "its owner has suspended it himself"
    assert shop.version("own") == ""


def test_a_commit_waits_by_the_shipped_example_without_any_right_of_ours(shop: Shop, start_ninefold: Start) -> None:
    start_ninefold("--rules=ConfigMap")

    def shipped() -> list[Manifest]:
        text = (ROOT / "manifests" / "delivery" / "flux-depends-on.yaml").read_text()
        text = text.replace("name: shop", "name: ninefold")
        for part in ("checkout-gate", "checkout"):
            for before in ("name: ", "./"):
                text = text.replace(f"{before}{part}\n", f"{before}{shop.folder(part)}\n")
        return list(yaml.safe_load_all(text))

    def commit(version: str) -> None:
        shop.write(version, "checkout", "witness")
        shop.flux.repository.write(shop.folder("checkout-gate"), shop.namespace, gate=shop.gate())
        shop.flux.repository.commit()

    def reason(part: str) -> Any:
        return shop.flux.verdict(shop.folder(part)).get("reason")

    commit("v1")
    shop.objects.apply(*shipped(), kustomization(shop.folder("witness")))
    shop.wait_version("checkout", "v1")

    shop.close()
    commit("v2")
    shop.wait_version("witness", "v2")
    wait_for("Flux to wait", lambda: reason("checkout") == "DependencyNotReady", 120)
    assert shop.version("checkout") == "v1"
    wait_for("Flux to give up for now", lambda: reason("checkout-gate") == "HealthCheckFailed", 180)
    assert shop.version("checkout") == "v1"

    shop.by_hand("open")
    shop.wait_version("checkout", "v2", 180)
