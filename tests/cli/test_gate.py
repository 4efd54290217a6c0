"""`ninefold gate` against a real API server: what people and pipelines type, and how it ends. Nobody runs the operator
here: the status of a gate is written as it would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Timer
from typing import Any

import pytest

import devcluster
from ninefold.kube.fields import rfc3339
from ninefold.release.people import people_manifests
from ninefold.release.releasegate.resource import ReleaseGate
from tests.cli.conftest import Command
from tests.installing import install


def in_(length: timedelta) -> str:
    return rfc3339(datetime.now(UTC) + length)


HOUR = timedelta(hours=1)


class Gate:
    """A gate `checkout` of a namespace."""

    def __init__(self, cluster: devcluster.Cluster, namespace: str) -> None:
        self.cluster = cluster
        self.namespace = namespace
        self.apply()

    def apply(self, **spec: Any) -> None:
        body = {
            "apiVersion": ReleaseGate.api.api_version,
            "kind": "ReleaseGate",
            "metadata": {"name": "checkout"},
            "spec": {"workloads": {"scope": "Namespace"}, **spec},
        }
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", body=body)

    def kubectl(self, *arguments: str, body: object = None) -> str:
        text = json.dumps(body) if body is not None else None
        return self.cluster.kubectl("-n", self.namespace, *arguments, input=text)

    def say(self, decision: str, **status: Any) -> None:
        patch = json.dumps({"status": {"decision": decision, **status}})
        self.kubectl("patch", "releasegate", "checkout", "--subresource=status", "--type=merge", "-p", patch)

    def close(self, **times: str) -> None:
        closure = {"decision": "Hold", "because": "freeze: sale", "message": "Nothing changes now: sale.", **times}
        self.say("Hold", closures=[closure], passes="A rollback to checkout:v41 passes.")

    @property
    def spec(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.kubectl("get", "releasegate", "checkout", "-o", "json"))["spec"]
        return found


@pytest.fixture(scope="module")
def server(cluster: devcluster.Cluster) -> devcluster.Cluster:
    install(cluster, *people_manifests())
    return cluster


@pytest.fixture
def gate(server: devcluster.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    monkeypatch.setenv("KUBECONFIG", str(server.kubeconfig))
    namespace = server.namespace("gate")
    yield Gate(server, namespace)
    server.kubectl("delete", "namespace", namespace, "--wait=false")


def test_a_pipeline_is_told_that_the_line_is_stopped(ninefold: Command, gate: Gate) -> None:
    gate.say("Allow")
    kept = {"metadata": {"name": "cluster.production"}, "spec": {"workloads": {"scope": "Namespace"}}}
    kind = {"apiVersion": ReleaseGate.api.api_version, "kind": "ReleaseGate"}
    gate.kubectl("apply", "--server-side", "-f", "-", body=kind | kept)
    assert ninefold("gate", "check", "checkout", "-n", gate.namespace).returncode == 0, "it has not decided yet"
    closure = {"decision": "Hold", "because": "stopped by ann", "message": "ann has closed it: the network is down."}
    patch = json.dumps({"status": {"decision": "Hold", "closures": [closure]}})
    gate.kubectl("patch", "releasegate", "cluster.production", "--subresource=status", "--type=merge", "-p", patch)
    done = ninefold("gate", "check", "checkout", "-n", gate.namespace)
    assert (done.returncode, done.stdout.strip()) == (
        1,
        f"{gate.namespace}/cluster.production is closed (Hold): ann has closed it: the network is down.",
    )
    explained = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout.splitlines()
    line = f"{gate.namespace}/cluster.production, which holds for the whole namespace: Hold: ann has closed it"
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
    assert check() == (0, f"{gate.namespace}/checkout is closed (Hold), but only warns: {words}")


def test_it_waits_and_tells_that_it_does(ninefold: Command, gate: Gate) -> None:
    gate.close(until=in_(timedelta(seconds=5)))
    done = ninefold("gate", "check", "checkout", "-n", gate.namespace, "--wait", "1m")
    assert (done.returncode, done.stdout.strip()) == (0, f"{gate.namespace}/checkout is open")
    assert done.stderr.startswith("waiting up to ")
    assert done.stderr.count("\n") == 1
    gate.close()
    Timer(2, lambda: gate.say("Allow", closures=None)).start()
    assert ninefold("gate", "check", "checkout", "-n", gate.namespace, "--wait", "1m").returncode == 0
    gate.close()
    assert ninefold("gate", "check", "checkout", "-n", gate.namespace, "--wait", "1s").returncode == 1


def test_an_override_of_an_image_is_asked_for_by_image(ninefold: Command, gate: Gate) -> None:
    gate.close()
    grant = {"name": "fix", "by": "ann", "until": in_(HOUR), "images": ["checkout:v43"]}
    gate.say("Hold", overrides=[grant])

    def code(*options: str) -> int:
        return ninefold("gate", "check", "checkout", "-n", gate.namespace, *options).returncode

    assert [code(), code("--image", "checkout:v43"), code("--image", "checkout:v44")] == [1, 0, 1]


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
    assert (again.returncode, "nobody has closed" in again.stderr) == (1, True)


def test_people_override_and_nobody_approves_his_own(ninefold: Command, gate: Gate) -> None:
    gate.apply(overrides={"approvals": 1})
    where = ["checkout", "-n", gate.namespace]
    done = ninefold("gate", "override", *where, "--for", "30m", "--reason", "hotfix", "--image", "checkout:v43")
    assert done.returncode == 0, done.stderr
    name = done.stdout.partition(":")[0]
    assert f"once another person approved: ninefold gate approve {name}" in done.stdout
    spec = json.loads(gate.kubectl("get", "override", name, "-o", "json"))["spec"]
    assert (spec["gate"], spec["reason"], spec["images"]) == ("checkout", "hotfix", ["checkout:v43"])
    own = ninefold("gate", "approve", name, "-n", gate.namespace)
    assert (own.returncode, "nobody approves his own override" in own.stderr) == (1, True)


def test_it_explains(ninefold: Command, gate: Gate) -> None:
    gate.close(until=in_(HOUR))
    text = ninefold("gate", "explain", "checkout", "-n", gate.namespace).stdout
    assert text.splitlines()[0] == f"{gate.namespace}/checkout: Hold"
    assert "  Hold by freeze: sale\n    Nothing changes now: sale.\n" in text
    assert "you may: A rollback to checkout:v41 passes. Or ask for an override: ninefold gate override checkout" in text
    assert (
        json.loads(ninefold("gate", "explain", "checkout", "-n", gate.namespace, "--json").stdout)["decision"] == "Hold"
    )


def test_a_gate_that_does_not_exist(ninefold: Command, gate: Gate) -> None:
    done = ninefold("gate", "check", "cart", "-n", gate.namespace)
    assert (done.returncode, '"cart" not found' in done.stderr) == (2, True)
