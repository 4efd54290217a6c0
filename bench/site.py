"""Where the operator is measured: a real control plane with our kinds in it, and processes beside it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import devcluster
from bench.audit import Tape
from bench.figure import Failed, Say
from bench.objects import objectives
from ninefold.kube.api import CONFIG_MAP, EVENT, MANAGED_BY, OPERATOR, Manifest
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

ROOT = Path(__file__).parent.parent
NAMESPACE = "bench"
SLO = ServiceLevelObjective.api
_PAGE = 200
_MADE_BY_SERVER = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields")


@dataclass(frozen=True)
class Site:
    """A cluster with the CRDs and policies installed and a namespace to measure in."""

    cluster: devcluster.Cluster
    say: Say

    @contextmanager
    def operator(
        self, user: str, arguments: Sequence[str] = (), options: Sequence[str] = (), port: int = 0
    ) -> Iterator[devcluster.Process]:
        """`ninefold run` inside the cluster's network, as a user of its own that the audit log shows."""
        port = port or self.cluster.free_port()
        argv = [sys.executable, *arguments, "-m", "ninefold", "run", *options, "--bind", f"127.0.0.1:{port}"]
        process = self._spawn(user, [*argv, "--prometheus-url", self.cluster.prometheus.inside_url], user)
        try:
            yield process
        finally:
            process.stop(timeout=60)

    def bare(self, what: str, lines: Sequence[Manifest], user: str) -> devcluster.Process:
        """The bare client at work on these lines."""
        file = self.cluster.directory / f"{what}.jsonl"
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return self._spawn("bare", [sys.executable, "-m", "bench.bare", what, str(file)], user)

    def create(self, count: int) -> None:
        """Objectives to be found by whoever comes next."""
        self.finish(self.bare("create", objectives(count, NAMESPACE), "people"))

    def finish(self, process: devcluster.Process) -> None:
        code = process.wait(600)
        if code:
            raise Failed(f"{process.name} ended with {code}: {process.tail()}")

    def written(self) -> list[dict[str, Any]]:
        """What the operator wrote for each objective, ready for the bare client to write again."""
        statuses = {item["metadata"]["name"]: item["status"] for item in self._list(SLO.path(NAMESPACE))}
        lines = []
        for item in self._list(CONFIG_MAP.path(NAMESPACE), labelSelector=f"{MANAGED_BY}={OPERATOR}"):
            metadata = {name: value for name, value in item["metadata"].items() if name not in _MADE_BY_SERVER}
            child = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": item["data"]}
            lines.append({"child": child, "status": statuses[metadata["ownerReferences"][0]["name"]]})
        return lines

    def clear(self) -> None:
        """Remove all that a measurement left, and wait until it is gone."""
        for path in (SLO.path(NAMESPACE), CONFIG_MAP.path(NAMESPACE), EVENT.path(NAMESPACE)):
            self.until(f"{path} is empty", partial(self._emptied, path))

    def tape(self, user: str) -> Tape:
        return Tape(self.cluster.audit_log, user)

    def until(self, what: str, check: Callable[[], object], seconds: float = 600.0, every: float = 0.5) -> None:
        """Wait; raises Failed with what was waited for."""
        end = time.monotonic() + seconds
        while not check():
            if time.monotonic() > end:
                raise Failed(f"waited {seconds:.0f} s until {what}")
            time.sleep(every)

    def _spawn(self, name: str, argv: Sequence[str], user: str) -> devcluster.Process:
        # Beyond RBAC, so that both sides pay the same for authorization.
        kubeconfig = self.cluster.kubeconfig_for(user, ["system:masters"], inside=True)
        env = {"KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        return self.cluster.spawn(name, argv, env=env, cwd=ROOT)

    def _emptied(self, path: str) -> bool:
        """Ask for the deletion of all objects; whether none is left."""
        try:
            self.cluster.api.request("DELETE", path)
        except OSError:
            return False  # a thousand deletions may take longer than the client waits
        return not self.cluster.api.request("GET", path, limit=1)[1]["items"]

    def _list(self, path: str, **parameters: object) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        token: str | None = None
        while True:
            page = {"limit": _PAGE, "continue": token}
            code, reply = self.cluster.api.request("GET", path, **parameters, **page)
            if code != 200:
                raise Failed(f"GET {path} is answered {code}: {reply}")
            items += reply["items"]
            token = reply["metadata"].get("continue")
            if not token:
                return items


@contextmanager
def site(say: Say, scrape_interval: str = "5s", evaluation_interval: str = "5s") -> Iterator[Site]:
    """A fresh one; gone with all its processes afterwards."""
    say("starting a control plane and a Prometheus (binaries are built on first use)")
    with devcluster.start(
        own=True, prometheus=True, scrape_interval=scrape_interval, evaluation_interval=evaluation_interval
    ) as cluster:
        # The bindings come first: the policies read from them which account is the operator.
        for name in (
            "crds",
            *(f"manifests/base/{part}.yaml" for part in ("namespace", "rbac", "rbac-bindings", "policy")),
        ):
            cluster.kubectl("apply", "--server-side", "-f", str(ROOT / name))
        cluster.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        cluster.kubectl("create", "namespace", NAMESPACE)
        yield Site(cluster, say)
