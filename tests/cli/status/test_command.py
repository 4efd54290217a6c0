"""The command line beside a running operator on a real API server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.cli.conftest import Command
from tests.cli.samples import GATE, POLICY, SLO
from tests.processes import ROOT, OperatorProcess, wait_for

import devcluster
from ninefold.kinds import MODELS
from ninefold.kube.api import MANAGED_BY

OTHERS = (
    SLO.replace("name: checkout,", "name: latency,").replace(
        SLO[SLO.index("    ratio:") : SLO.index("  alerting")],
        "    latency: {histogram: 'request_seconds{job=\"a\"}', threshold: 300ms}\n",
    ),
    SLO.replace("name: checkout,", "name: probe,")
    .replace("rolling: 30d", "rolling: 90m")
    .replace(SLO[SLO.index("    ratio:") : SLO.index("  alerting")], "    boolean: {selector: up}\n"),
)


@pytest.fixture(scope="module")
def crds(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "-f", str(ROOT / "crds"))
    for kind in MODELS:
        cluster.kubectl("wait", "--for=condition=Established", f"crd/{kind.api.name}")


@pytest.fixture
def operator(cluster: devcluster.Cluster, crds: None, tmp_path: Path) -> Iterator[OperatorProcess]:
    command = ["-m", "ninefold", "run", "--poll-interval=1s", "--rules=ConfigMap", "--rule-labels=team=sre"]
    command += ["--prometheus-url", cluster.prometheus.url]
    with OperatorProcess(command, cluster.kubeconfig, tmp_path / "operator.log") as operator:
        yield operator


@pytest.fixture
def shop(cluster: devcluster.Cluster, crds: None, namespace: str) -> str:
    """A namespace that holds a resource of each kind; their manifests as one stream."""
    stream = "---\n".join([SLO, *OTHERS, POLICY, GATE]).replace("namespace: shop", f"namespace: {namespace}")
    cluster.kubectl("apply", "--server-side", "-f", "-", input=stream)
    return stream


def test_render_prints_what_the_operator_applies(
    cluster: devcluster.Cluster, operator: OperatorProcess, shop: str, namespace: str, ninefold: Command
) -> None:
    def live() -> list[dict[str, Any]]:
        text = cluster.kubectl("-n", namespace, "get", "configmaps", "-l", f"{MANAGED_BY}=ninefold", "-o", "json")
        found: list[dict[str, Any]] = json.loads(text)["items"]
        return found

    wait_for("the rules of three objectives", lambda: len(live()) == 3)
    done = ninefold("render", "-f", "-", "--rules=ConfigMap", "--rule-labels=team=sre", stdin=shop)
    applied = [_as_planned(manifest) for manifest in live()]
    rendered = sorted(yaml.safe_load_all(done.stdout), key=lambda manifest: str(manifest["metadata"]["name"]))
    assert rendered == applied


def test_what_is_read_back_from_a_cluster_can_be_rendered_and_linted(
    cluster: devcluster.Cluster, shop: str, namespace: str, ninefold: Command
) -> None:
    stored = cluster.kubectl("-n", namespace, "get", "slo,ebp,gate", "-o", "yaml", "--show-managed-fields")
    done = ninefold("lint", "-f", "-", stdin=stored)
    assert (done.returncode, done.stdout) == (0, "")
    assert ninefold("render", "-f", "-", stdin=stored).stdout == ninefold("render", "-f", "-", stdin=shop).stdout


def test_status(
    cluster: devcluster.Cluster,
    operator: OperatorProcess,
    shop: str,
    namespace: str,
    ninefold: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig))

    def found() -> list[dict[str, Any]]:
        objects: list[dict[str, Any]] = json.loads(ninefold("status", "-n", namespace, "--json").stdout)["objects"]
        return objects

    wait_for("every object to be looked at", lambda: all(one["reason"] for one in found()))
    assert [one["kind"] for one in found()].count("ServiceLevelObjective") == 3
    for option in (["-n", namespace], ["-A"]):
        text = ninefold("status", *option).stdout
        assert "ERRORBUDGETPOLICY" in text
        assert "latency" in text
    assert ninefold("status").stdout == "Ninefold has no objects in namespace default.\n"
    resources = operator.metric("ninefold_resources", 'kind="ServiceLevelObjective"')
    assert resources >= 3
    assert operator.metric("ninefold_gate_decision", f'namespace="{namespace}"') == 1
    assert operator.metric("ninefold_prometheus_reachable") == 1


def test_rights_in_one_namespace_are_enough(
    cluster: devcluster.Cluster, shop: str, namespace: str, ninefold: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    resources = ",".join(kind.api.name for kind in MODELS)
    cluster.kubectl("-n", namespace, "create", "role", "reader", "--verb=list", f"--resource={resources}")
    cluster.kubectl("-n", namespace, "create", "rolebinding", "reader", "--role=reader", "--user=reader")
    monkeypatch.setenv("KUBECONFIG", str(cluster.kubeconfig_for("reader")))
    assert ninefold("status", "-n", namespace).returncode == 0
    assert ninefold("status", "-A").returncode == 1


def test_kubectl_finds_the_plugin(cluster: devcluster.Cluster, shop: str, namespace: str) -> None:
    plugin = Path(sys.executable).parent / "kubectl-ninefold"
    environment = {**os.environ, **cluster.environment, "PATH": f"{plugin.parent}:{os.environ['PATH']}"}
    done = subprocess.run(
        [cluster.binary("kubectl"), "ninefold", "status", "-n", namespace],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("SERVICELEVELOBJECTIVE")


def test_a_cluster_that_cannot_be_asked(
    ninefold: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cluster: devcluster.Cluster, crds: None
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "missing"))
    done = ninefold("status", "-n", "shop")
    assert done.returncode == 1
    assert "set KUBECONFIG to a file that names a cluster" in done.stderr
    nobody = cluster.kubeconfig_for("nobody")
    monkeypatch.setenv("KUBECONFIG", str(nobody))
    done = ninefold("status", "-n", "shop")
    assert done.returncode == 1
    assert 'User "nobody" cannot list resource "' in done.stderr


def _as_planned(manifest: dict[str, Any]) -> dict[str, Any]:
    """Without what the machinery and the API server add."""
    metadata = {name: manifest["metadata"][name] for name in ("name", "namespace", "labels")}
    del metadata["labels"][MANAGED_BY]
    return {**manifest, "metadata": metadata}
