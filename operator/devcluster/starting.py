"""Bring a cluster up."""

import json
import secrets
import shutil
import socket
import time
from pathlib import Path

from devcluster import binaries, cache, waiting
from devcluster.cluster import Cluster
from devcluster.control import Control
from devcluster.controlplane import PORTS, ControlPlane
from devcluster.errors import DevclusterError
from devcluster.pki import Authority
from devcluster.recipes import DEFAULT_VERSION

#: how long the directory of a cluster that was killed stays for a look at its logs, seconds
KEEP_DEAD = 3600.0


def start(
    version: str = DEFAULT_VERSION, *, nodes: int = 1, directory: Path | None = None, detach: bool = False
) -> Cluster:
    """A running, ready cluster; see devcluster.start."""
    parts = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok", "kubectl")
    for part in parts:
        binaries.binary(part, version)  # a long build belongs before anything runs
    home = directory or new_directory()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    control = Control(home)
    control.launch(apart=True, owned=not detach)
    try:
        return _own(home, control, version, nodes, temporary=directory is None)
    except BaseException:
        control.stop()
        raise


def new_directory(name: str | None = None) -> Path:
    """A directory for a cluster called `name`; those of clusters that ended long ago are removed by the way."""
    clusters = cache.root() / "clusters"
    clusters.mkdir(exist_ok=True)
    for old in clusters.iterdir():
        if time.time() - old.stat().st_mtime > KEEP_DEAD and not Control(old).alive():
            shutil.rmtree(old, ignore_errors=True)
    return clusters / (name or f"run-{secrets.token_hex(4)}")


def _own(home: Path, control: Control, version: str, nodes: int, *, temporary: bool) -> Cluster:
    ports = dict(PORTS) if control.mode != "none" else {name: _free_port() for name in PORTS}
    authority = Authority(home / "pki")
    plane = ControlPlane(home, authority, ports)
    state = {"version": version, "source": "own", "ports": ports, "temporary": temporary, "server": ""}
    (home / "cluster.json").write_text(json.dumps(state))
    cluster = Cluster(home, control)
    state["server"] = f"https://{cluster.forward(ports['kube-apiserver'])}"
    (home / "cluster.json").write_text(json.dumps(state))
    administrators = ["system:masters"]
    authority.kubeconfig(cluster.kubeconfig, str(state["server"]), "admin", "admin", administrators)
    authority.kubeconfig(cluster.inside_kubeconfig, plane.server, "admin-inside", "admin", administrators)
    for argv in (plane.etcd(), plane.kube_apiserver()):
        _spawn(cluster, argv)
    cluster.component("kube-apiserver").wait_ready()
    for argv in (plane.kube_controller_manager(), plane.kube_scheduler(), plane.kwok()):
        _spawn(cluster, argv)
    _add_nodes(cluster, nodes)
    cluster.wait_for_service_account("default")
    return cluster


def _spawn(cluster: Cluster, argv: list[str]) -> None:
    cluster.spawn(argv[0], [cluster.binary(argv[0]), *argv[1:]], cwd=cluster.directory)


def _add_nodes(cluster: Cluster, count: int) -> None:
    """Nodes that kwok plays; wait until it does."""
    for index in range(count):
        name = f"node-{index}"
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
        metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
        code, reply = cluster.api.request("POST", "/api/v1/nodes", {"metadata": metadata})
        if code not in (201, 409):
            raise DevclusterError(f"node {name} was refused: {reply}")

    def ready() -> bool:
        items = cluster.api.request("GET", "/api/v1/nodes")[1]["items"]
        conditions = [each for item in items for each in item["status"].get("conditions", [])]
        return sum(each["type"] == "Ready" and each["status"] == "True" for each in conditions) >= count

    waiting.until(ready, f"{count} nodes are Ready", 60, still=cluster.component("kwok")._running)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
