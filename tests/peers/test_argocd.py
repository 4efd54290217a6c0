"""With Argo CD: its own program runs our Lua, and judges the sync windows that the operator writes.

No controller of Argo CD runs, only its API server, without the Redis and the repo-server that syncing takes.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import devcluster
from devcluster.binaries import binary
from devcluster.recipes import RECIPES
from devcluster.web import Web
from ninefold.cli.kinds import KINDS
from ninefold.kube.model import RECONCILE
from tests.integrations.argocd.states import Case, cases
from tests.peers.sources import unpacked
from tests.processes import ROOT, OperatorProcess, wait_for
from tests.release.argocd import shop as shops
from tests.release.argocd.shop import THEIRS, Shop

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

CONFIG = ROOT / "manifests/argocd/argocd-cm.yaml"
NAMESPACE = "argocd"
CASES = list(cases())
GATE: dict[str, Any] = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "ReleaseGate",
    "metadata": {"name": "checkout", "namespace": "shop"},
    "spec": {"workloads": {"scope": "Namespace"}, "sources": []},
}


def argocd(*arguments: str) -> str:
    """What `argocd` says, or why it fails."""
    command = [str(binary("argocd")), *arguments]
    environment = {**os.environ, "KUBECONFIG": os.devnull}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    return done.stdout + (done.stderr if done.returncode else "")


class Judge:
    """`argocd admin settings resource-overrides`, which needs no cluster."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def says(self, what: str, manifest: dict[str, Any], *arguments: str) -> str:
        file = self._folder / "object.json"
        return self._says(file, what, manifest, *arguments)

    def _says(self, file: Path, what: str, manifest: dict[str, Any], *arguments: str) -> str:
        file.write_text(json.dumps(manifest))
        command = ("admin", "settings", "resource-overrides", what, str(file), *arguments)
        return argocd(*command, "--argocd-cm-path", str(CONFIG))

    def health(self, cases: list[Case]) -> list[str]:
        """Of each object, as many at a time as there are processors."""
        numbered = enumerate(case.object for case in cases)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return list(
                pool.map(lambda each: self._says(self._folder / f"{each[0]}.json", "health", each[1]), numbered)
            )


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    return Judge(tmp_path)


@pytest.mark.parametrize("kind", [kind.api.kind for kind in KINDS])
def test_health(judge: Judge, kind: str) -> None:
    mine = [case for case in CASES if case.object["kind"] == kind]
    told = dict(zip((case.name for case in mine), judge.health(mine), strict=True))
    assert told == {case.name: f"STATUS: {case.health}\nMESSAGE: {case.message}\n" for case in mine}


def test_actions_are_offered(judge: Judge) -> None:
    for kind in KINDS:
        offered = judge.says("list-actions", {**GATE, "kind": kind.api.kind}).splitlines()
        names = ["close", "reconcile"] if kind.api.kind == "ReleaseGate" else ["reconcile"]
        assert [line.split() for line in offered] == [["NAME", "DISABLED"], *([name, "false"] for name in names)]


def test_reconcile(judge: Judge) -> None:
    for kind in KINDS:
        told = judge.says("run-action", {**GATE, "kind": kind.api.kind}, "reconcile")
        assert f"{RECONCILE}: " in "".join(line for line in told.splitlines() if line.startswith(">")), told


def test_close(judge: Judge) -> None:
    told = judge.says("run-action", GATE, "close", "--param", "reason=Ann: the provider is down")
    added = yaml.safe_load("\n".join(line[2:] for line in told.splitlines() if line.startswith("> ")))
    by = "system:serviceaccount:argocd:argocd-server"
    assert added == {"stop": {"by": by, "decision": "Hold", "reason": "Ann: the provider is down"}}
    stopped = {**GATE, "spec": {**GATE["spec"], "stop": {"by": "ann", "reason": "fire"}}}
    assert "it is closed by hand already, by ann: fire" in judge.says("run-action", stopped, "close")


class Projects(Shop):
    """The projects of an Argo CD."""

    def __init__(self, cluster: devcluster.Cluster, folder: Path) -> None:
        super().__init__(cluster, NAMESPACE)
        self._port, metrics = cluster.free_port(), cluster.free_port()
        self._config = folder / "config"
        self._server = [f"--port={self._port}", f"--metrics-port={metrics}", f"--namespace={NAMESPACE}"]

    def install(self) -> None:
        cluster = self.cluster
        crds = unpacked("argocd", RECIPES["argocd"].module) / "manifests" / "crds"
        for name in ("application", "appproject", "applicationset"):
            cluster.kubectl("apply", "--server-side", "-f", str(crds / f"{name}-crd.yaml"))
        cluster.kubectl("create", "namespace", NAMESPACE)
        for kind, name in (("ConfigMap", "argocd-cm"), ("ConfigMap", "argocd-rbac-cm"), ("Secret", "argocd-secret")):
            metadata = {"name": name, "labels": {"app.kubernetes.io/part-of": "argocd"}}
            self.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": kind, "metadata": metadata}))
        shops.install(cluster)
        options = ("--insecure", "--disable-auth", "--address=127.0.0.1", "--redis=127.0.0.1:1")
        environment = {"ARGOCD_BINARY_NAME": "argocd-server", "KUBECONFIG": str(cluster.inside_kubeconfig)}
        argv = [cluster.binary("argocd"), *options, "--repo-server=127.0.0.1:1", *self._server]
        server = cluster.spawn("argocd-server", argv, env=environment)

        web = Web(f"http://{cluster.forward(self._port)}")

        def ready() -> bool:
            server.check_running()
            try:
                return web.request("GET", "/api/version")[0] == 200
            except OSError:
                return False

        # Not by its command line, which waits for ever for a server that is not there yet.
        wait_for("Argo CD to answer", ready, 60)

    def argocd(self, *arguments: str) -> str:
        """`argocd proj windows`"""
        server = ("--server", self.cluster.forward(self._port), "--plaintext", "--config", str(self._config))
        return argocd("proj", "windows", *arguments, *server)

    def listed(self, name: str) -> list[list[str]]:
        """Status, kind and schedule of each window, as Argo CD sees it."""
        told = self.argocd("list", name).splitlines()
        assert told[0].startswith("ID"), told
        return [line.split()[1:3] for line in told[1:]]


@pytest.fixture(scope="module")
def projects(cluster: devcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> Projects:
    projects = Projects(cluster, tmp_path_factory.mktemp("argocd"))
    projects.install()
    return projects


@pytest.fixture
def operator(projects: Projects, tmp_path: Path) -> Iterator[OperatorProcess]:
    with shops.operator(projects.cluster, tmp_path) as process:
        yield process


def test_a_closed_gate_is_a_window_that_argo_cd_finds_active(projects: Projects, operator: OperatorProcess) -> None:
    projects.gate(closed=True)
    projects.project("shop", windows=THEIRS)
    wait_for("the project to be held", lambda: projects.held("shop"))
    theirs = projects.listed("shop")[:2]
    wait_for(
        "the window to begin with the next minute", lambda: projects.listed("shop")[2:] == [["Active", "deny"]], 120
    )
    # Argo CD checks the whole project before it writes, and writes all of it.
    before = projects.windows("shop")
    added = ("--kind", "allow", "--schedule", "0 6 * * *", "--duration", "1h", "--applications", "*")
    assert projects.argocd("add", "shop", *added) == ""
    assert projects.windows("shop")[:3] == before, "its way of writing is ours"
    projects.gate(closed=False)
    wait_for("the project to be let go", lambda: not projects.held("shop"))
    assert projects.windows("shop")[:2] == THEIRS
    assert [each["schedule"] for each in projects.windows("shop")[2:]] == ["0 6 * * *"]
    assert projects.listed("shop")[:2] == theirs


def test_what_argo_cd_takes_for_invalid(projects: Projects) -> None:
    """The limits that the operator keeps to."""
    projects.project("limits", gate=None)
    once = ("--kind", "deny", "--schedule", "6 13 1 3 *", "--duration", "60m", "--applications", "*")
    assert "255" in projects.argocd("add", "limits", *once, "--description", "é" * 128)
    assert projects.argocd("add", "limits", *once, "--description", "d" * 255) == ""
    assert "already exists" in projects.argocd("add", "limits", *once, "--description", "another")
    assert projects.listed("limits") == [["Inactive", "deny"]]
