"""From figures in a real Prometheus to the status of a policy and its Events; the operator is killed at times."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from tests import direct
from tests.figures import figures
from tests.installing import install
from tests.moments import before
from tests.namespaced import Namespaced
from tests.processes import OperatorProcess, wait_for

import devcluster
from ninefold.kube.fields import rfc3339

API = "ninefold.dev/v1alpha1"


class Place(Namespaced):
    """A namespace with an objective whose figures the test makes, and a policy."""

    def apply(self, kind: str, name: str, **body: Any) -> None:
        manifest = {"apiVersion": API, "kind": kind, "metadata": {"name": name}, **body}
        direct.apply(self.cluster, manifest, namespace=self.namespace)

    def objective(self) -> None:
        spec = {
            "suspend": True,
            "service": "checkout",
            "objective": "99.9",
            "window": {"rolling": "30d"},
            "indicator": {"ratio": {"bad": 'requests_total{code="500"}', "total": "requests_total"}},
        }
        self.apply("ServiceLevelObjective", "checkout", spec=spec)

    def policy(self, **spec: Any) -> None:
        then = {"gate": "Approve", "pace": "20", "notify": ["shop-team"], "incident": {"severity": "SEV2"}}
        rules = [
            {"when": {"exhaustedWithin": "3d"}, "state": "Caution", "then": {"pace": "50"}},
            {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": then},
        ]
        recovery = {"margin": "1", "for": "6s"}
        self.apply(
            "ErrorBudgetPolicy",
            "checkout",
            spec={"objectives": {"service": "checkout"}, "rules": rules, "recovery": recovery, **spec},
        )

    def figures(self, left: float, burn: float) -> None:
        """What Prometheus says from its next evaluation on."""
        values = {
            "slo:error_budget_left:ratio": left,
            "slo:burn_rate:1h": burn,
            "slo:burn_rate:6h": burn / 2,
            "slo:events:rate5m": 100,
            "slo:coverage:ratio": 1,
        }
        made = figures(self.namespace, "checkout", values)
        direct.apply(self.cluster, made, namespace=self.namespace)

    def get(self) -> dict[str, Any]:
        return direct.get(self.cluster, "ebp", "checkout", self.namespace)

    def status(self) -> dict[str, Any]:
        status: dict[str, Any] = self.get().get("status", {})
        return status

    def state(self) -> str:
        return str(self.status().get("state", ""))

    def events(self, reason: str) -> list[tuple[int, str]]:
        """How often and what, of each Event about the policy with a reason."""
        items = direct.items(self.cluster, "events", self.namespace)
        return [(item["count"], item["message"]) for item in items if item["reason"] == reason]


@pytest.fixture
def place(cluster: devcluster.Cluster, namespace: str) -> Iterator[Place]:
    install(cluster)
    place = Place(cluster, namespace)
    place.objective()
    yield place
    place.kubectl("delete", "configmap", "figures", "--ignore-not-found")


def looked(operator: OperatorProcess) -> bool:
    """Whether it has looked at policies since it started, and asked Prometheus."""
    looks = operator.metric("ninefold_reconcile_seconds_count", "ErrorBudgetPolicy")
    asked = operator.metric("ninefold_prometheus_reachable") == 1
    # Figures that come before the first look lead to no second one.
    return looks > 0 and asked and operator.metric("ninefold_queue_depth") == 0


def test_killed_at_any_step_it_tells_everything_once(place: Place, operator: OperatorProcess) -> None:
    place.figures(left=0.9, burn=0.4)
    place.policy()
    with operator:
        wait_for("the first look", lambda: place.state() == "Healthy", 30)
        place.figures(left=0.2, burn=4)
        wait_for("the budget to be foretold", lambda: place.status().get("pace") == "50", 30)
        assert place.status()["objectives"][0]["exhaustion"] == {"earliest": "1d12h", "latest": "3d"}

        place.figures(left=-0.04, burn=4)
        wait_for("the incident to be wanted", lambda: place.events("IncidentWanted"), 30)
        before = place.get()
        assert (before["status"]["state"], before["status"]["decision"]) == ("Exhausted", "Approve")
        operator.kill()
        operator.start()
        wait_for("looks", lambda: looked(operator))
        assert place.get()["metadata"]["resourceVersion"] == before["metadata"]["resourceVersion"]
        standing = "checkout has spent 104 % of its 30-day error budget, burning 4x over 1h."
        asked = f"budget left below 0 % holds for checkout. {standing}"
        assert place.events("Notify") == [(1, f"shop-team: {asked}")]
        assert place.events("IncidentWanted") == [(1, f"SEV2: {asked}")]

        place.figures(left=0.5, burn=0.4)
        recovering = wait_for("the recovery", lambda: place.status().get("predictedRecovery"), 30)
        operator.kill()
        operator.start()
        assert place.status().get("predictedRecovery", recovering) == recovering
        wait_for("its end", lambda: place.state() == "Healthy", 30)

        told = [(move["from"], move["to"]) for move in place.status()["transitions"]]
        assert told[:3] == [("Exhausted", "Healthy"), ("Caution", "Exhausted"), ("Healthy", "Caution")]
        reason = place.status()["transitions"][0]["reason"]
        assert reason.endswith("checkout has 50.0 % of its 30-day error budget left")
        labels = f'namespace="{place.namespace}",policy="checkout",state="Exhausted"'
        assert operator.metric("ninefold_policy_transitions_total", labels) == 1


def test_an_exemption_ends_by_itself(place: Place, operator: OperatorProcess) -> None:
    place.figures(left=-0.04, burn=4)
    place.policy()
    with operator:
        wait_for("the budget to be spent", lambda: place.state() == "Exhausted", 30)
        status: dict[str, Any] = {}

        def exempt(end: datetime) -> None:
            place.policy(exempt={"reason": "moving the database", "until": rfc3339(end)})

        def seen() -> bool:
            status.clear()
            status.update(place.status())
            return bool(status["state"] == "Exempt")

        until = before(4, exempt, seen)
        assert (status["decision"], status.get("pace")) == ("Allow", None)
        assert f"Exempt until {until} (moving the database); otherwise Approve, because of checkout" in status["reason"]
        wait_for("its end", lambda: place.state() == "Exhausted", 40)
        assert [move["to"] for move in place.status()["transitions"][:2]] == ["Exhausted", "Exempt"]
        assert place.status()["transitions"][0]["at"] >= until
    assert [count for count, _ in place.events("Notify")] == [1]
