"""`ninefold gate` against a real API server: what people and pipelines type, and how it ends. Nobody runs the operator
here: the status of a gate is written as it would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import Any

import pytest
from tests import direct
from tests.cli.conftest import Command, Done, apart
from tests.installing import install
from tests.moments import before
from tests.namespaced import Namespaced
from tests.processes import wait_for

import devcluster
from devcluster.waiting import patient
from ninefold.kube.api import LEASE
from ninefold.kube.fields import rfc3339
from ninefold.kube.rbac import LEASE_NAME
from ninefold.release.people.gates import people_manifests
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy


def in_(length: timedelta) -> str:
    return rfc3339(datetime.now(UTC) + length)


HOUR = timedelta(hours=1)


class Gate(Namespaced):
    """A gate `checkout` of a namespace."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str) -> None:
        super().__init__(cluster, namespace)
        self.apply()

    def apply(self, **spec: Any) -> None:
        body = {
            "apiVersion": ReleaseGate.api.api_version,
            "kind": "ReleaseGate",
            "metadata": {"name": "checkout"},
            "spec": {"workloads": {"scope": "Namespace"}, **spec},
        }
        direct.apply(self.cluster, body, namespace=self.namespace, force=True)

    def say(self, decision: str, name: str = "checkout", **status: Any) -> None:
        """As the operator that has looked at the gate as it is now."""
        generation = direct.get(self.cluster, "releasegate", name, self.namespace)["metadata"]["generation"]
        patch = {"status": {"decision": decision, "observedGeneration": generation, **status}}
        direct.patch(self.cluster, "releasegate", name, patch, namespace=self.namespace, subresource="status")

    def close(self, **times: str) -> None:
        closure = {"decision": "Hold", "because": "freeze: sale", "message": "Nothing changes now: sale.", **times}
        self.say("Hold", closures=[closure], passes="A rollback to checkout:v41 passes.")

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = direct.get(self.cluster, "releasegate", "checkout", self.namespace)["spec"]
        return found


@pytest.fixture(scope="module")
def server(cluster: devcluster.Cluster) -> devcluster.Cluster:
    install(cluster, *people_manifests())
    return cluster


@pytest.fixture
def gate(server: devcluster.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    with apart(server, monkeypatch) as namespace:
        yield Gate(server, namespace)


def test_a_pipeline_is_told_that_the_line_is_stopped(ninefold: Command, gate: Gate) -> None:
    gate.say("Allow")
    kept = {"metadata": {"name": "cluster.production"}, "spec": {"workloads": {"scope": "Namespace"}}}
    kind = {"apiVersion": ReleaseGate.api.api_version, "kind": "ReleaseGate"}
    gate.kubectl("apply", "--server-side", "-f", "-", body=kind | kept)
    assert ninefold("gate", "check", "checkout", "-n", gate.namespace).returncode == 0, "it has not decided yet"
    closure = {"decision": "Hold", "because": "stopped by ann", "message": "ann has closed it: the network is down."}
    gate.say("Hold", "cluster.production", closures=[closure])
    done = ninefold("gate", "check", "checkout", "-n", gate.namespace)
    assert (done.returncode, done.stdout.strip()) == (
        1,
        f"{gate.namespace}/cluster.production is closed (Hold): ann has closed it: the network is down.",
    )
    explained = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout.splitlines()
    line = f"{gate.namespace}/cluster.production, which applies to the whole namespace: Hold: ann has closed it"
    assert explained[0] == f"{gate.namespace}/checkout: Allow"
    assert explained[-1] == f"{line}: the network is down."
    (above,) = json.loads(ninefold("gate", "explain", "checkout", "-n", gate.namespace, "--json").stdout)["above"]
    assert above["decision"] == "Hold"


def test_a_pipeline_asks(ninefold: Command, gate: Gate) -> None:
    def check(*options: str) -> tuple[int, str]:
        done = ninefold("gate", "check", "checkout", "-n", gate.namespace, *options)
        return done.returncode, done.stdout.strip()

    assert check()[0] == 2, "nobody has decided yet"
    gate.say("Allow")
    assert check() == (0, f"{gate.namespace}/checkout is open")
    gate.close(until=in_(HOUR))
    words = "Nothing changes now: sale. A rollback to checkout:v41 passes."
    assert check() == (1, f"{gate.namespace}/checkout is closed (Hold): {words}")
    code, text = check("--json")
    found = json.loads(text)
    assert (code, found["decision"], found["because"], found["message"]) == (1, "Hold", "freeze: sale", words)
    gate.apply(mode="Warn")
    assert check()[0] == 0, "it lets pass, whoever has looked at it"
    gate.close(until=in_(HOUR))
    assert check() == (0, f"{gate.namespace}/checkout is closed (Hold), but only warns: {words}")
    text = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout
    assert "Hold by" in text
    assert "you may" not in text


def test_what_keeps_a_gate_from_deciding_is_told(ninefold: Command, gate: Gate) -> None:
    because, why = "ErrorBudgetPolicy checkout: never measured", "checkout has never had any data."
    gate.say("Unknown", because=because, message=why)
    done = ninefold("gate", "check", "checkout", "-n", gate.namespace)
    told = f"{gate.namespace}/checkout cannot decide, so change passes, although it may be unsafe: {why}"
    assert (done.returncode, done.stdout.strip()) == (2, told)
    found = json.loads(ninefold("gate", "check", "checkout", "-n", gate.namespace, "--json").stdout)
    assert (found["because"], found["message"]) == (because, why)
    lines = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout.splitlines()
    assert lines[1:3] == [f"  Unknown by {because}", f"    {why}"]


def test_it_explains_until_when_a_policy_is_exempt(ninefold: Command, gate: Gate) -> None:
    rule = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}
    body = {
        "apiVersion": ErrorBudgetPolicy.api.api_version,
        "kind": "ErrorBudgetPolicy",
        "metadata": {"name": "budget"},
        "spec": {"objectives": {"service": "checkout"}, "rules": [rule]},
    }
    gate.kubectl("apply", "--server-side", "-f", "-", body=body)
    until = "Exempt until 2030-01-01T00:00:00Z (moving the database); otherwise Hold, because of checkout"
    patch = json.dumps({"status": {"state": "Exempt", "reason": until}})
    gate.kubectl("patch", "ebp", "budget", "--subresource=status", "--type=merge", "-p", patch)
    gate.apply(sources=[{"errorBudgetPolicy": "budget"}])
    gate.say("Allow")
    lines = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout.splitlines()
    assert lines[1:3] == ["  ErrorBudgetPolicy budget: Exempt", f"    {until}"]
    # The same as numbers, for programs.
    state = {"name": "checkout", "state": "Exhausted", "decision": "Hold", "data": "Healthy"}
    figures = {"budgetLeft": "-4.0 %", "burn": "22x over 1h"}
    patch = json.dumps({"status": {"objectives": [{**state, **figures, "since": rfc3339(datetime.now(UTC))}]}})
    gate.kubectl("patch", "ebp", "budget", "--subresource=status", "--type=merge", "-p", patch)
    found = json.loads(ninefold("gate", "explain", "checkout", "-n", gate.namespace, "--json").stdout)
    (objective,) = found["policies"]["budget"]["objectives"]
    assert (objective["budgetLeft"], objective["figures"]) == ("-4.0 %", {"budgetLeft": -4.0, "burn": 22.0})


def test_it_waits_and_tells_that_it_does(ninefold: Command, gate: Gate) -> None:
    def check() -> Done:
        return ninefold("gate", "check", "checkout", "-n", gate.namespace, "--wait", f"{patient(60):.0f}s")

    def waits() -> bool:
        told.append(check())
        return told[-1].stderr.startswith("waiting up to ")

    told: list[Done] = []
    before(3, lambda end: gate.close(until=rfc3339(end)), waits)
    done = told[-1]
    assert (done.returncode, done.stdout.strip()) == (0, f"{gate.namespace}/checkout is open")
    assert done.stderr.count("waiting") == 1
    gate.close()
    Timer(1, lambda: gate.say("Allow", closures=None)).start()
    assert check().returncode == 0
    gate.close()
    assert ninefold("gate", "check", "checkout", "-n", gate.namespace, "--wait", "1s").returncode == 1


def test_an_override_of_an_image_is_asked_for_by_image(ninefold: Command, gate: Gate) -> None:
    gate.close()
    grant = {"name": "fix", "by": "ann", "until": in_(HOUR), "images": ["checkout:v43"]}
    gate.say("Hold", overrides=[grant])

    def code(*options: str) -> int:
        return ninefold("gate", "check", "checkout", "-n", gate.namespace, *options).returncode

    assert [code(), code("--image", "checkout:v43"), code("--image", "checkout:v44")] == [1, 0, 1]


def test_a_rollback_is_told_as_the_api_server_takes_it(ninefold: Command, gate: Gate) -> None:
    gate.close()
    gate.say("Hold", knownGoodRevisions={"Deployment/checkout": "app=shop/checkout:v41 proxy=proxy:1"})
    gate.kubectl("create", "deployment", "checkout", "--image", "shop/checkout:v42", "--replicas", "0")

    def check(*options: str) -> tuple[int, str]:
        done = ninefold("gate", "check", "checkout", "-n", gate.namespace, *options)
        return done.returncode, done.stdout.strip()

    passes = (0, f"{gate.namespace}/checkout is closed, and this passes: it is known to be good")
    assert check("--image", "shop/checkout:v41") == passes
    assert check("--image", "shop/checkout:v41", "--image", "proxy:1") == passes
    assert check("--image", "shop/checkout:v41", "--image", "proxy:2")[0] == 1
    workload = ("--workload", "Deployment/checkout")
    assert check(*workload, "--image", "shop/checkout:v41") == passes
    assert check(*workload, "--image", "shop/checkout:v40")[0] == 1
    assert check(*workload)[0] == 1, "a change of its configuration"


def test_people_close_and_open_by_hand(ninefold: Command, gate: Gate) -> None:
    where = ["checkout", "-n", gate.namespace]
    done = ninefold("gate", "close", *where, "--reason", "the provider is down", "--for", "2h")
    assert done.returncode == 0, done.stderr
    stop = gate.spec["stop"]
    assert (stop["reason"], stop["decision"]) == ("the provider is down", "Hold")
    assert stop["by"], "the API server has taken the name"
    assert stop["until"] > in_(HOUR)
    assert ninefold("gate", "close", *where, "--reason", "x", "--deny").returncode == 0
    assert "until" not in gate.spec["stop"], "the end of before is not that of now"
    assert ninefold("gate", "open", *where).returncode == 0
    assert "stop" not in gate.spec
    again = ninefold("gate", "open", *where)
    assert (again.returncode, "no one has closed" in again.stderr) == (1, True)


class Overriding:
    """`ninefold gate override` beside an operator that says what it is to say."""

    def __init__(self, ninefold: Command, gate: Gate) -> None:
        self._ninefold = ninefold
        self._gate = gate

    def __call__(self, state: str, message: str, *options: str) -> Done:
        with ThreadPoolExecutor() as pool:
            said = pool.submit(self._say, state, message)
            where = ("checkout", "-n", self._gate.namespace)
            done = self._ninefold("gate", "override", *where, "--reason", "hotfix", "--for", "9h", *options)
            said.result()
        return done

    def _say(self, state: str, message: str) -> None:
        name = wait_for("the Override", lambda: self._gate.kubectl("get", "overrides", "-o", "name"), 30).strip()
        ready: dict[str, Any] = {"type": "Ready", "status": "True" if state == "InForce" else "False", "reason": state}
        ready |= {"message": message, "lastTransitionTime": in_(timedelta()), "observedGeneration": 1}
        patch = json.dumps({"status": {"state": state, "observedGeneration": 1, "conditions": [ready]}})
        self._gate.kubectl("patch", name, "--subresource=status", "--type=merge", "-p", patch)


def test_an_override_is_what_the_operator_says_to_it(ninefold: Command, gate: Gate) -> None:
    told = "ReleaseGate checkout accepts overrides of at most 8h: ask for a shorter override."
    done = Overriding(ninefold, gate)("Refused", told)
    assert (done.returncode, done.stdout) == (1, "")
    assert f": Refused: {told}" in done.stderr
    assert "change passes" not in done.stderr
    gate.kubectl("delete", "overrides", "--all")
    done = Overriding(ninefold, gate)("InForce", "Change passes.", "--image", "checkout:v43")
    assert done.returncode == 0, done.stderr
    assert f": change to checkout:v43 passes {gate.namespace}/checkout until " in done.stdout


def test_people_override_and_nobody_approves_his_own(
    ninefold: Command, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = f"1 person besides admin must approve: ninefold gate approve fix -n {gate.namespace}"
    done = Overriding(ninefold, gate)("Pending", told, "--image", "checkout:v43")
    assert done.returncode == 0, done.stderr
    assert f": waits. {told}\n" in done.stdout
    name = done.stdout.partition(":")[0]
    spec = direct.get(gate.cluster, "override", name, gate.namespace)["spec"]
    assert (spec["gate"], spec["reason"], spec["images"]) == ("checkout", "hotfix", ["checkout:v43"])
    own = ninefold("gate", "approve", name, "-n", gate.namespace)
    assert (own.returncode, "no user approves their own override" in own.stderr) == (1, True)
    # Who asks why is told of it, also in JSON.
    text = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout
    assert f"  override {name} waits: {told}" in text
    (pending,) = json.loads(ninefold("gate", "explain", "checkout", "-n", gate.namespace, "--json").stdout)["pending"]
    assert (pending["name"], pending["images"], pending["waitsFor"]) == (name, ["checkout:v43"], told)
    monkeypatch.setenv("KUBECONFIG", str(gate.cluster.kubeconfig_for("ben", ["system:masters"])))
    said = [ninefold("gate", "approve", name, "-n", gate.namespace) for _ in range(2)]
    assert [done.returncode for done in said] == [0, 0], said
    assert said[0].stdout.startswith(f"ben approves {gate.namespace}/{name}")
    assert said[1].stdout.startswith(f"ben has already approved {gate.namespace}/{name}")


def test_no_operator_says_nothing_to_an_override(ninefold: Command, gate: Gate) -> None:
    where = ("checkout", "-n", gate.namespace, "--reason", "hotfix", "--for", "1h")
    done = ninefold("gate", "override", *where, "--wait", "1s")
    assert (done.returncode, done.stdout) == (2, "")
    assert (
        "the operator has not reconciled it yet, so it does not let change pass. Is the operator running?"
        in done.stderr
    )


def test_a_reason_says_something(ninefold: Command) -> None:
    # `gate explain` ends with a command that may be copied, dots and all.
    for act in (
        ["gate", "override", "checkout", "--for", "1h"],
        ["gate", "close", "checkout"],
        ["policy", "forgive", "a", "b"],
    ):
        done = ninefold(*act, "--reason", "...")
        assert (done.returncode, "argument --reason: '...' says nothing: write why" in done.stderr) == (2, True), act


def test_it_explains_what_an_override_in_force_is_for(ninefold: Command, gate: Gate) -> None:
    grant = {"name": "fix", "by": "ann", "until": in_(HOUR), "images": ["checkout:v43"]}
    gate.say("Hold", overrides=[grant])
    text = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout
    assert f"  overridden by ann for checkout:v43 until {grant['until']} (fix)" in text


def renew(gate: Gate, operators: str, age: timedelta) -> None:
    """The Lease of an operator in this namespace that has renewed it so long ago."""
    moment = (datetime.now(UTC) - age).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    spec = {"holderIdentity": "pod", "leaseDurationSeconds": 15, "renewTime": moment, "acquireTime": moment}
    body = {"apiVersion": LEASE.api_version, "kind": LEASE.kind, "metadata": {"name": LEASE_NAME}, "spec": spec}
    text = json.dumps(body)
    gate.cluster.kubectl("-n", operators, "apply", "--server-side", "--force-conflicts", "-f", "-", input=text)


def test_a_pipeline_is_not_told_that_a_gate_is_open_by_an_operator_that_is_dead(
    ninefold: Command, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ninefold.cli.shared.liveness._LOOK", 0.5)
    operators = gate.cluster.namespace("operators")

    def check(*options: str) -> tuple[int, str]:
        where = ("checkout", "-n", gate.namespace, "--operator-namespace", operators)
        done = ninefold("gate", "check", *where, *options)
        return done.returncode, done.stdout.strip()

    def in_json() -> dict[str, Any]:
        found: dict[str, Any] = json.loads(check("--json")[1])
        return found

    gate.say("Allow")
    where = ("checkout", "-n", gate.namespace, "--operator-namespace", operators)
    unknown = ninefold("gate", "check", *where)
    assert unknown.returncode == 0
    assert f"cannot determine whether the operator runs: there is no Lease {operators}/ninefold" in unknown.stderr
    assert (in_json()["stale"], in_json()["age"]) == (None, None)
    renew(gate, operators, timedelta(seconds=-10))
    assert check() == (0, f"{gate.namespace}/checkout is open")
    assert in_json()["stale"] is False
    renew(gate, operators, timedelta(seconds=75))
    code, text = check()
    assert code == 2
    assert text.startswith(f"{gate.namespace}/checkout is open; but the operator has not reported for ")
    found = in_json()
    assert (found["stale"], found["age"] >= 75, found["decision"]) == (True, True, "Allow")
    text = ninefold("gate", "explain", *where).stdout
    assert "  the operator has not reported for " in text
    # What is closed stays closed: the API server refuses, whoever lives.
    gate.close()
    assert check()[0] == 1
    assert in_json()["stale"] is True


def test_a_clock_that_is_off_makes_nobody_dead(ninefold: Command, gate: Gate) -> None:
    operators = gate.cluster.namespace("operators")
    gate.say("Allow")
    renew(gate, operators, timedelta(minutes=10))
    beat = Timer(3, lambda: renew(gate, operators, timedelta(minutes=9)))
    beat.start()
    done = ninefold("gate", "check", "checkout", "-n", gate.namespace, "--operator-namespace", operators, "--json")
    beat.join()
    assert done.returncode == 0
    assert json.loads(done.stdout)["stale"] is False


def test_a_gate_that_was_changed_is_not_told_as_decided(ninefold: Command, gate: Gate) -> None:
    gate.say("Allow")
    gate.apply(restarts="Hold")
    done = ninefold("gate", "check", "checkout", "-n", gate.namespace)
    assert done.returncode == 2
    assert "is open; but the gate was changed, and the operator has not reconciled it since" in done.stdout


def test_a_workload_is_asked_about_without_its_gates_name(ninefold: Command, gate: Gate) -> None:
    def check(*options: str) -> tuple[int, str]:
        done = ninefold("gate", "check", *options, "-n", gate.namespace)
        return done.returncode, done.stdout.strip() or done.stderr.strip()

    gate.kubectl("create", "deployment", "checkout", "--image=shop/checkout:v42", "--replicas=0")
    gate.kubectl("create", "deployment", "search", "--image=shop/search:v1", "--replicas=0")
    gate.apply(workloads={"matchLabels": {"app": "checkout"}}, contact="#checkout-releases")
    gate.close()
    code, said = check("--workload", "Deployment/checkout")
    assert code == 1
    assert said.startswith(f"{gate.namespace}/checkout is closed (Hold): Nothing changes now: sale.")
    assert said.endswith(" Contact: #checkout-releases")
    passes = f"no gate in namespace {gate.namespace} covers Deployment/search: change passes"
    assert check("--workload", "Deployment/search") == (0, passes)
    whole = check("--workload", "Deployment/search", "--json")
    assert (json.loads(whole[1])["gate"], json.loads(whole[1])["decision"]) == (None, "Allow")
    # Of several gates a closed one decides.
    other = {"metadata": {"name": "aaa"}, "spec": {"workloads": {"names": ["Deployment/checkout"]}}}
    kind = {"apiVersion": ReleaseGate.api.api_version, "kind": "ReleaseGate"}
    gate.kubectl("apply", "--server-side", "-f", "-", body=kind | other)
    gate.say("Allow", "aaa")
    assert check("--workload", "Deployment/checkout")[0] == 1
    assert check("--workload", "Deployment/none")[0] == 2, "a name that is written wrong is no open gate"
    code, said = check()
    assert code == 2
    assert "name a gate, or the workload that is to change: --workload Deployment/checkout" in said
    listed = ninefold("gate", "list", "-n", gate.namespace).stdout.splitlines()
    assert [line.split()[0] for line in listed if not line.startswith(" ")] == ["RELEASEGATE", "aaa", "checkout"]
    objects = json.loads(ninefold("gate", "list", "-n", gate.namespace, "--json").stdout)["objects"]
    assert [(each["name"], each["status"]["decision"]) for each in objects] == [("aaa", "Allow"), ("checkout", "Hold")]
    assert f"{gate.namespace}   checkout" in ninefold("gate", "list", "-A").stdout


def test_who_may_not_read_a_gate_does_not_know(ninefold: Command, gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    """2, and not 1: that would say that the gate is closed."""
    monkeypatch.setenv("KUBECONFIG", str(gate.cluster.kubeconfig_for("nobody")))
    for act in ("check checkout", "explain checkout", "list", "check --workload Deployment/checkout"):
        done = ninefold("gate", *act.split(), "-n", gate.namespace)
        assert (done.returncode, done.stdout) == (2, ""), act
        assert "cannot" in done.stderr
    refused = ninefold("gate", "close", "checkout", "--reason", "none", "-n", gate.namespace)
    assert refused.returncode == 1, "the API server has answered"


def test_another_kubeconfig_is_named_by_an_option(
    ninefold: Command, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate.say("Allow")
    monkeypatch.setenv("KUBECONFIG", "/none")
    check = ("gate", "check", "checkout", "-n", gate.namespace)
    assert ninefold(*check).returncode == 2
    assert ninefold(*check, "--kubeconfig", str(gate.cluster.kubeconfig)).returncode == 0


def test_it_explains(ninefold: Command, gate: Gate) -> None:
    gate.close(until=in_(HOUR))
    text = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout
    assert text.splitlines()[0] == f"{gate.namespace}/checkout: Hold"
    assert "  Hold by freeze: sale\n    Nothing changes now: sale.\n" in text
    assert "contact" not in text
    assert "you may: A rollback to checkout:v41 passes. Or ask for an override: ninefold gate override checkout" in text
    assert (
        json.loads(ninefold("gate", "explain", "checkout", "-n", gate.namespace, "--json").stdout)["decision"] == "Hold"
    )


def test_a_gate_that_does_not_exist(ninefold: Command, gate: Gate) -> None:
    """It says where it looked, and what shows the gates that there are."""
    for act in (["check"], ["explain"], ["close", "--reason", "x"]):
        done = ninefold("gate", act[0], "cart", *act[1:], "-n", gate.namespace)
        assert (done.returncode, f'"cart" not found in namespace {gate.namespace}' in done.stderr) == (2, True)
        assert "ninefold status -A" in done.stderr
    done = ninefold("gate", "explain", "cart", "--cluster")
    assert (done.returncode, '"cart" not found in the cluster' in done.stderr) == (2, True)
