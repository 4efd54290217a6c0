"""An editor of a namespace tries to open a closed gate by edits of objectives: the real operator, the real API server,
figures in a real Prometheus. The gate is one for which nobody knowing would be a reason to open."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests import direct
from tests.figures import figures
from tests.installing import install
from tests.namespaced import Namespaced
from tests.processes import ROOT, OperatorProcess, wait_for

import devcluster
from devcluster import waiting
from devcluster.errors import CommandError
from ninefold.kinds import GUARDS, MODELS, RECORDS
from ninefold.kube.accounts import machines
from ninefold.kube.rbac import acts, people
from ninefold.release.people.gates import VERBS
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.forgiving import forgiving_manifests

API = "ninefold.dev/v1alpha1"
RATIO = {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}}
SPEC: dict[str, Any] = {
    # Its figures come from the test.
    "suspend": True,
    "service": "checkout",
    "objective": "99.9",
    "window": {"rolling": "30d"},
    "indicator": RATIO,
}
EVE, ANN, GITOPS = "eve", "ann", "system:serviceaccount:flux-system:kustomize-controller"


class Place(Namespaced):
    """A namespace with a spent objective, a policy and a gate. Eve has what the role edit gains, Ann what admin gains
    and the verb override."""

    def apply(self, kind: str, name: str, spec: dict[str, Any], user: str = "") -> None:
        manifest = {"apiVersion": API, "kind": kind, "metadata": {"name": name}, "spec": spec}
        direct.apply(self.cluster, manifest, namespace=self.namespace, force=True, user=user)

    def eve(self, *args: str) -> None:
        self.kubectl(*args, f"--as={EVE}")

    def objective(self, name: str, **spec: Any) -> None:
        self.apply("ServiceLevelObjective", name, {**SPEC, **spec}, user=EVE)

    def delete(self, name: str) -> None:
        self.eve("delete", "slo", name, "--ignore-not-found")

    def set_up(self) -> None:
        for role, user in (("ninefold-edit", EVE), ("ninefold-view", EVE), ("ninefold-view", ANN)):
            self.kubectl("create", "rolebinding", f"{role}-{user}", f"--clusterrole={role}", f"--user={user}")
        for role in ("ninefold-admin", "ninefold-override"):
            self.kubectl("create", "rolebinding", f"{role}-{ANN}", f"--clusterrole={role}", f"--user={ANN}")
        machine = "--serviceaccount=flux-system:kustomize-controller"
        self.kubectl("create", "rolebinding", "gitops", "--clusterrole=cluster-admin", machine)
        waiting.until(lambda: self.may("create", "slo", EVE), "the rights of Eve", 20)
        rules = [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}]
        recovery = {"margin": "1", "for": "1s"}
        policy = {"objectives": {"service": "checkout"}, "rules": rules, "recovery": recovery}
        self.apply("ErrorBudgetPolicy", "checkout", policy)
        sources = [{"errorBudgetPolicy": "checkout"}]
        fail_mode = {"staleAfter": "1s", "decision": "Allow"}
        gate = {"workloads": {"matchLabels": {"app": "checkout"}}, "sources": sources, "failMode": fail_mode}
        self.apply("ReleaseGate", "checkout", gate)
        self.figures(left=-0.04)
        self.objective("right")

    def may(self, verb: str, what: str, user: str) -> bool:
        try:
            return self.kubectl("auth", "can-i", verb, what, f"--as={user}").strip() == "yes"
        except CommandError:
            return False

    def figures(self, left: float) -> None:
        """What Prometheus says from its next evaluation on."""
        values = {"slo:error_budget_left:ratio": left, "slo:events:rate5m": 100, "slo:coverage:ratio": 1}
        made = figures(self.namespace, "right", values)
        direct.apply(self.cluster, made, namespace=self.namespace)

    def status(self, kind: str) -> dict[str, Any]:
        found: dict[str, Any] = direct.get(self.cluster, kind, "checkout", self.namespace).get("status", {})
        return found

    def decision(self) -> str:
        return str(self.status("releasegate").get("decision", ""))

    def carried(self, change: str) -> Callable[[], dict[str, Any]]:
        """What the policy carries, as soon as it is of this kind."""

        def found() -> dict[str, Any]:
            entries = self.status("ebp").get("objectives", ())
            states = (entry["carried"] for entry in entries if entry.get("carried"))
            return next((state for state in states if state["change"] == change), {})

        return found

    def forgive(self, user: str, **said: str) -> str:
        """What the API server says against it; "" if it takes it."""
        patch = json.dumps({"spec": {"forgive": [{"objective": "right", "reason": "it counted probes", **said}]}})
        try:
            self.kubectl("patch", "ebp", "checkout", f"--as={user}", "--type=merge", "-p", patch)
        except CommandError as error:
            return str(error)
        return ""

    def command(self, user: str, objective: str) -> subprocess.CompletedProcess[str]:
        """`ninefold policy forgive` as this user."""
        argv = ["policy", "forgive", "checkout", objective, "--reason", "it counted probes", "-n", self.namespace]
        kubeconfig = self.cluster.kubeconfig_for(user, ())
        environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "PYTHONPATH": str(ROOT / "operator")}
        argv = [sys.executable, "-m", "ninefold", *argv]
        return subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def place(cluster: devcluster.Cluster, namespace: str) -> Iterator[Place]:
    roles = [manifest for manifest, _ in (*people(MODELS, GUARDS, RECORDS), *acts(VERBS, ReleaseGate.api))]
    install(cluster, *machines(), *forgiving_manifests(), *roles)
    place = Place(cluster, namespace)
    place.set_up()
    yield place
    place.kubectl("delete", "configmap", "figures", "--ignore-not-found")


def closed(place: Place) -> bool:
    return place.decision() == "Hold"


def test_a_closed_gate_stays_closed_whatever_an_editor_does_until_it_is_forgiven(
    place: Place, operator: OperatorProcess
) -> None:
    with operator:
        wait_for("the gate to close", lambda: closed(place), 30)

        place.objective("right", objective="5")
        wait_for("the weaker promise to be seen", lambda: "held to 99.9 %" in place.status("ebp")["reason"])
        place.objective("right", service="elsewhere")
        wait_for("it to be followed", lambda: "is still followed" in place.status("ebp")["reason"])
        assert closed(place)
        place.objective("right", indicator={"boolean": {"selector": "up"}})
        carried = wait_for("it to count something else", place.carried("Indicator"))
        assert "kubectl" in carried["by"]
        operator.kill()
        # While the operator is down, and in one go. Nobody keeps the rules of what a finalizer holds.
        place.eve("patch", "slo", "right", "--type=merge", "-p", '{"metadata": {"finalizers": ["eve.example/held"]}}')
        place.eve("delete", "slo", "right", "--wait=false")
        place.objective("left")
        operator.start()
        carried = wait_for("it to be gone", place.carried("Gone"), 30)
        message = wait_for("the gate to say so", lambda: _says(place, "right no longer exists"))
        assert f"spec.forgive of the policy, objective right, since {carried['since']}" in message
        assert closed(place)

        assert not place.may("patch", "ebp", EVE)
        since = carried["since"]
        assert "write your own name" in place.forgive(ANN, since=since, by="bob")
        assert "a machine must have it by name, not as one of all verbs" in place.forgive(
            GITOPS, since=since, by=GITOPS
        )
        done = place.command(ANN, "nothing-of-this-name")
        assert (done.returncode, done.stdout) == (1, "")
        assert "nothing-of-this-name has no carried budget; these objectives have: right" in done.stderr
        done = place.command(EVE, "right")
        assert done.returncode == 1
        assert "cannot patch resource" in done.stderr
        done = place.command(ANN, "right")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(
            f"{place.namespace}/checkout: the budget that right had spent is forgiven. The policy is "
        )
        wait_for("the gate to open", lambda: not closed(place))
        told = place.status("ebp")["transitions"][0]["reason"]
        assert told == "ann has forgiven what right had spent: it counted probes"
        place.eve("patch", "slo", "right", "--type=merge", "-p", '{"metadata": {"finalizers": null}}')


def _says(place: Place, text: str) -> str:
    message = str(place.status("releasegate").get("message", ""))
    return message if text in message else ""


@pytest.mark.slow
def test_no_random_edits_open_it(place: Place, operator: OperatorProcess) -> None:
    chance = random.Random(10)
    edits: list[Callable[[str], None]] = [
        place.delete,
        place.objective,
        lambda name: place.objective(name, objective=chance.choice(["5", "90", "99.99"])),
        lambda name: place.objective(name, window={"rolling": chance.choice(["1h", "7d", "30d"])}),
        lambda name: place.objective(name, service=chance.choice(["elsewhere", "checkout"])),
        lambda name: place.objective(name, indicator={"boolean": {"selector": "up"}}),
        lambda name: place.objective(name, groupBy=["region"]),
        lambda name: place.objective(name, suspend=False),
    ]
    with operator:
        wait_for("the gate to close", lambda: closed(place), 30)
        done = []
        for number in range(120):
            if number == 60:
                operator.kill()
            if number == 70:
                operator.start()
            edit, name = chance.randrange(len(edits)), chance.choice(["right", "right", "left", "other"])
            edits[edit](name)
            done.append((edit, name))
            assert closed(place), done
        wait_for("it to be carried", lambda: "stays spent" in place.status("ebp")["reason"], 30)
        assert closed(place), done
