"""Flux's objects held by a gate, on a real API server, by the operator with the rights of an installation.

The kinds are stand-ins with the fields that matter; tests/peers has the real ones, with their controller.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import direct
from tests.installing import stand_in
from tests.namespaced import Namespaced
from tests.processes import ROOT, OperatorProcess, wait_for

import devcluster
from devcluster import CommandError
from ninefold.kube.api import HOLDER, Api
from ninefold.release.followers.flux import REQUESTED_AT, HelmReleaseFollower, KustomizationFollower
from ninefold.release.workloads.annotation import GATE, HELD_BY

KUSTOMIZATION, HELM_RELEASE = KustomizationFollower.api, HelmReleaseFollower.api
OPERATOR = "system:serviceaccount:ninefold-system:ninefold"
GROUPS = ("system:serviceaccounts", "system:serviceaccounts:ninefold-system", "system:authenticated")
FREEZE = {"dates": {"from": "2020-01-01T00:00:00Z", "until": "2099-01-01T00:00:00Z"}, "reason": "sale"}


def crd(api: Api) -> dict[str, Any]:
    spec = {
        "type": "object",
        "properties": {"suspend": {"type": "boolean"}, "interval": {"type": "string"}},
        "required": ["interval"],
    }
    schema = {"type": "object", "properties": {"spec": spec}}
    return stand_in(api, schema)


class Shop(Namespaced):
    """A gate that a freeze closes, and objects of Flux, as their owner writes them."""

    def gate(self, *, closed: bool, name: str = "checkout") -> None:
        spec = {"workloads": {"scope": "Namespace"}, "sources": [{"freeze": FREEZE}] if closed else []}
        self._apply({"apiVersion": "ninefold.dev/v1alpha1", "kind": "ReleaseGate"}, name, {}, spec)

    def own(self, api: Api, name: str, gate: str | None = "checkout", **spec: Any) -> None:
        annotations = {GATE: gate} if gate else {}
        kind = {"apiVersion": api.api_version, "kind": api.kind}
        self._apply(kind, name, annotations, {"interval": "1m", **spec})

    def _apply(self, kind: dict[str, str], name: str, annotations: dict[str, str], spec: dict[str, Any]) -> None:
        manifest = {**kind, "metadata": {"name": name, "annotations": annotations}, "spec": spec}
        direct.apply(self.cluster, manifest, namespace=self.namespace, manager="git")

    def get(self, api: Api, name: str) -> dict[str, Any]:
        return direct.get(self.cluster, api.name, name, self.namespace)

    def suspended(self, api: Api, name: str) -> bool:
        return bool(self.get(api, name)["spec"].get("suspend"))

    def annotations(self, api: Api, name: str) -> dict[str, str]:
        found: dict[str, str] = self.get(api, name)["metadata"].get("annotations", {})
        return found

    def held(self, api: Api, name: str) -> bool:
        return HOLDER in [entry["manager"] for entry in self.get(api, name)["metadata"]["managedFields"]]

    def free(self, api: Api, name: str) -> bool:
        return not self.held(api, name)

    def events(self, api: Api, name: str) -> dict[str, str]:
        """Messages by reason."""
        items = direct.items(self.cluster, "events", self.namespace)
        about = (each for each in items if each["involvedObject"]["kind"] == api.kind)
        return {each["reason"]: each["message"] for each in about if each["involvedObject"]["name"] == name}


@pytest.fixture(scope="module")
def installed(cluster: devcluster.Cluster) -> None:
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "manifests/base"))
    rights = ROOT / "manifests/components/hold-flux/rights.yaml"
    cluster.kubectl("apply", "--server-side", "-f", str(rights))
    cluster.kubectl("-n", "ninefold-system", "delete", "deployment", "ninefold", "--ignore-not-found")
    for api in (KUSTOMIZATION, HELM_RELEASE):
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(crd(api)))
    paths = [api.path() for api in (KUSTOMIZATION, HELM_RELEASE, KustomizationFollower.leader)]
    wait_for("its kinds and gates to be served", lambda: all(cluster.api.request("GET", at)[0] == 200 for at in paths))


@pytest.fixture
def shop(cluster: devcluster.Cluster, installed: None, namespace: str) -> Shop:
    return Shop(cluster, namespace)


@pytest.fixture
def operator(cluster: devcluster.Cluster, installed: None, tmp_path: Path) -> Iterator[OperatorProcess]:
    command = ["-m", "ninefold", "run", "--hold=flux", "--log-format=text", "--poll-interval=1s"]
    command += ["--prometheus-url", cluster.prometheus.url]
    kubeconfig = cluster.kubeconfig_for(OPERATOR, GROUPS)
    with OperatorProcess(command, kubeconfig, tmp_path / "operator.log") as process:
        yield process


def test_what_follows_a_closed_gate_is_suspended_and_goes_on_when_it_opens(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.gate(closed=True)
    shop.own(KUSTOMIZATION, "app")
    shop.own(HELM_RELEASE, "app", gate=f"{shop.namespace}/checkout")
    shop.own(KUSTOMIZATION, "free", gate=None)
    shop.own(KUSTOMIZATION, "own", suspend=True)
    for api, name in ((KUSTOMIZATION, "app"), (HELM_RELEASE, "app"), (KUSTOMIZATION, "own")):
        wait_for(f"{api.kind} {name} to be held", partial(shop.held, api, name))
        assert shop.suspended(api, name)
        assert shop.annotations(api, name)[HELD_BY] == f"{shop.namespace}/checkout"
    assert not shop.suspended(KUSTOMIZATION, "free")
    wait_for("an event", lambda: "closed (Hold)" in shop.events(KUSTOMIZATION, "app").get("Held", ""))
    where = f'namespace="{shop.namespace}"'
    assert operator.metric("ninefold_held_objects", f'kind="Kustomization",{where}') == 2
    assert operator.metric("ninefold_held_objects", f'kind="HelmRelease",{where}') == 1

    shop.gate(closed=False)
    for api, name in ((KUSTOMIZATION, "app"), (HELM_RELEASE, "app"), (KUSTOMIZATION, "own")):
        wait_for(f"{api.kind} {name} to be let go", partial(shop.free, api, name))
        assert HELD_BY not in shop.annotations(api, name)
        assert REQUESTED_AT in shop.annotations(api, name)
    assert not shop.suspended(KUSTOMIZATION, "app")
    assert not shop.suspended(HELM_RELEASE, "app")
    assert shop.suspended(KUSTOMIZATION, "own"), "somebody's own suspend stays"
    assert REQUESTED_AT not in shop.annotations(KUSTOMIZATION, "free"), "it was never held"
    wait_for("an event", lambda: "(Allow)" in shop.events(KUSTOMIZATION, "app").get("LetGo", ""))
    assert "Forbidden" not in operator.text(), "the rights of the component are enough"


def test_a_suspend_of_ones_own_is_remembered_if_it_was_applied(shop: Shop, operator: OperatorProcess) -> None:
    shop.gate(closed=True)
    for name in ("applied", "patched"):
        shop.own(KUSTOMIZATION, name)
    wait_for("both to be held", lambda: all(shop.held(KUSTOMIZATION, name) for name in ("applied", "patched")))
    shop.own(KUSTOMIZATION, "applied", suspend=True)
    # Nothing changes by it, so the API server notes no new owner.
    patch = ("patch", KUSTOMIZATION.name, "patched", "--type=merge", "--patch", '{"spec": {"suspend": true}}')
    assert "no change" in shop.kubectl(*patch)
    shop.gate(closed=False)
    wait_for("both to be let go", lambda: not any(shop.held(KUSTOMIZATION, name) for name in ("applied", "patched")))
    assert shop.suspended(KUSTOMIZATION, "applied")
    assert not shop.suspended(KUSTOMIZATION, "patched")


def test_a_gate_that_does_not_exist_is_told_and_holds_nothing_and_one_that_goes_lets_go(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.own(KUSTOMIZATION, "app")
    wait_for("a warning", lambda: "no ReleaseGate" in shop.events(KUSTOMIZATION, "app").get("GateMissing", ""))
    assert "GateMissing" in operator.text()
    assert not shop.held(KUSTOMIZATION, "app")
    shop.gate(closed=True)
    wait_for("it to be held", lambda: shop.held(KUSTOMIZATION, "app"))
    shop.kubectl("delete", "releasegate", "checkout")
    wait_for("it to be let go", lambda: not shop.held(KUSTOMIZATION, "app"))
    assert not shop.suspended(KUSTOMIZATION, "app")


def test_the_annotation_decides_and_nothing_else(shop: Shop, operator: OperatorProcess) -> None:
    shop.gate(closed=True)
    shop.gate(closed=False, name="open")
    shop.own(KUSTOMIZATION, "app", gate="open")
    shop.own(KUSTOMIZATION, "other")
    wait_for("the other to be held", lambda: shop.held(KUSTOMIZATION, "other"))
    assert not shop.held(KUSTOMIZATION, "app")
    shop.own(KUSTOMIZATION, "app")
    wait_for("it to be held", lambda: shop.held(KUSTOMIZATION, "app"))
    shop.own(KUSTOMIZATION, "app", gate=None)
    wait_for("it to be let go", lambda: not shop.held(KUSTOMIZATION, "app"))
    # By hand, without a trace of ours but the API server's record.
    shop.kubectl("annotate", KUSTOMIZATION.name, "other", f"{GATE}-", f"{HELD_BY}-")
    wait_for("it to be let go", lambda: not shop.suspended(KUSTOMIZATION, "other"))


def test_it_stays_suspended_while_the_operator_is_down_and_is_let_go_afterwards(
    shop: Shop, operator: OperatorProcess
) -> None:
    shop.gate(closed=True)
    shop.own(KUSTOMIZATION, "app")
    wait_for("it to be held", lambda: shop.suspended(KUSTOMIZATION, "app"))
    operator.kill()
    shop.gate(closed=False)
    assert shop.suspended(KUSTOMIZATION, "app")
    operator.start()
    wait_for("it to be let go", lambda: not shop.suspended(KUSTOMIZATION, "app"))


def test_the_operator_may_not_write_to_what_does_not_ask_for_it(shop: Shop) -> None:
    shop.own(KUSTOMIZATION, "free", gate=None)
    shop.own(KUSTOMIZATION, "asks")
    # kubectl reads what it patches; the operator need not.
    shop.kubectl("create", "role", "reads", "--verb=get", f"--resource={KUSTOMIZATION.name}")
    shop.kubectl("create", "rolebinding", "reads", "--role=reads", f"--user={OPERATOR}")
    patch = ("patch", KUSTOMIZATION.name, "--as", OPERATOR, "--type=merge", "--patch")

    def refused(name: str, spec: dict[str, Any]) -> str:
        try:
            return shop.kubectl(*patch, json.dumps({"spec": spec}), name)
        except CommandError as error:
            return str(error)

    wait_for("the policy to be in force", lambda: "ask for it with" in refused("free", {"suspend": True}), 30)
    assert "only annotations and spec.suspend" in refused("asks", {"interval": "9m"})
    assert "patched" in refused("asks", {"suspend": True})
