"""With Flux: a Kustomization of our kinds is ready when they are, and fails when one of them cannot be."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import tarfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

import devcluster
from devcluster.recipes import RECIPES
from ninefold.kube.api import Api
from tests.peers.conftest import Start
from tests.peers.objects import GATE, POLICY, SLO, Manifest, Objects, objective
from tests.peers.sources import unpacked
from tests.processes import ROOT, wait_for

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

RECIPE = RECIPES["kustomize-controller"]
NAMESPACE = "flux-system"
KUSTOMIZATION = Api("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations")
OURS = {SLO: "checkout-availability", POLICY: "checkout", GATE: "checkout"}


class Repository:
    """What source-controller would have fetched: a directory that Flux sees as of the last commit()."""

    def __init__(self, cluster: devcluster.Cluster, served: Path, work: Path) -> None:
        self._cluster = cluster
        self._served = served
        self._url = f"http://127.0.0.1:{cluster.free_port()}"
        self.work = work

    def serve(self) -> None:
        server = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", self._url.rpartition(":")[2]]
        self._cluster.spawn("artifacts", server, cwd=self._served)

    def write(self, folder: str, namespace: str, **files: Manifest) -> None:
        """A folder with exactly these objects, in `namespace`."""
        path = self.work / folder
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir()
        kustomization: Manifest = {
            "apiVersion": "kustomize.config.k8s.io/v1beta1",
            "kind": "Kustomization",
            "namespace": namespace,
            "resources": [f"{name}.yaml" for name in files],
        }
        for name, manifest in {**files, "kustomization": kustomization}.items():
            (path / f"{name}.yaml").write_text(yaml.safe_dump(manifest))

    def commit(self) -> str:
        """Publish the directory as it is now; the revision."""
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            tar.add(self.work, arcname=".")
        data = archive.getvalue()
        digest = hashlib.sha256(data).hexdigest()
        (self._served / f"{digest}.tar.gz").write_bytes(data)
        revision, now = f"main@sha1:{digest[:40]}", datetime.now(UTC).isoformat(timespec="seconds")
        ready = {"type": "Ready", "status": "True", "reason": "Succeeded", "message": "", "lastTransitionTime": now}
        artifact = {
            "url": f"{self._url}/{digest}.tar.gz",
            "path": f"{digest}.tar.gz",
            "revision": revision,
            "digest": f"sha256:{digest}",
            "size": len(data),
            "lastUpdateTime": now,
        }
        patch = json.dumps({"status": {"observedGeneration": 1, "artifact": artifact, "conditions": [ready]}})
        options = ("--subresource=status", "--type=merge", "--patch", patch)
        self._cluster.kubectl("-n", NAMESPACE, "patch", "gitrepository", "ninefold", *options)
        return revision


class Flux:
    """kustomize-controller, with the shipped example of how to install Ninefold by it."""

    def __init__(self, cluster: devcluster.Cluster, repository: Repository) -> None:
        self._cluster = cluster
        self._objects = Objects(cluster)
        self.repository = repository

    def install(self) -> None:
        """Start it on a cluster in which nothing of Ninefold is, and apply manifests/gitops/flux.yaml."""
        cluster = self._cluster
        for component in ("kustomize-controller", "source-controller"):
            crds = unpacked(component, f"github.com/fluxcd/{component}") / "config" / "crd" / "bases"
            cluster.kubectl("apply", "--server-side", "-f", str(crds))
        cluster.kubectl("wait", "--for=condition=Established", "crd/kustomizations.kustomize.toolkit.fluxcd.io")
        cluster.kubectl("wait", "--for=condition=Established", "crd/gitrepositories.source.toolkit.fluxcd.io")
        cluster.kubectl("create", "namespace", NAMESPACE)
        cluster.kubectl("apply", "-f", str(ROOT / "manifests" / "gitops" / "flux.yaml"))
        addresses = [f"--{name}-addr=127.0.0.1:{cluster.free_port()}" for name in ("metrics", "health")]
        argv: list[str | Path] = [cluster.binary("kustomize-controller"), *addresses, "--requeue-dependency=1s"]
        cluster.spawn("kustomize-controller", argv, env={"RUNTIME_NAMESPACE": NAMESPACE})
        self.repository.commit()
        wait_for("Flux to have Ninefold installed", lambda: self.verdict("ninefold")["status"] == "True", 120)

    def apply(self, folder: str) -> None:
        """A Kustomization of a folder of the repository."""
        spec: Manifest = {
            "interval": "10m",
            "retryInterval": "2s",
            "timeout": "2m",
            "sourceRef": {"kind": "GitRepository", "name": "ninefold"},
            "dependsOn": [{"name": "ninefold"}],
            "path": f"./{folder}",
            "prune": True,
            "wait": True,
        }
        metadata = {"name": folder, "namespace": NAMESPACE}
        api, kind = KUSTOMIZATION.api_version, KUSTOMIZATION.kind
        self._objects.apply({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})

    def verdict(self, name: str) -> dict[str, Any]:
        """The condition Ready of a Kustomization, with the revision that was attempted last."""
        status = self._objects.get(KUSTOMIZATION, name, NAMESPACE).get("status", {})
        ready = next((each for each in status.get("conditions", ()) if each["type"] == "Ready"), {"status": "Unknown"})
        return {**ready, "attempted": status.get("lastAttemptedRevision")}


@pytest.fixture(scope="module")
def flux(cluster: devcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Flux:
    work = tmp_path_factory.mktemp("repository")
    for folder in ("crds", "manifests"):
        shutil.copytree(ROOT / folder, work / folder)
    repository = Repository(cluster, tmp_path_factory.mktemp("artifacts"), work)
    repository.serve()
    flux = Flux(cluster, repository)
    flux.install()
    return flux


@pytest.fixture
def objects(cluster: devcluster.Cluster) -> Objects:
    return Objects(cluster)


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
