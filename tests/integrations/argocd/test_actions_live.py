"""What an action makes of a gate, sent as Argo CD sends it: the API server judges that it is Argo CD."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests import direct
from tests.installing import install
from tests.integrations.argocd.lua import run
from tests.namespaced import Namespaced
from tests.processes import wait_for

import devcluster
from devcluster.errors import CommandError
from ninefold.integrations.argocd.customizations import ACTIONS
from ninefold.release.people.gates import people_manifests

SERVER = "system:serviceaccount:argocd:argocd-server"
ELSEWHERE = "system:serviceaccount:kube-system:argocd-manager"
GATE = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "ReleaseGate",
    "metadata": {"name": "checkout"},
    "spec": {"workloads": {"scope": "Namespace"}},
}


class Office(Namespaced):
    """A namespace with a gate in which two accounts of Argo CD may do everything."""

    def gate(self) -> dict[str, Any]:
        return direct.get(self.cluster, "gate", "checkout", self.namespace)

    def wait_refused(self, user: str) -> None:
        """Return when the API server refuses this account a closing in the name of the other."""
        told = f"write your own name into spec.stop.by: {user}"
        wait_for("the policy to be in force", lambda: told in self.act("close", user, "--dry-run=server"))

    def act(self, name: str, user: str, *options: str, **parameters: str) -> str:
        """Run the action; what the API server says."""
        (action,) = (each for each in ACTIONS if each.name == name)
        made = run(action.script, self.gate(), parameters)
        patch = {"metadata": {"annotations": made["metadata"].get("annotations")}, "spec": made["spec"]}
        options = (f"--as={user}", "--type=merge", "--patch", json.dumps(patch), *options)
        try:
            return self.kubectl("patch", "gate", "checkout", *options)
        except CommandError as error:
            return str(error)


@pytest.fixture
def office(cluster: devcluster.Cluster, namespace: str) -> Office:
    install(cluster, *people_manifests())
    office = Office(cluster, namespace)
    accounts = [f"--serviceaccount={user.removeprefix('system:serviceaccount:')}" for user in (SERVER, ELSEWHERE)]
    office.kubectl("create", "rolebinding", "argocd", "--clusterrole=cluster-admin", *accounts)
    office.kubectl("create", "-f", "-", input=json.dumps(GATE))
    return office


def test_closing(office: Office) -> None:
    office.wait_refused(ELSEWHERE)
    assert "patched" in office.act("close", SERVER, reason="Ann: the provider is down")
    stop = office.gate()["spec"]["stop"]
    assert stop == {"by": SERVER, "reason": "Ann: the provider is down", "decision": "Hold"}
    assert "patched" in office.act("reconcile", ELSEWHERE), "what is closed can be looked at"
    assert office.gate()["spec"]["stop"] == stop


def test_closing_by_another_account(office: Office) -> None:
    office.kubectl("annotate", "gate", "checkout", f"ninefold.dev/argocd-user={ELSEWHERE}")
    office.wait_refused(SERVER)
    assert "patched" in office.act("close", ELSEWHERE)
    assert office.gate()["spec"]["stop"]["by"] == ELSEWHERE


def test_a_reason_that_is_too_long_is_refused_with_a_sentence(office: Office) -> None:
    assert "256" in office.act("close", SERVER, reason="x" * 257)
