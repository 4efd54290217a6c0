"""Stop the line on a real API server, with the operator as a process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import direct
from tests.faultproxy import Answer, FaultProxy, Request
from tests.installing import install
from tests.processes import OperatorProcess, wait_for

import devcluster
from devcluster.errors import CommandError
from ninefold.cli import main
from ninefold.kube.rbac import NAMESPACE_OF_OPERATOR
from ninefold.release.releasegate.admission.policies import policy_manifests


class Operator(OperatorProcess):
    """`ninefold run` for this cluster."""

    def __init__(self, line: Line, log: Path, kubeconfig: Path | None = None) -> None:
        command = ["-m", "ninefold", "run", "--prometheus-url", line.cluster.prometheus.url, "--sweep-interval=5s"]
        super().__init__(command, kubeconfig or line.cluster.kubeconfig, log)


class Line:
    """A ClusterReleaseGate over two namespaces of its own, which carry its name as a label."""

    def __init__(self, cluster: devcluster.Cluster, first: str) -> None:
        self.cluster = cluster
        self.name = f"line-{first}"
        self.namespaces = [first, f"{first}-b"]
        self.gate = f"cluster.{self.name}"
        cluster.kubectl("create", "namespace", self.namespaces[1])
        for namespace in self.namespaces:
            self.select(namespace)
        self.apply(knownGood={"after": "1s"})

    def select(self, namespace: str, label: str = "") -> None:
        """Without a label, out of it again."""
        text = f"line={label or self.name}"
        self.cluster.kubectl("label", "--overwrite", "namespace", namespace, text)

    def apply(self, **spec: Any) -> None:
        selected = {"namespaces": {"matchLabels": {"line": self.name}}}
        self._apply("ninefold.dev/v1alpha1", "ClusterReleaseGate", self.name, spec=selected | spec)

    def deploy(self, namespace: str, tag: str) -> None:
        labels = {"app": "web"}
        pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": f"web:{tag}"}]}}
        spec = {"selector": {"matchLabels": labels}, "template": pods}
        self._apply("apps/v1", "Deployment", "web", namespace, spec=spec)

    def refusal(self, namespace: str, tag: str) -> str:
        """What the API server says to another image; "" if it lets it pass."""
        try:
            self.cluster.kubectl("-n", namespace, "set", "image", "deployment/web", f"app=web:{tag}")
        except CommandError as error:
            return str(error)
        return ""

    def kept(self, namespace: str) -> dict[str, Any]:
        """The gate in a namespace; empty if there is none."""
        found = direct.items(self.cluster, "releasegates", namespace)
        return next((each for each in found if each["metadata"]["name"] == self.gate), {})

    def ready(self) -> str:
        found = direct.get(self.cluster, "clusterreleasegate", self.name)
        reasons = [each["reason"] for each in found["status"].get("conditions", ()) if each["type"] == "Ready"]
        return "".join(reasons)

    def wait_decision(self, decision: str, *namespaces: str) -> None:
        def all_say() -> bool:
            found = [self.kept(namespace).get("status", {}) for namespace in namespaces or self.namespaces]
            return all(status.get("decision") == decision for status in found)

        wait_for(f"{decision} everywhere", all_say, 30)

    def _apply(self, api: str, kind: str, name: str, namespace: str = "default", **body: Any) -> None:
        manifest = {"apiVersion": api, "kind": kind, "metadata": {"name": name}, **body}
        direct.apply(self.cluster, manifest, namespace=namespace)


@pytest.fixture
def line(cluster: devcluster.Cluster, namespace: str) -> Iterator[Line]:
    install(cluster, *policy_manifests())
    # Of an operator that has ended: this one works without a Lease.
    cluster.kubectl("delete", "lease", "--all", "-n", NAMESPACE_OF_OPERATOR, "--ignore-not-found")
    line = Line(cluster, namespace)
    yield line
    cluster.kubectl("delete", "clusterreleasegate", line.name, "--ignore-not-found", "--wait=false")
    cluster.kubectl("delete", "namespace", line.namespaces[1], "--wait=false", "--ignore-not-found")


def test_the_line_stops_in_all_namespaces_but_for_rollbacks_also_without_the_operator(
    line: Line, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(line.cluster.kubeconfig))

    def ninefold(*arguments: str) -> tuple[int, str]:
        code = main(["gate", *arguments, "--cluster"])
        return code, capsys.readouterr().out

    def good(tag: str) -> bool:
        return all(
            f"web:{tag}" in str(line.kept(each)["status"].get("knownGoodRevisions", "")) for each in line.namespaces
        )

    with Operator(line, tmp_path / "operator.log") as operator:
        line.wait_decision("Allow")
        for tag in ("v1", "v2"):
            for namespace in line.namespaces:
                line.deploy(namespace, tag)
            wait_for(f"{tag} to be known as good", partial(good, tag), 60)
        code, text = ninefold("close", line.name, "--reason", "the network is down")
        assert (code, text.strip()) == (
            0,
            f"{line.name} closes, until someone opens it: ninefold gate open {line.name} --cluster",
        )
        line.wait_decision("Hold")
        operator.kill()
        for namespace in line.namespaces:
            assert "admin has closed it: the network is down." in line.refusal(namespace, "v3")
            assert line.refusal(namespace, "v1") == ""
        code, text = ninefold("check", line.name)
        assert code == 1
        assert text.startswith(f"{line.name} is closed (Hold): admin has closed it: the network is down.")
        code, text = ninefold("explain", line.name)
        assert "Hold by stopped by admin" in text
        assert f"ninefold gate override {line.gate} -n ... --for 30m" in text
        assert json.loads(ninefold("explain", line.name, "--json")[1])["gateless"] == []

        operator.start()
        assert ninefold("open", line.name)[0] == 0
        line.wait_decision("Allow")
        assert line.refusal(line.namespaces[0], "v3") == ""
        assert ninefold("check", line.name) == (0, f"{line.name} is open\n")
        assert ninefold("open", line.name)[0] == 1


def test_what_is_kept_is_put_right_and_goes_where_it_is_not_wanted(line: Line, tmp_path: Path) -> None:
    first, second = line.namespaces
    with Operator(line, tmp_path / "operator.log"):
        line.wait_decision("Allow")
        wait_for("all to be there", lambda: line.ready() == "Decided")
        line.cluster.kubectl(
            "-n", first, "patch", "releasegate", line.gate, "--type=merge", "-p", '{"spec": {"mode": "Audit"}}'
        )
        wait_for("the mode to be put right", lambda: line.kept(first)["spec"]["mode"] == "Enforce")
        line.cluster.kubectl("-n", first, "delete", "releasegate", line.gate)
        wait_for("it to be made anew", lambda: line.kept(first))
        line.apply(mode="Warn")
        wait_for("the settings", lambda: all(line.kept(each)["spec"]["mode"] == "Warn" for each in line.namespaces))
        line.select(second, "another")
        wait_for("one to go", lambda: not line.kept(second))
        line.select(second)
        wait_for("it to come back", lambda: line.kept(second))
        line.cluster.kubectl("delete", "clusterreleasegate", line.name, "--cascade=orphan")
        wait_for("what is left to go", lambda: not any(line.kept(each) for each in line.namespaces))
        line.apply()
        wait_for("all to come back", lambda: all(line.kept(each) for each in line.namespaces))
        line.cluster.kubectl("delete", "clusterreleasegate", line.name)
        # The garbage collector learns of a new kind within half a minute.
        wait_for("all to go", lambda: not any(line.kept(each) for each in line.namespaces), 90)


def test_one_namespace_holds_up_no_other(line: Line, proxy: FaultProxy, tmp_path: Path) -> None:
    first, second = line.namespaces
    stranger = {
        "apiVersion": "ninefold.dev/v1alpha1",
        "kind": "ReleaseGate",
        "metadata": {"name": line.gate},
        "spec": {"workloads": {"names": ["Deployment/mine"]}},
    }
    line.cluster.kubectl("create", "namespace", f"{first}-c")
    line.cluster.kubectl("-n", f"{first}-c", "create", "-f", "-", input=json.dumps(stranger))
    line.select(f"{first}-c")

    def refuse(request: Request) -> Answer | None:
        making = request.method == "POST" and f"/namespaces/{first}/releasegates" in request.path
        return Answer(403, "Forbidden") if making else None

    operator = Operator(line, tmp_path / "operator.log", proxy.kubeconfig)
    try:
        with proxy.fault(refuse):
            operator.start()
            line.apply(stop={"by": "admin", "reason": "test"})
            line.wait_decision("Hold", second)
            assert line.kept(first) == {}
            assert line.ready() == "Spreading"
        # Any event of the namespace is an attempt, too; the delay of the next one has grown by now.
        line.cluster.kubectl("annotate", "namespace", first, "seen=again")
        line.wait_decision("Hold", first)
        assert line.kept(f"{first}-c")["spec"]["workloads"] == {"names": ["Deployment/mine"]}
        assert line.ready() == "Spreading"
        line.cluster.kubectl("-n", f"{first}-c", "delete", "releasegate", line.gate)
        wait_for("all to be there", lambda: line.ready() == "Decided", 60)
        assert operator.stop() == 0
    finally:
        if operator.running:
            operator.kill()
        line.cluster.kubectl("delete", "namespace", f"{first}-c", "--wait=false")
