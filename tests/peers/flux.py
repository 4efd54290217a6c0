"""Flux's kustomize-controller, and what source-controller would have fetched for it."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import tarfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

import devcluster
from devcluster.build import unpacked
from ninefold.kube.api import Api
from tests.peers.objects import Manifest, Objects
from tests.processes import ROOT, wait_for

NAMESPACE = "flux-system"
KUSTOMIZATION = Api("kustomize.toolkit.fluxcd.io", "v1", "Kustomization", "kustomizations")


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
        self._objects.apply(kustomization(folder, wait=True))

    def verdict(self, name: str) -> dict[str, Any]:
        """The condition Ready of a Kustomization, with the revision that was attempted last."""
        status = self._objects.get(KUSTOMIZATION, name, NAMESPACE).get("status", {})
        ready = next((each for each in status.get("conditions", ()) if each["type"] == "Ready"), {"status": "Unknown"})
        return {**ready, "attempted": status.get("lastAttemptedRevision")}


def kustomization(folder: str, gate: str = "", **spec: Any) -> Manifest:
    """Of a folder of the repository, and of the same name; it may follow a gate."""
    spec = {
        "interval": "10m",
        "retryInterval": "2s",
        "timeout": "2m",
        "sourceRef": {"kind": "GitRepository", "name": "ninefold"},
        "dependsOn": [{"name": "ninefold"}],
        "path": f"./{folder}",
        "prune": True,
        **spec,
    }
    annotations = {"annotations": {"ninefold.dev/release-gate": gate}} if gate else {}
    metadata = {"name": folder, "namespace": NAMESPACE, **annotations}
    return {
        "apiVersion": KUSTOMIZATION.api_version,
        "kind": KUSTOMIZATION.kind,
        "metadata": metadata,
        "spec": spec,
    }
