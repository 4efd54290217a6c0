"""From figures in a real Prometheus to a refusal by a real API server, and back: the operator as a process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from tests import direct
from tests.figures import figures
from tests.installing import install
from tests.moments import before
from tests.namespaced import Namespaced
from tests.processes import OperatorProcess, wait_for

import devcluster
from devcluster.errors import CommandError
from ninefold.kinds import MODELS
from ninefold.kube.fields import rfc3339
from ninefold.release.releasegate.admission.policies import policy_manifests


class Operator(OperatorProcess):
    """`ninefold run` for this cluster."""

    def __init__(self, cluster: devcluster.Cluster, log: Path, prometheus: str = "") -> None:
        super().__init__([], cluster.kubeconfig, log)
        url = prometheus or cluster.prometheus.url
        self._arguments = ["-m", "ninefold", "run", "--prometheus-url", url]
        self._arguments += ["--poll-interval", "1s", "--bind", f"127.0.0.1:{self.port}"]


class Shop(Namespaced):
    """A namespace with an objective, a policy, a gate and a workload, and figures of our choosing."""

    def apply(self, kind: str, name: str, **body: Any) -> None:
        api = "ninefold.dev/v1alpha1" if kind in {k.__name__ for k in MODELS} else "v1"
        api = "apps/v1" if kind == "Deployment" else api
        metadata = {"name": name, **body.pop("metadata", {})}
        manifest = {"apiVersion": api, "kind": kind, "metadata": metadata, **body}
        direct.apply(self.cluster, manifest, namespace=self.namespace)

    def set_up(self) -> None:
        self.apply(
            "ServiceLevelObjective",
            "checkout-availability",
            spec={
                # Its figures come from the test.
                "suspend": True,
                "service": "checkout",
                "objective": "99.9",
                "window": {"rolling": "30d"},
                "indicator": {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}},
            },
        )
        self.apply(
            "ErrorBudgetPolicy",
            "checkout",
            spec={
                "objectives": {"service": "checkout"},
                "rules": [
                    {"when": {"budgetLeftBelow": "25"}, "state": "Caution"},
                    {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}},
                ],
                "recovery": {"margin": "1", "for": "4s"},
            },
        )
        self.apply(
            "ReleaseGate",
            "checkout",
            spec={
                "workloads": {"matchLabels": {"app": "checkout"}},
                "sources": [{"errorBudgetPolicy": "checkout"}],
                "failMode": {"staleAfter": "3s", "decision": "Hold"},
                "knownGood": {"after": "2s"},
            },
        )

    def deploy(self, tag: str) -> None:
        labels = {"app": "checkout"}
        self.apply(
            "Deployment",
            "checkout",
            spec={
                "replicas": 1,
                "selector": {"matchLabels": labels},
                "template": {
                    "metadata": {"labels": labels},
                    "spec": {"containers": [{"name": "app", "image": f"checkout:{tag}"}]},
                },
            },
        )

    def figures(self, left: float, burn: float) -> None:
        """What Prometheus says from its next evaluation on."""
        values = {
            "slo:error_budget_left:ratio": left,
            "slo:burn_rate:1h": burn,
            "slo:events:rate5m": 100,
            "slo:coverage:ratio": 1,
        }
        made = figures(self.namespace, "checkout-availability", values)
        direct.apply(self.cluster, made, namespace=self.namespace)

    def get(self, kind: str, name: str = "checkout") -> dict[str, Any]:
        return direct.get(self.cluster, kind, name, self.namespace)

    def gate(self) -> dict[str, Any]:
        status: dict[str, Any] = self.get("releasegate")["status"]
        return status

    def decision(self) -> str:
        return str(self.gate().get("decision", ""))

    def versions(self) -> list[str]:
        return [self.get(kind)["metadata"]["resourceVersion"] for kind in ("errorbudgetpolicy", "releasegate")]

    def set_image(self, tag: str) -> str:
        """The refusal, or ""."""
        try:
            self.kubectl("set", "image", "deploy/checkout", f"app=checkout:{tag}")
        except CommandError as error:
            return str(error)
        return ""


@pytest.fixture
def shop(cluster: devcluster.Cluster, namespace: str) -> Iterator[Shop]:
    install(cluster, *policy_manifests())
    shop = Shop(cluster, namespace)
    shop.set_up()
    yield shop
    shop.kubectl("delete", "configmap", "figures", "--ignore-not-found")


def test_a_spent_budget_stops_change_until_it_recovers(shop: Shop, tmp_path: Path) -> None:
    log = tmp_path / "operator.log"
    shop.figures(left=0.9, burn=0.4)
    shop.deploy("v41")
    with Operator(shop.cluster, log) as operator:
        wait_for("the gate to open", lambda: shop.decision() == "Allow", 30)
        wait_for("v41 to be known good", lambda: "checkout:v41" in str(shop.gate().get("knownGoodRevisions")), 30)
        assert shop.set_image("v42") == ""

        shop.figures(left=-0.04, burn=22)
        wait_for("the gate to close", lambda: shop.decision() == "Hold", 30)
        wait_for("the API server to refuse", lambda: shop.set_image("v43"))
        refusal = shop.set_image("v43")
        assert (
            f"release gate {shop.namespace}/checkout is closed (Hold): checkout-availability has spent 104 %" in refusal
        )
        assert "of its 30-day error budget, burning 22x over 1h. It opens when its budget left has been" in refusal
        assert "A rollback to checkout:v41 passes. To release all the same: ninefold gate override" in refusal

        operator.kill()
        assert "is closed (Hold)" in shop.set_image("v43")
        assert shop.set_image("v41") == ""
        before = shop.versions()

        operator.start()
        wait_for("a poll", lambda: operator.metric("ninefold_reconcile_seconds_count", "ReleaseGate") > 0)
        assert shop.decision() == "Hold"
        # The rollback is the one thing that happened: the message no longer offers it.
        assert shop.versions()[0] == before[0]

        shop.figures(left=0.5, burn=0)
        wait_for("the recovery to begin", lambda: shop.gate().get("until"), 30)
        assert "Predicted to open" in shop.gate()["message"]
        # A restart in the middle of the recovery does not begin it anew.
        until = shop.gate()["until"]
        operator.kill()
        operator.start()
        assert shop.gate().get("until", until) == until
        wait_for("the gate to open", lambda: shop.decision() == "Allow", 30)
        assert shop.set_image("v43") == ""
    reasons = shop.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}").split()
    assert {"Closed", "Opened", "Exhausted"} <= set(reasons)


def test_a_steady_state_writes_nothing(shop: Shop, tmp_path: Path) -> None:
    shop.figures(left=0.9, burn=0.4)
    shop.deploy("v41")
    with Operator(shop.cluster, tmp_path / "operator.log"):
        wait_for("v41 to be known good", lambda: "checkout:v41" in str(shop.gate().get("knownGoodRevisions")), 30)
        before = shop.versions()
        time.sleep(10)
        assert shop.versions() == before


def test_freezes_and_overrides_need_the_operator_to_begin_and_nobody_to_end(shop: Shop, tmp_path: Path) -> None:
    def stands(name: str) -> tuple[str, int, object]:
        status = shop.get("releasegate", name)["status"]
        return status["decision"], len(status.get("closures", ())), status.get("overrides")

    def written(name: str, stop: dict[str, Any] | None = None, freeze: dict[str, Any] | None = None) -> None:
        sources = [{"freeze": {"dates": freeze, "reason": "the sale"}}] if freeze else []
        spec = {"workloads": {"names": ["Deployment/checkout"]}, "sources": sources, "stop": stop}
        shop.apply("ReleaseGate", name, spec={key: value for key, value in spec.items() if value is not None})

    def end_override() -> None:
        # By another person: where the policies are in force, its author may not.
        shop.kubectl("delete", "override", "fix", "--ignore-not-found", "--as=bob", "--as-group=system:masters")

    def begin(freeze: datetime) -> None:
        """An override in force, and a freeze that is to come; it ends before the override does."""
        end_override()
        until = rfc3339(freeze + timedelta(seconds=8))
        shop.apply("Override", "fix", spec={"gate": "hand", "by": "admin", "reason": "hotfix", "until": until})
        written("sale", freeze={"from": rfc3339(freeze), "until": rfc3339(freeze + timedelta(seconds=5))})
        fixes.append(next(tags))

    def seen() -> bool:
        override = shop.get("override", "fix")["status"]
        passed = shop.set_image(fixes[-1]) == "" and override.get("state") == "InForce"
        known = shop.get("releasegate", "sale")["status"].get("closures")
        return bool(passed and override.get("uses") == 1 and known)

    tags = (f"w{number}" for number in count())
    fixes: list[str] = []
    shop.kubectl("delete", "releasegate", "checkout")
    shop.deploy("v41")
    with Operator(shop.cluster, tmp_path / "operator.log") as operator:
        written("hand", stop={"by": "admin", "reason": "the provider is down"})
        wait_for("the API server to refuse", lambda: "admin has closed it" in shop.set_image("v42"), 30)
        # Where no policy keeps others from the status, the truth is written again.
        forged = {
            "decision": "Allow",
            "closures": [],
            "overrides": [{"name": "x", "by": "eve", "until": "2099-01-01T00:00:00Z"}],
        }
        patch = ("--subresource=status", "--type=merge", "-p", json.dumps({"status": forged}))
        shop.kubectl("patch", "releasegate", "hand", *patch)
        wait_for("the truth", lambda: stands("hand") == ("Hold", 1, None), 20)
        assert "admin has closed it" in shop.set_image("v42")
        before(7, begin, seen)
        operator.kill()
        wait_for("the freeze to begin", lambda: "Nothing changes now: the sale" in shop.set_image(next(tags)), 20)
        wait_for("the override to end", lambda: "admin has closed it" in shop.set_image(next(tags)), 40)
        refusal = shop.set_image(next(tags))
        assert "the sale" not in refusal, "the freeze has ended, too"
        operator.start()
        wait_for("its state", lambda: shop.get("override", "fix")["status"]["state"] == "Over", 30)
        assert shop.get("releasegate", "hand")["status"].get("overrides") is None
        # What it did outlives it.
        assert shop.get("override", "fix")["status"]["since"]
        end_override()
        passed = shop.kubectl("get", "releases", "-o", "jsonpath={.items[*].spec.overrides[*].reason}").split()
        assert set(passed) == {"hotfix"}
    reasons = shop.kubectl("get", "events", "-o", "jsonpath={.items[*].reason}").split()
    assert {"Overridden", "InForce", "Over"} <= set(reasons)


def test_without_prometheus_the_fail_mode_decides(shop: Shop, tmp_path: Path) -> None:
    shop.deploy("v41")
    with Operator(shop.cluster, tmp_path / "operator.log", prometheus="http://127.0.0.1:1"):
        wait_for("data to be missing", lambda: shop.gate().get("unknownSince"), 30)
        wait_for("the fail mode", lambda: shop.decision() == "Hold", 30)
        gate = shop.gate()
        assert gate["because"] == "ErrorBudgetPolicy checkout: data missing"
        assert "after 3s failMode decides Hold. It opens when data are back and good." in gate["message"]
        assert shop.get("errorbudgetpolicy")["status"]["state"] == "Unknown"
        wait_for("the API server to refuse", lambda: shop.set_image("v42"))
