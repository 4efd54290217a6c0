"""Bring a cluster up."""

import json
import secrets
import shutil
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from devcluster import binaries, cache, sources, waiting
from devcluster.cluster import FORMAT, Cluster, is_cluster
from devcluster.control import Control
from devcluster.controlplane import PORTS, ControlPlane
from devcluster.errors import DevclusterError
from devcluster.monitoring import QUIET, Intervals
from devcluster.pki import Authority
from devcluster.recipes import DEFAULT_VERSION

#: the prefix of clusters without a given name
TEMPORARY = "run-"

#: how long the directory of a killed cluster is kept for its logs, in seconds
KEEP_DEAD = 3600.0

#: the consequence if the kernel refuses namespaces
LOST = (
    "namespaces are not available, so this cluster shares the machine's network: its processes can reach the network, "
    "every user here can reach its ports, and processes that it starts may outlive it"
)

CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kwok")


@dataclass(frozen=True)
class Wish:
    """The request of a caller of start()."""

    version: str
    nodes: int
    prometheus: bool
    alertmanager: bool
    intervals: Intervals
    detach: bool

    @property
    def extras(self) -> list[str]:
        """The optional parts to start."""
        return [
            name for name, wanted in (("prometheus", self.prometheus), ("alertmanager", self.alertmanager)) if wanted
        ]


def start(
    version: str | None = None,
    *,
    prometheus: bool = False,
    alertmanager: bool = False,
    nodes: int = 1,
    directory: Path | None = None,
    detach: bool = False,
    own: bool = False,
    name: str | None = None,
    scrape_interval: str = "5s",
    evaluation_interval: str = "5s",
    retention: str = "60d",
) -> Cluster:
    """A running, ready cluster; stop() it, or use it as a context manager.  It dies with this process unless `detach`.

    The source is the first of these that exists: the cluster of $NINEFOLD_KUBECONFIG, the binaries in
    $KUBEBUILDER_ASSETS, kind where Docker runs, binaries on PATH, or binaries built here once (minutes).  `own` forces
    devcluster's own control plane, the only one that can stop and start its parts, sign users' certificates and show
    its audit log; so does a `version` ("1.36").  `directory` (new or empty) stays after stop(); without it the files
    are in the cache, under `name`, and are removed.  Intervals are Prometheus durations; `retention` also bounds the
    age of samples that are written late.  Raises DevclusterError with the next step.
    """
    intervals = Intervals(scrape_interval, evaluation_interval, retention)
    wish = Wish(version or DEFAULT_VERSION, nodes, prometheus, alertmanager, intervals, detach)
    source = "own" if own or version else sources.choose()
    parts = ["kubectl", *(CONTROL_PLANE if source == "own" else ()), *wish.extras]
    binaries.prepare(parts, wish.version)  # a long build must end before anything runs
    home = (directory or new_directory(name)).absolute()
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
    control = Control(home)
    control.launch(apart=source == "own", owned=not detach)
    if control.lost:
        print(f"devcluster: {LOST} ({control.lost})", file=sys.stderr)
    try:
        for stale in home.glob("cluster.json"):
            raise DevclusterError(f"{stale.parent} holds the files of another cluster: name an empty directory")
        return _bring_up(home, control, source, wish, temporary=directory is None)
    except BaseException:
        control.stop()
        raise


def attach(name: str | Path) -> Cluster:
    """The running cluster with this name (or directory), started by any process; it does not end with this process."""
    directory = name if isinstance(name, Path) else _clusters() / name
    if not is_cluster(directory):
        raise DevclusterError(f"no cluster {name}: `python -m devcluster list` shows the running clusters")
    return Cluster(directory)


def running() -> list[str]:
    """The names of the running clusters; a checkout with another format of cluster.json sees only its own clusters."""
    return sorted(path.name for path in _clusters().iterdir() if is_cluster(path) and Control(path).alive())


def _clusters() -> Path:
    path = cache.root() / "clusters"
    path.mkdir(exist_ok=True)
    return path


def new_directory(name: str | None = None) -> Path:
    """A directory for a cluster called `name`; also removes the directories of clusters that ended long ago."""
    for old in _clusters().iterdir():
        # The age first: asking whether a cluster runs would disturb a cluster that is about to start.
        if (old.name == name or _age(old) > KEEP_DEAD) and not Control(old).alive():
            shutil.rmtree(old, ignore_errors=True)
    return _clusters() / (name or f"{TEMPORARY}{secrets.token_hex(4)}")


def _age(directory: Path) -> float:
    """Seconds since it was last written; 0 if another process is removing it."""
    try:
        return time.time() - directory.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _bring_up(home: Path, control: Control, source: str, wish: Wish, *, temporary: bool) -> Cluster:
    apart = control.mode != "none"
    ports = dict(PORTS) if apart else {name: _free_port() for name in PORTS}
    state: dict[str, object] = {"version": wish.version, "source": source, "ports": ports}
    state |= {"format": FORMAT, "temporary": temporary, "extras": wish.extras}
    (home / "cluster.json").write_text(json.dumps(state))
    cluster = Cluster(home, control)
    # The outside addresses belong to the cluster: a process that attaches later finds the same addresses.
    cluster.remember_forwards(["kube-apiserver", *wish.extras] if source == "own" else [])
    if source == "own":
        _start_servers(cluster, home, ports)
    else:
        sources.lend(source, home, wish.version)
    _start_monitoring(cluster, wish)
    if source == "own":
        _start_clients(cluster, wish.nodes)
    for name in wish.extras:
        cluster.component(name).wait_ready()
    return cluster


def _start_servers(cluster: Cluster, home: Path, ports: dict[str, int]) -> None:
    authority = Authority(home / "pki")
    plane = ControlPlane(home, authority, ports)
    outside, administrators = f"https://{cluster.forward(ports['kube-apiserver'])}", ["system:masters"]
    authority.kubeconfig(cluster.kubeconfig, outside, "admin", "admin", administrators)
    authority.kubeconfig(cluster.inside_kubeconfig, plane.server, "admin-inside", "admin", administrators)
    for argv in (plane.etcd(), plane.kube_apiserver()):
        _spawn(cluster, argv)


def _start_clients(cluster: Cluster, nodes: int) -> None:
    """Start the parts that need the API server, after it is ready."""
    cluster.component("kube-apiserver").wait_ready()
    plane = ControlPlane(cluster.directory, Authority(cluster.directory / "pki"), cluster.ports)
    for argv in (plane.kube_controller_manager(), plane.kube_scheduler(), plane.kwok()):
        _spawn(cluster, argv)
    _add_nodes(cluster, nodes)
    cluster.wait_for_service_account("default")


def _start_monitoring(cluster: Cluster, wish: Wish) -> None:
    if wish.alertmanager:
        cluster.alertmanager.write(QUIET)
        _spawn(cluster, cluster.alertmanager.command())
    if wish.prometheus:
        peer = cluster.alertmanager.inside_url.removeprefix("http://") if wish.alertmanager else None
        cluster.prometheus.configure(wish.intervals, peer)
        _spawn(cluster, cluster.prometheus.command(wish.intervals))


def _spawn(cluster: Cluster, argv: list[str]) -> None:
    cluster.spawn(argv[0], [cluster.binary(argv[0]), *argv[1:]], cwd=cluster.directory)


def _add_nodes(cluster: Cluster, count: int) -> None:
    """Add nodes that kwok simulates, and wait until they are Ready."""
    for index in range(count):
        name = f"node-{index}"
        labels = {"kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "type": "kwok"}
        metadata = {"name": name, "labels": labels, "annotations": {"kwok.x-k8s.io/node": "fake"}}
        code, reply = cluster.api.request("POST", "/api/v1/nodes", {"metadata": metadata})
        if code != 201:
            raise DevclusterError(f"node {name} was refused: {reply}")

    def ready() -> bool:
        items = cluster.api.request("GET", "/api/v1/nodes")[1]["items"]
        conditions = [condition for item in items for condition in item["status"].get("conditions", [])]
        return [condition["status"] for condition in conditions if condition["type"] == "Ready"].count("True") >= count

    waiting.until(ready, f"{count} nodes are Ready", 120, still=cluster.component("kwok").check_running)


def _free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])
