"""Argo CD: its command line, its API server, its controller and its repo-server, and a repository in a directory."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

import devcluster
from devcluster.binaries import binary
from devcluster.build import unpacked
from devcluster.recipes import RECIPES
from devcluster.waiting import patient
from devcluster.web import Web
from ninefold.kube.api import Api
from tests.peers.objects import Manifest
from tests.processes import ROOT, wait_for
from tests.release.followers import shop

CONFIG = ROOT / "manifests/argocd/argocd-cm.yaml"
NAMESPACE = "argocd"
APPLICATION = Api("argoproj.io", "v1alpha1", "Application", "applications")
REFRESH = "argocd.argoproj.io/refresh"


def argocd(*arguments: str) -> str:
    """What `argocd` says, or why it fails."""
    command = [str(binary("argocd")), *arguments]
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=patient(60), check=False)
    return done.stdout + (done.stderr if done.returncode else "")


class ArgoCD(shop.Shop):
    """In a cluster of its own. Its projects, and a gate that they follow, are in its namespace."""

    def __init__(self, cluster: devcluster.Cluster, folder: Path) -> None:
        super().__init__(cluster, NAMESPACE)
        self._folder = folder
        self._repository = folder / "repository"
        self._server = cluster.free_port()

    def install(self) -> None:
        cluster, source = self.cluster, unpacked("argocd", RECIPES["argocd"].module)
        for name in ("application", "appproject", "applicationset"):
            cluster.kubectl("apply", "--server-side", "-f", str(source / f"manifests/crds/{name}-crd.yaml"))
        cluster.kubectl("create", "namespace", NAMESPACE)
        for kind, name in (("ConfigMap", "argocd-cm"), ("ConfigMap", "argocd-rbac-cm"), ("Secret", "argocd-secret")):
            metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": "argocd"}}
            self.kubectl(
                "create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata})
            )
        self.kubectl("patch", "configmap", "argocd-cm", f"--patch-file={CONFIG}")
        shop.install(cluster)
        self._start(source)

    def _start(self, source: Path) -> None:
        tools = self._folder / "bin"
        shutil.copytree(source / "hack", tools, ignore=lambda _, names: {n for n in names if "wrapper.sh" not in n})
        for tool in tools.iterdir():
            tool.chmod(0o755)
        (self._folder / "tmp").mkdir()
        redis, manifests = (self.cluster.free_port() for _ in range(2))
        self.cluster.spawn("redis", [sys.executable, ROOT / "tests/peers/redis.py", str(redis)])
        asks = (f"--redis=127.0.0.1:{redis}", f"--repo-server=127.0.0.1:{manifests}")
        here = "--address=127.0.0.1"
        self._spawn("argocd-repo-server", here, f"--port={manifests}", "--disable-tls", "--client-ca-path=", asks[0])
        self._spawn(
            "argocd-application-controller",
            *asks,
            "--repo-server-plaintext",
            f"--namespace={NAMESPACE}",
            "--app-resync=5",
        )
        options = ("--insecure", "--disable-auth", f"--namespace={NAMESPACE}", f"--port={self._server}")
        server = self._spawn("argocd-server", here, *options, *asks, "--repo-server-plaintext")
        web = Web(f"http://{self.cluster.forward(self._server)}")

        def ready() -> bool:
            server.check_running()
            try:
                return web.request("GET", "/api/version")[0] == 200
            except OSError:
                return False

        # Not by its command line, which waits for ever for a server that is not there yet.
        wait_for("Argo CD to answer", ready, 60)

    def _spawn(self, name: str, *options: str) -> devcluster.Process:
        environment = {
            "ARGOCD_BINARY_NAME": name,
            "ARGOCD_CONTROLLER_SHARD": "0",
            "ARGOCD_FAKE_IN_CLUSTER": "true",
            "ARGOCD_GPG_ENABLED": "false",
            "HOME": str(self._folder),
            "PATH": f"{self._folder / 'bin'}:{os.environ['PATH']}",
            "TMPDIR": str(self._folder / "tmp"),
        }
        metrics = f"--metrics-port={self.cluster.free_port()}"
        return self.cluster.spawn(name, [self.cluster.binary("argocd"), *options, metrics], env=environment)

    def windows_of(self, *arguments: str) -> str:
        """`argocd proj windows`"""
        server = ("--server", self.cluster.forward(self._server), "--plaintext")
        return argocd("proj", "windows", *arguments, *server, "--config", str(self._folder / "config"))

    def listed(self, project: str) -> list[list[str]]:
        """Status and kind of each window, as Argo CD sees it."""
        told = self.windows_of("list", project).splitlines()
        assert told[0].startswith("ID"), told
        return [line.split()[1:3] for line in told[1:]]

    def commit(self, folder: str, *manifests: Manifest) -> None:
        path = self._repository / folder
        path.mkdir(parents=True)
        (path / "all.yaml").write_text(yaml.safe_dump_all(manifests))
        author = ("-c", "user.name=ann", "-c", "user.email=ann@example.com", "-c", "init.defaultBranch=main")
        for command in (("init", "--quiet"), ("add", "--all"), ("commit", "--quiet", "--message=change")):
            subprocess.run(["git", *author, *command], cwd=self._repository, check=True)

    def application(self, folder: str, namespace: str, project: str = "default") -> None:
        """Syncs a folder of the repository by itself, and tries once."""
        spec = {
            "project": project,
            "source": {"repoURL": f"file://{self._repository}", "path": folder, "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": namespace},
            "syncPolicy": {"automated": {}, "retry": {"limit": 0}},
        }
        manifest = {"apiVersion": APPLICATION.api_version, "kind": APPLICATION.kind, "metadata": {"name": folder}}
        self.kubectl("create", "-f", "-", input=json.dumps({**manifest, "spec": spec}))

    def status(self, application: str) -> dict[str, Any]:
        found = json.loads(self.kubectl("get", APPLICATION.name, application, "-o", "json"))
        return dict(found.get("status", {}))

    def operation(self, application: str) -> tuple[str, str]:
        """Phase and message of the last sync."""
        state = self.status(application).get("operationState", {})
        return state.get("phase", ""), state.get("message", "")

    def refresh(self, application: str) -> None:
        """Return when Argo CD has looked again."""
        self.kubectl("annotate", APPLICATION.name, application, f"{REFRESH}=hard", "--overwrite")

        def done() -> bool:
            found = json.loads(self.kubectl("get", APPLICATION.name, application, "-o", "json"))
            return REFRESH not in found["metadata"].get("annotations", {})

        wait_for("Argo CD to look again", done, 60)
