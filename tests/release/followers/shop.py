"""A gate, a project that follows it, and the operator with the rights of an installation, in a real cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests import direct
from tests.namespaced import Namespaced
from tests.processes import ROOT, OperatorProcess, wait_for

import devcluster
from ninefold.release.followers.argocd import AppProjectFollower
from ninefold.release.followers.argocd_windows import until
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.annotation import GATE

PROJECT = AppProjectFollower.api
OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
GROUPS = ("system:serviceaccounts", "system:serviceaccounts:ninefold-system", "system:authenticated")
FREEZE = {"dates": {"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}, "reason": "sale"}
THEIRS: list[dict[str, Any]] = [
    {
        "kind": "allow",
        "schedule": "0 8 * * *",
        "duration": "9h",
        "applications": ["shop-*"],
        "timeZone": "Europe/Paris",
    },
    {
        "kind": "deny",
        "schedule": "0 0 1 1 *",
        "duration": "24h",
        "clusters": ["a"],
        "manualSync": True,
        "timeZone": "UTC",
    },
]


def install(cluster: devcluster.Cluster) -> None:
    """All that an installation brings that holds projects, but the Deployment; the CRD of AppProjects is there."""
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "manifests/base"))
    rights = ROOT / "manifests/components/hold-argocd/rights.yaml"
    cluster.kubectl("apply", "--server-side", "-f", str(rights))
    cluster.kubectl("-n", "ninefold-system", "delete", "deployment", "ninefold", "--ignore-not-found")
    paths = [api.path() for api in (PROJECT, ReleaseGate.api)]
    wait_for("projects and gates to be served", lambda: all(cluster.api.request("GET", at)[0] == 200 for at in paths))


def operator(cluster: devcluster.Cluster, folder: Path) -> OperatorProcess:
    command = ["-m", "ninefold", "run", "--hold=argocd", "--log-format=text", "--poll-interval=1s"]
    command += ["--prometheus-url", cluster.prometheus.url]
    return OperatorProcess(command, cluster.kubeconfig_for(OPERATOR, GROUPS), folder / "operator.log")


class Shop(Namespaced):
    """A gate that a freeze closes, and projects as their owners write them."""

    def gate(self, *, closed: bool) -> None:
        spec = {"workloads": {"scope": "Namespace"}, "sources": [{"freeze": FREEZE}] if closed else []}
        self._apply(ReleaseGate.api.api_version, "ReleaseGate", "checkout", {}, spec)

    def project(self, name: str, gate: str | None = "checkout", windows: Any = None, **notes: str) -> None:
        annotations = {**notes, **({GATE: f"{self.namespace}/{gate}"} if gate else {})}
        spec = {
            "sourceRepos": ["*"],
            "destinations": [{"server": "*", "namespace": "*"}],
            **({"syncWindows": windows} if windows is not None else {}),
        }
        self._apply(PROJECT.api_version, PROJECT.kind, name, annotations, spec)

    def _apply(self, version: str, kind: str, name: str, annotations: dict[str, str], spec: dict[str, Any]) -> None:
        metadata = {"name": name, "annotations": annotations}
        manifest = {"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec}
        # As a client that asks for its whole spec, once: no field manager that would own the list for ever.
        direct.apply(self.cluster, manifest, namespace=self.namespace, force=True)

    def get(self, name: str) -> dict[str, Any]:
        return direct.get(self.cluster, PROJECT.name, name, self.namespace)

    def windows(self, name: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.get(name)["spec"].get("syncWindows", [])
        return found

    def held(self, name: str) -> bool:
        return any(until(each) for each in self.windows(name))
