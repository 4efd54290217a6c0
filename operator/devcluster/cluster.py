"""A running cluster, and the operations on it."""

import itertools
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from devcluster import binaries, sources, waiting, web
from devcluster.control import Control
from devcluster.errors import CommandError, DevclusterError, Unsupported
from devcluster.monitoring import Alertmanager, Prometheus
from devcluster.pki import Authority
from devcluster.process import Process

#: the format of cluster.json; a change of its meaning increases it
FORMAT = 1


def is_cluster(directory: Path) -> bool:
    """Whether this code can attach to the cluster in `directory`."""
    try:
        return bool(json.loads((directory / "cluster.json").read_text())["format"] == FORMAT)
    except (OSError, ValueError, KeyError):
        return False


class Cluster:
    """The cluster whose files are in `directory`; made by devcluster.start() and devcluster.attach()."""

    def __init__(self, directory: Path, control: Control | None = None) -> None:
        self.directory = directory
        self._control = control or Control(directory)
        state = json.loads((directory / "cluster.json").read_text())
        #: the Kubernetes minor, such as "1.37"
        self.version: str = state["version"]
        #: "own", "given" (a kubeconfig) or "kind"
        self.source: str = state["source"]
        #: the inside port of each part
        self.ports: dict[str, int] = state["ports"]
        self._temporary: bool = state["temporary"]
        self._extras: list[str] = state["extras"]
        #: port inside -> address outside
        self._forwards: dict[int, str] = {int(port): address for port, address in state.get("forwards", {}).items()}
        if not self._control.mode:
            self._control.connect()

    # --- reaching it

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for use on this machine."""
        return self.directory / "admin.kubeconfig"

    @property
    def inside_kubeconfig(self) -> Path:
        """The administrator's kubeconfig, for processes started with spawn()."""
        return self.directory / "inside.kubeconfig"

    def kubeconfig_for(self, user: str, groups: Sequence[str] = (), *, inside: bool = False) -> Path:
        """The kubeconfig of another user, who has no rights until RBAC grants some."""
        if self.source != "own":
            raise Unsupported("only devcluster's own control plane signs certificates for users: start(own=True)")
        port = self.ports["kube-apiserver"]
        server = f"https://{f'127.0.0.1:{port}' if inside else self.forward(port)}"
        file = f"user-{secrets.token_hex(6)}"
        authority = Authority(self.directory / "pki")
        return authority.kubeconfig(self.directory / f"{file}.kubeconfig", server, file, user, groups)

    @property
    def environment(self) -> dict[str, str]:
        """For commands that use the cluster from this machine: the cluster, and a cache that is removed with it."""
        return {"KUBECONFIG": str(self.kubeconfig), "KUBECACHEDIR": str(self.directory / "kube-cache")}

    def kubectl(self, *args: str, input: str | None = None, check: bool = True) -> str:  # noqa: A002 - as in subprocess
        """The output of `kubectl args...`; raises CommandError with its stderr unless `check` is False."""
        argv = [str(self.binary("kubectl")), *args]
        environment = {**os.environ, **self.environment}
        done = subprocess.run(argv, input=input, capture_output=True, text=True, env=environment, check=False)
        if check and done.returncode:
            raise CommandError(["kubectl", *args], done.returncode, done.stderr)
        return done.stdout

    @cached_property
    def api(self) -> web.Web:
        """Plain requests as the administrator."""
        return web.kubernetes(self.kubeconfig)

    def namespace(self, prefix: str = "test") -> str:
        """The name of a new namespace in which pods can be created at once."""
        name = f"{prefix}-{secrets.token_hex(4)}"
        code, reply = self.api.request("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        if code != 201:
            raise DevclusterError(f"namespace {name} was refused: {reply}")
        self.wait_for_service_account(name)
        return name

    def wait_for_service_account(self, namespace: str) -> None:
        """Wait for the account that pods run as: until the controller manager creates it, pods are refused."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        waiting.until(lambda: self.api.request("GET", path)[0] == 200, f"service account of {namespace}", 60)

    # --- its processes

    def spawn(
        self, name: str, argv: Sequence[str | Path], env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Process:
        """Start a process inside the cluster's network; its output goes to a log file.

        The name must be free, or its process ended.  Its environment is the caller's, then KUBECONFIG for the inside,
        then `env`.
        """
        environment = {**os.environ, **self.environment, "KUBECONFIG": str(self.inside_kubeconfig), **(env or {})}
        log = self.directory / "logs" / f"{name}.log"
        log.parent.mkdir(exist_ok=True)
        self._control.ask(
            "spawn",
            name=name,
            argv=[str(argument) for argument in argv],
            env=environment,
            cwd=str(cwd or Path.cwd()),
            log=str(log),
            again=True,
        )
        return Process(self._control, name, log)

    def component(self, name: str) -> Process:
        """A part of the cluster by name ("etcd", "kube-apiserver", "prometheus"...) or a spawned process."""
        known = self._control.ask("status")
        if name not in known:
            raise Unsupported(f"there is no process {name!r}, only: {', '.join(known) or 'none'}")
        return Process(self._control, name, Path(known[name]["log"]), self._readiness(name))

    def processes(self) -> dict[str, dict[str, Any]]:
        """name -> {"log", "pid" | None, "code" | None} of every process that runs or ran."""
        known: dict[str, dict[str, Any]] = self._control.ask("status")
        return known

    def forward(self, port: int) -> str:
        """The address on this machine ("127.0.0.1:NNNN") that leads to `port` on the inside's loopback."""
        if not self.isolated:
            return f"127.0.0.1:{port}"
        if port not in self._forwards:
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                listener.listen(512)
                self._control.ask("forward", sock=listener, port=port)
                self._forwards[port] = f"127.0.0.1:{listener.getsockname()[1]}"
        return self._forwards[port]

    def free_port(self) -> int:
        """A port inside that no part of the cluster uses; each call returns another."""
        if not self.isolated:
            with socket.socket() as sock:
                sock.bind(("127.0.0.1", 0))
                return int(sock.getsockname()[1])
        return next(_inside_ports)

    @property
    def isolated(self) -> bool:
        """Whether it has its own network namespace, without an uplink."""
        return self._control.mode in ("root", "user")

    # --- its monitoring

    @cached_property
    def prometheus(self) -> Prometheus:
        """Its Prometheus; raises Unsupported without one."""
        return Prometheus(*self._served("prometheus"))

    @cached_property
    def alertmanager(self) -> Alertmanager:
        """Its Alertmanager; raises Unsupported without one."""
        return Alertmanager(*self._served("alertmanager"))

    def sync_rules(self) -> Process:
        """Bring the rule files in labelled ConfigMaps to Prometheus from now on; see devcluster.rules."""
        argv = [sys.executable, "-m", "devcluster.rules", str(self.prometheus.synced_dir), self.prometheus.inside_url]
        return self.spawn("rule-sync", argv, env={"PYTHONPATH": str(Path(__file__).parents[1])})

    # --- its files

    @property
    def audit_log(self) -> Path:
        """One JSON audit event per line, written before the request is answered."""
        if self.source != "own":
            raise Unsupported("only devcluster's own control plane has an audit log: start(own=True)")
        return self.directory / "audit.log"

    def binary(self, name: str) -> Path:
        """A program that fits this cluster, found or built: "kubectl", "promtool", "helm"..."""
        return binaries.binary(name, self.version)

    # --- its end

    def stop(self) -> None:
        """End every process of the cluster and remove its directory if it was a temporary one; safe to repeat."""
        self._control.stop()
        if self.source == "kind" and self.kubeconfig.exists():
            sources.return_(self.directory)
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # --- for devcluster itself

    def remember_forwards(self, parts: Sequence[str]) -> None:
        """Forward the ports of these parts, and record the addresses for processes that attach."""
        forwards = {self.ports[part]: self.forward(self.ports[part]) for part in parts}
        path = self.directory / "cluster.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "forwards": forwards}))

    def _served(self, name: str) -> tuple[Path, str, str]:
        """(directory, URL outside, URL inside) of an optional part; raises Unsupported if it was not requested."""
        if name not in self._extras:
            raise Unsupported(f"this cluster runs without {name}: start({name}=True)")
        port = self.ports[name]
        return self.directory / name, f"http://{self.forward(port)}", f"http://127.0.0.1:{port}"

    def _readiness(self, name: str) -> Callable[[], object] | None:
        """The readiness check of a part that serves."""
        if name == "kube-apiserver":
            return lambda: self.api.ok("/readyz")
        if name == "prometheus":
            return self.prometheus.ready
        return self.alertmanager.ready if name == "alertmanager" else None


#: far from the well-known ports of the parts
_inside_ports = itertools.count(20000)
