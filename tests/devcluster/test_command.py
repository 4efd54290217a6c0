"""`python -m devcluster`, as a person uses it; and a cluster that somebody gives us."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import devcluster
from devcluster import waiting
from devcluster.waiting import patient


def run(*arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "devcluster", *arguments],
        capture_output=True,
        text=True,
        check=check,
        timeout=patient(120),
    )


@pytest.fixture
def name() -> Iterator[str]:
    """A name for a cluster, which is down afterwards."""
    chosen = f"command-{os.getpid()}"
    yield chosen
    run("down", "--name", chosen, check=False)


def test_up_list_env_kubectl_down(name: str) -> None:
    up = run("up", "--own", "--name", name, "--nodes", "2", "--prometheus")
    assert "export KUBECONFIG=" in up.stdout
    assert name in run("list").stdout
    listed = json.loads(run("list", "--json").stdout)[name]
    assert listed == json.loads(run("env", "--name", name, "--json").stdout)
    assert listed["isolated"] == "yes"
    assert listed["alertmanager"] is None
    assert devcluster.web.Web(listed["prometheus"]).ok("/-/ready")
    assert run("kubectl", "--name", name, "get", "nodes", "-o", "name").stdout.split() == ["node/node-0", "node/node-1"]
    assert "is up already" in run("up", "--name", name).stdout
    home = Path(listed["directory"])
    assert home.exists()
    assert run("down", "--name", name).stdout == f"{name} is down\n"
    assert not home.exists()
    assert name not in run("list").stdout


def test_what_is_not_there_is_said_with_the_next_step() -> None:
    refused = run("down", "--name", "no-such-cluster", check=False)
    assert refused.returncode == 1
    assert "no cluster no-such-cluster: `python -m devcluster list` shows the running clusters" in refused.stderr


def test_build_prints_where_a_program_is() -> None:
    name, path = run("build", "etcd").stdout.split()
    assert name == "etcd"
    assert os.access(Path(path, "etcd"), os.X_OK)


def test_a_given_cluster_is_used(cluster: devcluster.Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINEFOLD_KUBECONFIG", str(cluster.kubeconfig))
    with devcluster.start(prometheus=True) as given:
        assert given.source == "given"
        assert given.namespace() in cluster.kubectl("get", "namespaces")
        inside = given.spawn("inside", [given.binary("kubectl"), "get", "nodes", "-o", "name"])
        assert inside.wait() == 0, inside.tail()
        assert inside.tail() == "node/node-0\n"
        waiting.until(lambda: given.prometheus.query("vector(1)"), "its own Prometheus", 20)
        for ours in (lambda: given.audit_log, lambda: given.kubeconfig_for("alice"), lambda: given.component("etcd")):
            with pytest.raises(devcluster.Unsupported):
                ours()
    assert "node-0" in cluster.kubectl("get", "nodes"), "it is not ours to stop"


def test_kind_is_used_where_docker_runs(
    cluster: devcluster.Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The real pytest-kind, with programs in the place of Docker and kind: this cluster is what "kind" creates.
    programs = {
        "docker": "true",
        "kind": f'echo "$@" >> {tmp_path}/asked; case $* in create*) cp $CLUSTER ${{4#*=}};; esac',
    }
    for program, does in programs.items():
        (tmp_path / program).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / program).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    monkeypatch.setenv("CLUSTER", str(cluster.kubeconfig))
    monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
    monkeypatch.chdir(tmp_path)
    with devcluster.start() as kind:
        assert kind.source == "kind"
        assert "node-0" in kind.kubectl("get", "nodes")
    asked = (tmp_path / "asked").read_text().splitlines()
    assert [line.split()[0] for line in asked] == ["get", "create", "delete"]


def test_a_given_kubeconfig_that_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NINEFOLD_KUBECONFIG", "/no/such/file")
    with pytest.raises(devcluster.DevclusterError, match="name a kubeconfig, or unset it"):
        devcluster.start()
