"""With Argo CD: it runs our Lua, waits for a gate in a wave, and syncs nothing of a project whose gate is closed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml

import devcluster
from ninefold.kinds import MODELS
from ninefold.kube.model import RECONCILE
from tests.integrations.argocd.states import HOOK, WAIT, Case, cases
from tests.peers.argocd import CONFIG, ArgoCD, argocd
from tests.peers.objects import GATE as GATES
from tests.processes import OperatorProcess, wait_for
from tests.release.followers import shop as shops
from tests.release.followers.shop import FREEZE, THEIRS

pytestmark = [pytest.mark.peers, pytest.mark.timeout(1800)]

CASES = list(cases())
GATE: dict[str, Any] = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "ReleaseGate",
    "metadata": {"name": "checkout", "namespace": "shop"},
    "spec": {"workloads": {"scope": "Namespace"}, "sources": []},
}


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


@pytest.mark.parametrize("kind", [kind.api.kind for kind in MODELS])
def test_health(judge: Judge, kind: str) -> None:
    mine = [case for case in CASES if case.object["kind"] == kind]
    told = dict(zip((case.name for case in mine), judge.health(mine), strict=True))
    assert told == {case.name: f"STATUS: {case.health}\nMESSAGE: {case.message}\n" for case in mine}


def test_actions_are_offered(judge: Judge) -> None:
    for kind in MODELS:
        offered = judge.says("list-actions", {**GATE, "kind": kind.api.kind}).splitlines()
        names = ["close", "reconcile"] if kind.api.kind == "ReleaseGate" else ["reconcile"]
        assert [line.split() for line in offered] == [["NAME", "DISABLED"], *([name, "false"] for name in names)]


def test_reconcile(judge: Judge) -> None:
    for kind in MODELS:
        told = judge.says("run-action", {**GATE, "kind": kind.api.kind}, "reconcile")
        assert f"{RECONCILE}: " in "".join(line for line in told.splitlines() if line.startswith(">")), told


def test_close(judge: Judge) -> None:
    told = judge.says("run-action", GATE, "close", "--param", "reason=Ann: the provider is down")
    added = yaml.safe_load("\n".join(line[2:] for line in told.splitlines() if line.startswith("> ")))
    by = "system:serviceaccount:argocd:argocd-server"
    assert added == {"stop": {"by": by, "decision": "Hold", "reason": "Ann: the provider is down"}}
    stopped = {**GATE, "spec": {**GATE["spec"], "stop": {"by": "ann", "reason": "fire"}}}
    assert "it is closed by hand already, by ann: fire" in judge.says("run-action", stopped, "close")


@pytest.fixture(scope="module")
def argo(cluster: devcluster.Cluster, tmp_path_factory: pytest.TempPathFactory) -> ArgoCD:
    argo = ArgoCD(cluster, tmp_path_factory.mktemp("argocd"))
    argo.install()
    return argo


@pytest.fixture
def operator(argo: ArgoCD, tmp_path: Path) -> Iterator[OperatorProcess]:
    with shops.operator(argo.cluster, tmp_path) as process:
        yield process


def _hold(argo: ArgoCD, project: str, windows: Any = None) -> None:
    """Have a project that its gate holds, for Argo CD, too."""
    argo.gate(closed=True)
    argo.project(project, windows=windows)
    wait_for("the project to be held", lambda: argo.held(project))
    # It begins with the next minute.
    wait_for("the window to be active", lambda: argo.listed(project)[-1] == ["Active", "deny"], 120)


def test_a_closed_gate_is_an_active_window_of_a_valid_project(argo: ArgoCD, operator: OperatorProcess) -> None:
    _hold(argo, "shop", windows=THEIRS)
    theirs = argo.listed("shop")[:2]
    # Argo CD checks the whole project before it writes, and writes all of it.
    before = argo.windows("shop")
    added = ("--kind", "allow", "--schedule", "0 6 * * *", "--duration", "1h", "--applications", "*")
    assert argo.windows_of("add", "shop", *added) == ""
    assert argo.windows("shop")[:3] == before, "its way of writing is ours"
    argo.gate(closed=False)
    wait_for("the project to be let go", lambda: not argo.held("shop"))
    assert argo.windows("shop")[:2] == THEIRS
    assert [each["schedule"] for each in argo.windows("shop")[2:]] == ["0 6 * * *"]
    assert argo.listed("shop")[:2] == theirs


def test_what_argo_cd_takes_for_invalid(argo: ArgoCD) -> None:
    """The limits that the operator keeps to."""
    argo.project("limits", gate=None)
    once = ("--kind", "deny", "--schedule", "6 13 1 3 *", "--duration", "60m", "--applications", "*")
    assert "255" in argo.windows_of("add", "limits", *once, "--description", "é" * 128)
    assert argo.windows_of("add", "limits", *once, "--description", "d" * 255) == ""
    assert "already exists" in argo.windows_of("add", "limits", *once, "--description", "another")
    assert argo.listed("limits") == [["Inactive", "deny"]]


def config_map(name: str, wave: int = 0) -> dict[str, Any]:
    annotations = {"argocd.argoproj.io/sync-wave": str(wave)}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "annotations": annotations}}


def gate(decision: str = "Hold", **annotations: str) -> dict[str, Any]:
    """One that a freeze closes, before all else."""
    freeze = {**FREEZE, "decision": decision}
    notes = {"argocd.argoproj.io/sync-wave": "-10", **annotations}
    spec = {"workloads": {"scope": "Namespace"}, "sources": [{"freeze": freeze}]}
    return {
        "apiVersion": GATES.api_version,
        "kind": GATES.kind,
        "metadata": {"name": "line", "annotations": notes},
        "spec": spec,
    }


def _exists(argo: ArgoCD, namespace: str, name: str) -> bool:
    code, _ = argo.cluster.api.request("GET", f"/api/v1/namespaces/{namespace}/configmaps/{name}")
    return code == 200


def test_nothing_of_a_held_project_is_synced(argo: ArgoCD, operator: OperatorProcess) -> None:
    _hold(argo, "held")
    namespace = argo.cluster.namespace()
    argo.commit("windows", config_map("settings"))
    argo.application("windows", namespace, project="held")
    wait_for(
        "Argo CD to see the change", lambda: argo.status("windows").get("sync", {}).get("status") == "OutOfSync", 60
    )
    argo.refresh("windows")
    assert argo.operation("windows") == ("", "")
    assert not _exists(argo, namespace, "settings")
    argo.gate(closed=False)
    wait_for("the project to be let go", lambda: not argo.held("held"))
    argo.refresh("windows")
    wait_for("the change", lambda: _exists(argo, namespace, "settings"), 60)


def test_a_gate_in_a_wave_holds_what_comes_later(argo: ArgoCD, operator: OperatorProcess) -> None:
    namespace = argo.cluster.namespace()
    argo.commit("wave", gate(**WAIT, **{"argocd.argoproj.io/ignore-healthcheck": "true"}), config_map("settings"))
    argo.application("wave", namespace)
    waits = "waiting for healthy state of ninefold.dev/ReleaseGate/line"
    wait_for("Argo CD to wait for the gate", lambda: argo.operation("wave") == ("Running", waits), 60)
    decided = ("-n", namespace, "get", "gate", "line", "-o", "jsonpath={.status.decision}")
    wait_for("the gate to be closed", lambda: argo.cluster.kubectl(*decided) == "Hold", 60)
    argo.refresh("wave")
    assert argo.operation("wave") == ("Running", waits)
    assert not _exists(argo, namespace, "settings")
    assert argo.status("wave")["health"]["status"] in ("Healthy", "Missing"), "nothing looks ill for it"
    opened = json.dumps({"spec": {"sources": []}})
    argo.cluster.kubectl("-n", namespace, "patch", "gate", "line", "--type=merge", "--patch", opened)
    wait_for("the sync to go on", lambda: _exists(argo, namespace, "settings"), 60)
    wait_for("it to be done", lambda: argo.operation("wave")[0] == "Succeeded", 60)


def test_a_hook_that_denies_fails_the_sync_with_its_sentence(argo: ArgoCD, operator: OperatorProcess) -> None:
    namespace = argo.cluster.namespace()
    argo.commit("hook", gate("Deny", **HOOK), config_map("settings"))
    argo.application("hook", namespace)
    wait_for("the sync to fail", lambda: argo.operation("hook")[0] == "Failed", 120)
    results = argo.status("hook")["operationState"]["syncResult"]["resources"]
    (told,) = (each for each in results if each["kind"] == "ReleaseGate")
    assert told["hookPhase"] == "Failed"
    assert told["message"].startswith("Deny: Nothing changes now: sale.")
    assert not _exists(argo, namespace, "settings")


def test_a_gate_that_is_there_for_workloads_holds_no_sync(argo: ArgoCD, operator: OperatorProcess) -> None:
    namespace = argo.cluster.namespace()
    argo.commit("plain", gate(), config_map("settings"))
    argo.application("plain", namespace)
    wait_for("the sync to be done", lambda: argo.operation("plain")[0] == "Succeeded", 120)
    assert _exists(argo, namespace, "settings")
    wait_for("the application to be healthy", lambda: argo.status("plain")["health"]["status"] == "Healthy", 60)
    decided = ("-n", namespace, "get", "gate", "line", "-o", "jsonpath={.status.decision}")
    assert argo.cluster.kubectl(*decided) == "Hold"
