"""The setting of the demo: Ninefold in a cluster, and a service under load. Acts as people do."""

from __future__ import annotations

import os
import sys
from functools import cached_property
from pathlib import Path

import yaml

import devcluster
from devcluster import web

ROOT = Path(__file__).parents[1]
#: requests per second: usually, and when customers come back
USUAL, BUSY = 20, 300


class Shop:
    """A cluster that is set up for the story."""

    def __init__(self, cluster: devcluster.Cluster) -> None:
        self.cluster = cluster
        self._service = cluster.free_port()
        self._probes = cluster.free_port()

    def install(self) -> None:
        """Install CRDs, rights and admission policies from manifests/base; the operator runs as a process instead."""
        base = yaml.safe_load_all(self.cluster.kubectl("kustomize", str(ROOT / "manifests/base")))
        kept = [manifest for manifest in base if manifest["kind"] not in ("Deployment", "PodDisruptionBudget")]
        self._apply("-f", "-", input=yaml.safe_dump_all(kept))
        self.cluster.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", "--all")

    def start_operator(self) -> None:
        """Start the operator with only the rights of its own service account."""
        config = self.cluster.directory / "operator.kubeconfig"
        token = self.cluster.kubectl("-n", "ninefold-system", "create", "token", "ninefold", "--duration=24h").strip()
        admin = yaml.safe_load(self.cluster.inside_kubeconfig.read_text())
        users = [{"name": user["name"], "user": {"token": token}} for user in admin["users"]]
        config.write_text(yaml.safe_dump({**admin, "users": users}))
        argv = ["-m", "ninefold", "run", "--prometheus-url", self.cluster.prometheus.inside_url, "--poll-interval=1s"]
        argv += ["--bind", f"127.0.0.1:{self._probes}", "--log-format=text"]
        self._spawn("operator", *argv, KUBECONFIG=str(config))

    def operator_is_ready(self) -> bool:
        """Whether the operator has listed all its watches; raises DevclusterError with its log if it has ended."""
        self.cluster.component("operator").check_running()
        try:
            return self._operator.ok("/readyz")
        except OSError:
            return False

    def kill_operator(self) -> int:
        """Kill the operator like a crash; returns its return code."""
        return self.cluster.component("operator").kill()

    def open(self) -> None:
        """Start the Deployment, its simulated container and the customers, and apply the samples."""
        self.cluster.sync_rules()
        self._apply("-k", str(ROOT / "demo/manifests"))
        self._spawn("checkout", "-m", "demo.node", str(self._service))
        self.cluster.prometheus.add_scrape("checkout", f"127.0.0.1:{self._service}")
        self.load(USUAL)

    def load(self, rate: int) -> None:
        """Send this many requests per second from now on."""
        if "load" in self.cluster.processes():
            self.cluster.component("load").stop()
        self._spawn("load", "-m", "demo.load", f"http://127.0.0.1:{self._service}/checkout", str(rate))

    def set_image(self, tag: str, *options: str) -> str:
        """Run `kubectl set image` with this version; returns kubectl's output. Raises CommandError with the refusal."""
        command = ("set", "image", "deployment/checkout", f"app=checkout:{tag}", *options)
        return self.cluster.kubectl("-n", "shop", *command).strip()

    def roll_back(self) -> str:
        """Run `kubectl rollout undo`; returns kubectl's output. Raises CommandError with the refusal."""
        return self.cluster.kubectl("-n", "shop", "rollout", "undo", "deployment/checkout").strip()

    @cached_property
    def _operator(self) -> web.Web:
        return web.Web(self.operator_address)

    @property
    def operator_address(self) -> str:
        """The address of the operator's probes and metrics, for this machine."""
        return f"http://{self.cluster.forward(self._probes)}"

    @property
    def addresses(self) -> list[str]:
        """Addresses for users who want to explore."""
        return [
            f"kubectl       {self.cluster.binary('kubectl')} --kubeconfig {self.cluster.kubeconfig} -n shop get sre",
            f"Prometheus    {self.cluster.prometheus.url}",
            f"Alertmanager  {self.cluster.alertmanager.url}",
            f"Operator      {self.operator_address}/metrics",
            f"Service       http://{self.cluster.forward(self._service)}/checkout",
            f"Logs          {self.cluster.directory / 'logs'}",
        ]

    def _apply(self, *args: str, input: str | None = None) -> None:  # noqa: A002 - as in subprocess
        self.cluster.kubectl("apply", "--server-side", "--validate=strict", *args, input=input)

    def _spawn(self, name: str, *argv: str, **env: str) -> None:
        paths = {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'operator'}", "PYTHONUNBUFFERED": "1"}
        self.cluster.spawn(name, [sys.executable, *argv], env={**paths, **env}, cwd=ROOT)
