"""Three hundred workloads under one gate, on a real API server: each can be rolled back while it is closed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.installing import install
from tests.namespaced import Namespaced

import devcluster
from devcluster import waiting
from devcluster.errors import CommandError
from ninefold.kube.api import DEPLOYMENT, NAMESPACE, Api, Manifest
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.keeping import kept, key_of
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.gate.status import GateStatus, ReleaseGateStatus
from ninefold.release.releasegate.admission.policies import policy_manifests
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import Workload, read

pytestmark = pytest.mark.slow

MANY, SAMPLED = 300, (0, 11, 150, 299)
EDITOR = "ed"
AFTER = timedelta(minutes=10)
OPEN = GateStatus.model_validate({"decision": "Allow"})
STOPPED = GateStatus.model_validate(
    {
        "decision": "Hold",
        "message": "ann has closed it: the network is down.",
        "closures": [{"decision": "Hold", "because": "stopped by ann", "message": "ann has closed it."}],
    }
)


def name_of(number: int) -> str:
    return f"service-{number:03}"


def image(number: int, version: int) -> str:
    return f"registry.example.com/team-{number % 12}/{name_of(number)}:v1.{version}.0-3f2a9c1"


class Fleet(Namespaced):
    """A namespace with so many Deployments, without pods. Those that are sampled have a history to go back in."""

    def set_up(self) -> None:
        self.kubectl("create", "rolebinding", EDITOR, "--clusterrole=edit", f"--user={EDITOR}")
        for number in range(MANY):
            self.request("POST", DEPLOYMENT.path(self.namespace), _deployment(number), 201)
        for version in (2, 3):
            for number in SAMPLED:
                self.release(number, version)

    def request(self, method: str, path: str, body: object, code: int) -> Any:
        answered, reply = self.cluster.api.request(method, path, body)
        assert answered == code, reply
        return reply

    def get(self, api: Api, name: str) -> Manifest:
        return dict(self.cluster.api.request("GET", api.path(self.namespace, name))[1])

    def release(self, number: int, version: int) -> None:
        """And return when the revision before is one of the Deployment's, so that undo finds it."""
        self._await_revision(number, version - 1)
        self.kubectl("set", "image", f"deployment/{name_of(number)}", f"app={image(number, version)}")
        self._await_revision(number, version)

    def _await_revision(self, number: int, revision: int) -> None:
        def reached() -> bool:
            notes = self.get(DEPLOYMENT, name_of(number))["metadata"].get("annotations") or {}
            return bool(notes.get("deployment.kubernetes.io/revision") == str(revision))

        waiting.until(reached, f"revision {revision} of {name_of(number)}", 30)

    def running(self, version: int) -> list[Workload]:
        """The Deployments as they would be observed with this version and all their pods."""
        found = self.cluster.api.request("GET", DEPLOYMENT.path(self.namespace))[1]["items"]
        workloads = [read("Deployment", each) for each in found]
        assert len(workloads) == MANY
        return [
            replace(each, serving=Serving(available=1), parts={**each.parts, "app": image(number, version)})
            for number, each in enumerate(sorted(workloads, key=lambda each: each.name))
        ]

    def as_editor(self, *args: str) -> str:
        """What the API server says against it; "" if it passes."""
        try:
            self.kubectl(*args, f"--as={EDITOR}")
        except CommandError as error:
            return str(error)
        return ""


def _deployment(number: int) -> dict[str, Any]:
    labels = {"app": name_of(number)}
    containers = [
        {"name": "app", "image": image(number, 1)},
        {"name": "proxy", "image": "registry.example.com/mesh/proxy:1.24.3"},
    ]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 0, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name_of(number)}, "spec": spec}


def learned(gate: ReleaseGate, fleet: Fleet, above: str) -> ReleaseGateStatus:
    """What the plan of the operator makes of three releases of all, one after another, and then of a stop."""
    now = datetime.now(UTC) - timedelta(days=1)
    for version in (1, 2, 3):
        workloads = fleet.running(version)
        for _ in range(2):
            status = plan(gate, Observed({}, workloads, above={above: OPEN}), now).status
            gate = gate.model_copy(update={"status": status})
            now += AFTER
    return plan(gate, Observed({}, workloads, above={above: STOPPED}), now).status


@pytest.fixture(scope="module")
def fleet(cluster: devcluster.Cluster) -> Iterator[Fleet]:
    install(cluster, *policy_manifests())
    fleet = Fleet(cluster, cluster.namespace("fleet"))
    fleet.set_up()
    yield fleet
    cluster.kubectl("delete", "namespace", fleet.namespace, "--wait=false")


@pytest.fixture(params=["checkout", "cluster.production"])
def gate(fleet: Fleet, request: pytest.FixtureRequest) -> Iterator[str]:
    """One over the namespace that goes by a ClusterReleaseGate, and the one that is kept for it."""
    body = {"apiVersion": "ninefold.dev/v1alpha1", "kind": "ClusterReleaseGate", "metadata": {"name": "production"}}
    above = fleet.request("POST", ClusterReleaseGate.api.path(), {**body, "spec": {}}, 201)
    if request.param == "checkout":
        metadata = {"name": request.param, "namespace": fleet.namespace}
        spec = {"workloads": {"scope": "Namespace"}, "sources": [{"clusterReleaseGate": "production"}]}
        wanted: Manifest | None = {"apiVersion": "ninefold.dev/v1alpha1", "kind": "ReleaseGate"}
        wanted = {**(wanted or {}), "metadata": metadata, "spec": spec}
    else:
        store = Store()
        store.put(ClusterReleaseGate.api, above)
        store.put(NAMESPACE, fleet.cluster.api.request("GET", NAMESPACE.path("", fleet.namespace))[1])
        wanted = kept(key_of("production", fleet.namespace), store)
        assert wanted is not None
    fleet.request("POST", ReleaseGate.api.path(fleet.namespace), wanted, 201)
    yield request.param
    fleet.request("DELETE", ReleaseGate.api.path(fleet.namespace, request.param), None, 200)
    fleet.request("DELETE", ClusterReleaseGate.api.path("", "production"), None, 200)


def test_each_of_three_hundred_workloads_can_be_rolled_back(fleet: Fleet, gate: str) -> None:
    stored = fleet.get(ReleaseGate.api, gate)
    status = learned(ReleaseGate.parse(stored), fleet, "production")
    assert len(status.known_good_revisions) == MANY
    body = {**stored, "status": status.wire()}
    fleet.request("PUT", ReleaseGate.api.path(fleet.namespace, gate, "status"), body, 200)
    unknown = ("set", "image", f"deployment/{name_of(7)}", "app=registry.example.com/evil:v1", "--dry-run=server")
    waiting.until(lambda: "is closed (Hold)" in fleet.as_editor(*unknown), "the gate to be enforced", 20)
    for number in SAMPLED:
        deployment = f"deployment/{name_of(number)}"
        # A good image, but of another workload.
        other = image((number + 1) % MANY, 2)
        assert "is closed (Hold)" in fleet.as_editor("set", "image", deployment, f"app={other}")
        assert fleet.as_editor("rollout", "undo", deployment) == ""
        assert _runs(fleet, number) in (image(number, 1), image(number, 2))
        assert fleet.as_editor("set", "image", deployment, f"app={image(number, 1)}") == ""
        assert fleet.as_editor("set", "image", deployment, f"app={image(number, 3)}") == ""


def _runs(fleet: Fleet, number: int) -> str:
    found = fleet.get(DEPLOYMENT, name_of(number))
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


def test_what_is_known_of_three_hundred_workloads_is_small(fleet: Fleet, gate: str) -> None:
    """As docs/performance.md has it."""
    found = learned(ReleaseGate.parse(fleet.get(ReleaseGate.api, gate)), fleet, "production")
    size = len(json.dumps(found.wire()))
    print(f"{size} bytes, {size / MANY:.0f} a workload")
    assert size / MANY < 512
