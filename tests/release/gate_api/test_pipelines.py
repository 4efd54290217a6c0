"""A pipeline under a closed gate: it asks, it tries, and it rolls back, with the real kubectl and the real helm."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.installing import install
from tests.release.releasegate.admission.test_policies import Shop, closure

import devcluster
from devcluster import waiting
from devcluster.binaries import binary
from ninefold.cli import main
from ninefold.kube.api import DEPLOYMENT
from ninefold.release.releasegate.admission.policies import policy_manifests

V1, V2, V3 = (f"registry.example.com/shop/checkout:v{number}" for number in (1, 2, 3))
TEMPLATE = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: checkout}
spec:
  replicas: 0
  selector: {matchLabels: {app: checkout}}
  template:
    metadata: {labels: {app: checkout}}
    spec:
      containers:
      - {name: app, image: "{{ .Values.image }}"}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {for: "{{ .Values.image }}"}
"""


class Pipeline:
    """Deploys a chart."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str, folder: Path) -> None:
        self.shop = Shop(cluster, namespace)
        self.chart = folder / "checkout"
        (self.chart / "templates").mkdir(parents=True)
        (self.chart / "Chart.yaml").write_text("apiVersion: v2\nname: checkout\nversion: 1.0.0\n")
        (self.chart / "templates" / "deployment.yaml").write_text(TEMPLATE)
        (self.chart / "templates" / "settings.yaml").write_text(SETTINGS)
        homes = {f"HELM_{name}_HOME": str(folder / name) for name in ("CACHE", "CONFIG", "DATA")}
        self._environment = {**os.environ, **homes, **cluster.environment}

    def helm(self, *arguments: str) -> str:
        """What helm says where it fails; "" if all is well."""
        done = subprocess.run(
            [str(binary("helm")), "-n", self.shop.namespace, *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.stderr if done.returncode else ""

    def deploy(self, image: str, *options: str) -> str:
        return self.helm("upgrade", "--install", "checkout", str(self.chart), "--set", f"image={image}", *options)

    @property
    def settings(self) -> str:
        """Those beside the Deployment name the image that they are for."""
        return self.shop.kubectl("get", "configmap", "settings", "-o", "jsonpath={.data.for}")

    def asks(self, image: str) -> int:
        workload = ["--workload", "Deployment/checkout", "--image", image]
        return main(["gate", "check", "checkout", "-n", self.shop.namespace, *workload])

    @property
    def runs(self) -> str:
        found = self.shop.request("GET", DEPLOYMENT.path(self.shop.namespace, "checkout"))[1]
        return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


@pytest.fixture
def pipeline(cluster: devcluster.Cluster, namespace: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    install(cluster, *policy_manifests())
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))
    # There is no operator whose Lease would say how old the answer is.
    monkeypatch.setenv("NINEFOLD_NAMESPACE", namespace)
    pipeline = Pipeline(cluster, namespace, tmp_path)
    assert pipeline.deploy(V1) == ""
    assert pipeline.deploy(V2) == ""
    pipeline.shop.gate()
    known = {"Deployment/checkout": f"app={V2}\napp={V1}"}
    pipeline.shop.decide("Hold", closures=[closure()], knownGoodRevisions=known)
    patch = json.dumps({"status": {"observedGeneration": 1}})
    pipeline.shop.kubectl("patch", "releasegate", "checkout", "--subresource=status", "--type=merge", "-p", patch)
    waiting.until(lambda: "is closed" in pipeline.deploy(V3), "the gate to be enforced", 20)
    return pipeline


def test_helm_rolls_back_under_a_closed_gate(pipeline: Pipeline) -> None:
    assert (pipeline.asks(V3), pipeline.asks(V1)) == (1, 0)
    assert "is closed (Hold)" in pipeline.deploy(V3)
    assert pipeline.runs == V2
    assert pipeline.helm("rollback", "checkout", "1") == ""
    assert pipeline.runs == V1
    assert pipeline.deploy(V2) == "", "deploying what is known to be good again is a rollback, too"


def test_helm_applies_half_of_a_release_under_a_closed_gate_unless_told_to_put_it_back(pipeline: Pipeline) -> None:
    assert "is closed (Hold)" in pipeline.deploy(V3)
    assert (pipeline.runs, pipeline.settings) == (V2, V3), "what comes before the Deployment is applied"
    assert "is closed (Hold)" in pipeline.deploy(V3, "--rollback-on-failure", "--timeout=20s")
    assert pipeline.runs == V2
    assert pipeline.settings == V2, "it is put back to the last release that was deployed as a whole"


def test_kubectl_rolls_back_under_a_closed_gate(pipeline: Pipeline) -> None:
    def first_is_remembered() -> bool:
        return 'deployment.kubernetes.io/revision: "2"' in pipeline.shop.kubectl("get", "deployment", "-o", "yaml")

    waiting.until(first_is_remembered, "the controller to have counted both revisions", 20)
    assert pipeline.runs == V2
    pipeline.shop.kubectl("rollout", "undo", "deployment/checkout")
    assert pipeline.runs == V1
