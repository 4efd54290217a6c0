"""Records of real rollouts on a real API server: the operator as a process, stopped and started."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests import direct
from tests.faultproxy import Answer, FaultProxy, Request
from tests.figures import figures
from tests.installing import install
from tests.namespaced import Namespaced
from tests.processes import OperatorProcess, wait_for
from tests.refusing import refusing

import devcluster
from devcluster import waiting
from devcluster.waiting import patient
from ninefold.cli import main
from ninefold.kube.api import OPERATOR
from ninefold.kube.fields import rfc3339
from ninefold.kube.rbac import NAMESPACE_OF_OPERATOR
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.admission.policies import policy_manifests


class Operator(OperatorProcess):
    """`ninefold run` for this cluster."""

    def __init__(self, cluster: devcluster.Cluster, log: Path, kubeconfig: Path | None = None) -> None:
        command = ["-m", "ninefold", "run", "--prometheus-url", cluster.prometheus.url, "--poll-interval", "1s"]
        command += ["--log-format=text", "--sweep-interval=5s"]
        super().__init__(command, kubeconfig or cluster.kubeconfig, log)


class Shop(Namespaced):
    """A namespace with an objective whose figures the test sets, a policy, a gate and a workload."""

    def apply(self, api: str, kind: str, name: str, **body: Any) -> None:
        metadata = {"name": name, **body.pop("metadata", {})}
        manifest = {"apiVersion": api, "kind": kind, "metadata": metadata, **body}
        direct.apply(self.cluster, manifest, namespace=self.namespace, force=True)

    def set_up(self) -> None:
        indicator = {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}}
        objective = {"service": "web", "objective": "99.9", "window": {"rolling": "30d"}, "indicator": indicator}
        self.ours("ServiceLevelObjective", "availability", suspend=True, **objective)
        rule = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}
        self.ours("ErrorBudgetPolicy", "checkout", objectives={"service": "web"}, rules=[rule])
        self.gate()

    def ours(self, kind: str, name: str, **spec: Any) -> None:
        self.apply("ninefold.dev/v1alpha1", kind, name, spec=spec)

    def gate(self, **spec: Any) -> None:
        selected = {"workloads": {"matchLabels": {"app": "checkout"}}, "sources": [{"errorBudgetPolicy": "checkout"}]}
        self.ours("ReleaseGate", "checkout", **selected, **spec)

    def figures(self, left: float, burn: float) -> None:
        """What Prometheus says from its next evaluation on."""
        values = {
            "slo:error_budget_left:ratio": left,
            "slo:burn_rate:5m": burn,
            "slo:burn_rate:1h": burn,
            "slo:events:rate5m": 100,
            "slo:coverage:ratio": 1,
        }
        made = figures(self.namespace, "availability", values)
        direct.apply(self.cluster, made, namespace=self.namespace, force=True)

    def deploy(self, tag: str, kind: str = "Deployment", name: str = "checkout", **notes: str) -> None:
        labels = {"app": "checkout"}
        pods = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "app", "image": f"checkout:{tag}"}]}}
        spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": pods}
        if kind != "DaemonSet":
            spec["replicas"] = 2
        metadata = {"labels": {"ninefold.dev/team": "shop"}, "annotations": notes}
        self.apply("apps/v1", kind, name, metadata=metadata, spec=spec)

    def make_record(self) -> str:
        """What the API server says to whoever makes one by hand."""
        metadata, workload = {"name": "by-hand"}, {"kind": "Deployment", "name": "checkout"}
        made = {"apiVersion": Release.api.api_version, "kind": Release.api.kind, "metadata": metadata}
        spec = {"workload": workload, "sequence": 1, "templateHash": "abc", "service": "web", "gate": "checkout"}
        try:
            return self.kubectl("create", "--dry-run=server", "-f", "-", input=json.dumps({**made, "spec": spec}))
        except devcluster.CommandError as error:
            return str(error)

    def records(self) -> list[dict[str, Any]]:
        """The oldest first."""
        found = direct.items(self.cluster, "releases", self.namespace)
        return sorted(found, key=lambda one: (one["spec"]["workload"]["kind"], one["spec"]["sequence"]))

    def age(self, record: dict[str, Any]) -> None:
        """Write into a record, as the operator, that its release was two hours ago."""
        ago = rfc3339(datetime.now(UTC) - timedelta(hours=2))
        patch = json.dumps({"status": {"start": ago, "end": ago, "closed": True}})
        operator = ("--as", f"system:serviceaccount:{NAMESPACE_OF_OPERATOR}:{OPERATOR}", "--as-group", "system:masters")
        where = ("release", record["metadata"]["name"], "--subresource=status", "--type=merge")
        self.kubectl("patch", *where, "--patch", patch, *operator)

    def decided(self) -> dict[str, Any]:
        """The status of the gate."""
        found = direct.get(self.cluster, "releasegate", "checkout", self.namespace)
        status: dict[str, Any] = found.get("status", {})
        return status

    def knows_good(self, tag: str) -> bool:
        return f"checkout:{tag}" in str(self.decided().get("knownGoodRevisions"))

    def outcomes(self) -> list[str]:
        return [record.get("status", {}).get("outcome", "") for record in self.records()]

    def wait_outcomes(self, *wanted: str) -> None:
        wait_for(f"outcomes {wanted}", lambda: self.outcomes() == list(wanted), 60)


@pytest.fixture
def shop(cluster: devcluster.Cluster, namespace: str) -> Iterator[Shop]:
    install(cluster, *policy_manifests())
    shop = Shop(cluster, namespace)
    shop.set_up()
    yield shop
    shop.kubectl("delete", "configmap", "figures", "--ignore-not-found")


def test_a_bad_release_and_its_rollback(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def ninefold(*arguments: str) -> str:
        assert main([*arguments, "-n", shop.namespace]) == 0
        return capsys.readouterr().out

    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log") as operator:
        wait_for("figures", lambda: operator.metric("ninefold_slo_budget_left_ratio", shop.namespace) == 0.9)
        shop.deploy("v1")
        shop.wait_outcomes("Succeeded")
        (first,) = shop.records()
        assert first["spec"]["images"] == ["checkout:v1"]
        assert (first["spec"]["service"], first["spec"]["team"], first["spec"]["gate"]) == ("web", "shop", "checkout")
        assert first["status"]["revision"] == "1"
        assert first["status"]["start"] <= first["status"]["end"]
        assert (first["status"]["spent"], first["status"]["suspicion"]) == ("0.00 %", "0.00")

        notes = {"org.opencontainers.image.revision": "a1b2c3d", "ninefold.dev/commit-time": "2026-01-01T00:00:00Z"}
        shop.deploy("v2", **notes)
        shop.wait_outcomes("Succeeded", "Succeeded")
        shop.figures(left=0.7, burn=22)
        wait_for("the cost", lambda: shop.records()[1]["status"]["spent"] == "20.00 %", 30)
        assert float(shop.records()[1]["status"]["suspicion"]) > 0.85
        assert shop.records()[1]["spec"]["change"]["commit"] == "a1b2c3d"

        shop.kubectl("rollout", "undo", "deployment/checkout")
        shop.wait_outcomes("Succeeded", "RolledBack", "Succeeded")
        back = shop.records()[2]
        assert back["spec"]["rollsBackTo"] == first["metadata"]["name"]
        # It began while the budget burned: that is not its doing.
        assert float(back["status"]["suspicion"]) == 0
        assert operator.metric("ninefold_dora_change_failure_ratio", shop.namespace) == pytest.approx(1 / 2)
        assert operator.metric("ninefold_releases", f'namespace="{shop.namespace}",outcome="RolledBack"') == 1

    monkeypatch.setenv("KUBECONFIG", str(shop.cluster.kubeconfig))
    text = ninefold("releases")
    assert [line.split()[3] for line in text.splitlines()[1:4]] == ["Succeeded", "RolledBack", "Succeeded"]
    assert "LEAD TIME" in text
    (dora,) = json.loads(ninefold("releases", "--json"))["dora"]
    assert (dora["service"], dora["team"], dora["deployments"], dora["lead_times"]) == ("web", "shop", 2, 1)
    assert (dora["change_failure"], dora["restored"], dora["deployments_per_day"]) == (0.5, 1, None)
    assert ninefold("releases", "--service", "none").startswith("There is no record")
    assert "RELEASE " not in ninefold("status")


def test_a_record_that_cannot_be_made_is_told_by_the_gate_which_decides_all_the_same(
    shop: Shop, tmp_path: Path
) -> None:
    def told() -> str:
        conditions = shop.decided().get("conditions", ())
        return "".join(each["message"] for each in conditions if each["type"] == "WriteRefused")

    shop.figures(left=0.9, burn=0.4)
    words = "No records are kept here."
    with refusing(shop.cluster, Release.api, shop.namespace, "false", words):
        waiting.until(lambda: words in shop.make_record(), "the policy to be in force", 20)
        with Operator(shop.cluster, tmp_path / "operator.log"):
            shop.deploy("v1")
            wait_for("the gate to tell", lambda: words in told(), 40)
            assert f"refuses to create the Release {shop.namespace}/checkout-1-" in told()
            assert shop.decided()["decision"] == "Allow"


def test_the_gate_that_a_bad_release_closes_blames_it_and_refuses_it_even_as_a_rollback(
    shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shop.gate(knownGood={"after": "1s"})
    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log") as operator:
        wait_for("figures", lambda: operator.metric("ninefold_slo_budget_left_ratio", shop.namespace) == 0.9)
        for tag, number in (("v1", 1), ("v2", 2)):
            shop.deploy(tag)
            shop.wait_outcomes(*["Succeeded"] * number)
            wait_for("a good image", partial(shop.knows_good, tag))
        # Two releases within minutes cannot be told apart, so the first is to be hours old.
        shop.age(shop.records()[0])
        shop.figures(left=-0.1, burn=22)
        wait_for("blame", lambda: shop.decided().get("blamed"), 30)
        decided = shop.decided()
    record = shop.records()[1]
    assert decided["decision"] == "Hold"
    (blame,) = decided["blamed"]
    assert (blame["release"], blame["images"]) == (record["metadata"]["name"], ["checkout:v2"])
    assert blame["hashes"] == [record["spec"]["templateHash"]]
    assert list(decided["knownGoodRevisions"].values()) == ["app=checkout:v1"]

    # The operator is down: the API server knows what was decided.
    shop.kubectl("rollout", "undo", "deployment/checkout")
    with pytest.raises(devcluster.CommandError, match="The suspect is checkout:v2"):
        shop.kubectl("set", "image", "deployment/checkout", "app=checkout:v2")

    monkeypatch.setenv("KUBECONFIG", str(shop.cluster.kubeconfig))
    assert main(["gate", "explain", "checkout", "-n", shop.namespace]) == 0
    told = capsys.readouterr().out
    assert f"suspected ({record['status']['suspicion']}): checkout:v2, revision 2" in told
    assert main(["gate", "explain", "checkout", "-n", shop.namespace, "--json"]) == 0
    (suspect,) = json.loads(capsys.readouterr().out)["suspected"]
    assert (suspect["release"], suspect["outcome"]) == (record["metadata"]["name"], "Succeeded")


def test_a_release_of_configuration_alone_is_undone_where_templates_are_learnt(shop: Shop, tmp_path: Path) -> None:
    shop.gate(knownGood={"after": "1s", "templates": 1})
    shop.figures(left=0.9, burn=0.4)

    def learnt() -> int:
        return len(shop.decided().get("knownGoodTemplates", []))

    with Operator(shop.cluster, tmp_path / "operator.log") as operator:
        wait_for("figures", lambda: operator.metric("ninefold_slo_budget_left_ratio", shop.namespace) == 0.9)
        shop.deploy("v1")
        wait_for("the template to be learnt", lambda: learnt() == 1, 60)
        shop.kubectl("set", "env", "deployment/checkout", "LEVEL=debug")
        wait_for("the other, too", lambda: learnt() == 2, 60)
        shop.figures(left=-0.1, burn=22)
        wait_for("the gate to close", lambda: shop.decided().get("decision") == "Hold", 30)
    with pytest.raises(devcluster.CommandError, match="A rollback to an earlier configuration passes, too"):
        shop.kubectl("set", "env", "deployment/checkout", "LEVEL=trace")
    shop.kubectl("rollout", "undo", "deployment/checkout")


def test_a_restart_in_the_middle_of_a_rollout_loses_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log") as operator:
        wait_for("figures", lambda: operator.metric("ninefold_slo_budget_left_ratio", shop.namespace) == 0.9)
        shop.deploy("v1")
        shop.wait_outcomes("Succeeded")
        # Its pods are not available for long: the rollout stays in the middle.
        broken = {"spec": {"minReadySeconds": 500}}
        shop.kubectl("patch", "deployment", "checkout", "--patch", json.dumps(broken))
        shop.deploy("v2")
        shop.wait_outcomes("Succeeded", "Progressing")
        before = wait_for("the figures it found", lambda: (r := shop.records()[1])["status"].get("objectives") and r)
        operator.kill()
        shop.figures(left=0.8, burn=5)
        operator.start()
        wait_for("the cost", lambda: shop.records()[1]["status"]["spent"] == "10.00 %", 30)
        shop.kubectl("patch", "deployment", "checkout", "--patch", json.dumps({"spec": {"minReadySeconds": 0}}))
        shop.wait_outcomes("Succeeded", "Succeeded")
        after = shop.records()[1]
        assert after["status"]["start"] == before["status"]["start"]
        assert after["status"]["objectives"][0]["burnBefore"] == "0.4x"
        # What goes out while nobody looks is recorded all the same, without a cost that nobody measured.
        operator.kill()
        shop.deploy("v3")
        shop.kubectl("rollout", "status", "deployment/checkout", f"--timeout={patient(60):.0f}s")
        operator.start()
        shop.wait_outcomes("Succeeded", "Succeeded", "Succeeded")
        missed = shop.records()[2]["status"]
        assert (missed.get("start"), missed["spent"]) == (None, "Unknown")
        assert missed["end"]


def test_a_steady_state_writes_nothing_and_records_are_bounded(shop: Shop, tmp_path: Path) -> None:
    shop.figures(left=0.9, burn=0.4)
    shop.gate(records={"keep": 2})
    with Operator(shop.cluster, tmp_path / "operator.log"):
        for number in range(1, 5):
            shop.deploy(f"v{number}")
            wait_for("a record", lambda: any(f"checkout:v{number}" in r["spec"]["images"] for r in shop.records()), 30)  # noqa: B023 - waited for here
        shop.deploy("v1", "StatefulSet", "store")
        shop.deploy("v1", "DaemonSet", "agent")
        wait_for("all to be rolled out", lambda: shop.outcomes()[-1:] == ["Succeeded"] and len(shop.records()) == 4, 60)
        wait_for("no more of them", lambda: {r["spec"]["sequence"] for r in shop.records()} == {1, 3, 4}, 30)
        wait_for("ends", lambda: all(o in ("Succeeded", "Superseded") for o in shop.outcomes()), 60)
        # Restarted and scaled, a workload is the same release.
        shop.kubectl("rollout", "restart", "deployment/checkout")
        shop.kubectl("scale", "deployment/checkout", "--replicas=1")
        shop.kubectl("rollout", "status", "deployment/checkout", f"--timeout={patient(60):.0f}s")
        wait_for("quiet", lambda: _quiet(shop), 30)
        assert len(shop.records()) == 4
        assert shop.outcomes().count("Progressing") == 0
        # The gate goes, and the records stay.
        shop.kubectl("delete", "releasegate", "checkout")
        time.sleep(3)
        assert len(shop.records()) == 4


def _quiet(shop: Shop) -> bool:
    """Whether nothing is written for six seconds, with a sweep and polls in them."""
    before = [record["metadata"]["resourceVersion"] for record in shop.records()]
    time.sleep(6)
    return before == [record["metadata"]["resourceVersion"] for record in shop.records()]


def test_a_record_is_not_edited_and_a_deleted_one_is_not_missed(shop: Shop, tmp_path: Path) -> None:
    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log"):
        shop.deploy("v1")
        shop.wait_outcomes("Succeeded")
        name = shop.records()[0]["metadata"]["name"]
        with pytest.raises(devcluster.CommandError, match="leave the record unchanged"):
            shop.kubectl("patch", "release", name, "--type=merge", "--patch", '{"spec": {"team": "mine"}}')
        shop.deploy("v2")
        shop.wait_outcomes("Succeeded", "Succeeded")
        shop.kubectl("delete", "release", name)
        time.sleep(3)
        assert len(shop.records()) == 1


def test_records_that_cannot_be_written_take_nothing_from_the_gate(
    shop: Shop, proxy: FaultProxy, tmp_path: Path
) -> None:
    def refuse(request: Request) -> Answer | None:
        making = request.method == "POST" and request.path.endswith("/releases")
        return Answer(403, "Forbidden") if making else None

    def decision() -> str:
        gate = direct.get(shop.cluster, "releasegate", "checkout", shop.namespace)
        return str(gate.get("status", {}).get("decision"))

    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log", proxy.kubeconfig):
        with proxy.fault(refuse):
            shop.deploy("v1")
            wait_for("the gate to open", lambda: decision() == "Allow", 30)
            shop.figures(left=-0.1, burn=30)
            wait_for("the gate to close", lambda: decision() == "Hold", 30)
            assert shop.records() == []
        # The delay of the next attempt has grown by now; any event of the workload is an attempt, too.
        shop.kubectl("annotate", "deployment", "checkout", "seen=again")
        shop.wait_outcomes("Succeeded")


def test_a_crash_between_a_record_and_its_status_is_mended(shop: Shop, proxy: FaultProxy, tmp_path: Path) -> None:
    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log", proxy.kubeconfig) as operator:

        def die(request: Request) -> Answer | None:
            if request.method == "PATCH" and "/releases/" in request.path and operator.running:
                operator.kill()
                return Answer(500, "InternalError")
            return None

        wait_for("figures", lambda: operator.metric("ninefold_slo_budget_left_ratio", shop.namespace) == 0.9)
        with proxy.fault(die):
            shop.deploy("v1")
            wait_for("the operator to be killed", lambda: not operator.running, 30)
        assert shop.outcomes() == [""]
        operator.start()
        shop.wait_outcomes("Succeeded")
        assert len(shop.records()) == 1


def test_a_rollout_of_argo_is_recorded_and_one_that_cannot_be_read_harms_nobody(shop: Shop, tmp_path: Path) -> None:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    names = {"kind": "Rollout", "listKind": "RolloutList", "plural": "rollouts", "singular": "rollout"}
    version = {
        "name": "v1alpha1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": anything},
        "subresources": {"status": {}},
    }
    spec = {"group": "argoproj.io", "names": names, "scope": "Namespaced", "versions": [version]}
    shop.figures(left=0.9, burn=0.4)
    with Operator(shop.cluster, tmp_path / "operator.log") as operator:
        try:
            # It comes while the operator runs.
            shop.apply("apiextensions.k8s.io/v1", "CustomResourceDefinition", "rollouts.argoproj.io", spec=spec)
            shop.cluster.kubectl("wait", "--for=condition=Established", "crd/rollouts.argoproj.io")
            metadata = {"labels": {"app": "checkout"}}
            for number, broken in enumerate([{}, {"template": []}, {"template": {"spec": {"containers": "none"}}}]):
                shop.apply("argoproj.io/v1alpha1", "Rollout", f"broken-{number}", metadata=metadata, spec=broken)
            pods = {"spec": {"containers": [{"name": "app", "image": "checkout:v1"}]}}
            shop.apply("argoproj.io/v1alpha1", "Rollout", "canary", metadata=metadata, spec={"template": pods})
            wait_for("a record", lambda: shop.outcomes() == ["Progressing"], 60)
            for status, outcome in (("Degraded", "Aborted"), ("Healthy", "Succeeded")):
                patch = json.dumps({"status": {"observedGeneration": "1", "phase": status}})
                shop.kubectl("patch", "rollout", "canary", "--subresource=status", "--type=merge", "--patch", patch)
                shop.wait_outcomes(outcome)
            shop.deploy("v1")
            shop.wait_outcomes("Succeeded", "Succeeded")
            # Nobody else's namespace: those of other tests are being deleted while this one runs.
            failed = [line for line in operator.text().splitlines() if "Failed" in line and shop.namespace in line]
            assert failed == []
        finally:
            shop.cluster.kubectl("delete", "crd", "rollouts.argoproj.io", "--ignore-not-found")
