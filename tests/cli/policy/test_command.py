"""`ninefold policy forgive` against a real API server. Nobody runs the operator here: the status is written as it
would."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests import direct
from tests.cli.conftest import Command, apart
from tests.installing import install
from tests.namespaced import Namespaced

import devcluster
from ninefold.kube.accounts import machines
from ninefold.kube.fields import rfc3339
from ninefold.reliability.errorbudgetpolicy.forgiving import forgiving_manifests
from ninefold.reliability.errorbudgetpolicy.resource import MAX_FORGIVEN, ErrorBudgetPolicy

BEGAN = datetime(2026, 3, 1, 12, tzinfo=UTC)
ASK = ("--reason", "it counted health checks", "--wait", "1s")


def since(number: int) -> str:
    return rfc3339(BEGAN + timedelta(minutes=number))


class Policy(Namespaced):
    """A policy `checkout` of a namespace that carries what objectives have spent."""

    def write(self, forgiven: list[int], carried: list[int]) -> None:
        """Forgiven are objectives gone-N since minute N; those that are carried still count."""
        by = self.kubectl("auth", "whoami", "-o", "jsonpath={.status.userInfo.username}")
        entries = [
            {"objective": f"gone-{number}", "since": since(number), "by": by, "reason": "it counted probes"}
            for number in forgiven
        ]
        rules = [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}]
        spec = {"objectives": {"service": "checkout"}, "rules": rules, "forgive": entries}
        api, metadata = ErrorBudgetPolicy.api, {"name": "checkout"}
        whole = {"apiVersion": api.api_version, "kind": api.kind, "metadata": metadata, "spec": spec}
        self.kubectl("apply", "--server-side", "-f", "-", body=whole)
        states = [
            {
                "name": f"gone-{number}",
                "data": "Unknown",
                "decision": "Hold",
                "carried": {"change": "Gone", "since": since(number), "until": since(number + 1000)},
            }
            for number in carried
        ]
        patch = json.dumps({"status": {"observedGeneration": 1, "objectives": states}})
        self.kubectl("patch", "ebp", "checkout", "--subresource=status", "--type=merge", "-p", patch)

    @property
    def forgiven(self) -> list[str]:
        spec: dict[str, Any] = direct.get(self.cluster, "ebp", "checkout", self.namespace)["spec"]
        return [entry["objective"] for entry in spec["forgive"]]


@pytest.fixture(scope="module")
def server(cluster: devcluster.Cluster) -> devcluster.Cluster:
    install(cluster, *machines(), *forgiving_manifests())
    return cluster


@pytest.fixture
def policy(server: devcluster.Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[Policy]:
    with apart(server, monkeypatch) as namespace:
        yield Policy(server, namespace)


def test_what_no_operator_has_looked_at_is_not_forgiven_yet(ninefold: Command, policy: Policy) -> None:
    policy.write([], carried=[0])
    done = ninefold("policy", "forgive", "checkout", "gone-0", "-n", policy.namespace, *ASK)
    assert (done.returncode, done.stdout) == (2, "")
    assert "the operator has not reconciled it yet, so gone-0 still counts" in done.stderr
    assert f"kubectl get ebp checkout -n {policy.namespace}" in done.stderr
    assert policy.forgiven == ["gone-0"], "it is written, for when the operator comes"


def test_where_nothing_is_carried_nothing_is_written(ninefold: Command, policy: Policy) -> None:
    policy.write([], carried=[])
    done = ninefold("policy", "forgive", "checkout", "gone-0", "-n", policy.namespace, *ASK)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"{policy.namespace}/checkout: gone-0 has no carried budget, nor has any other objective, so "
        "there is nothing to forgive. Its status shows what it depends on: kubectl describe ebp checkout -n "
        f"{policy.namespace}\n"
    )


def test_what_counts_no_more_makes_room(ninefold: Command, policy: Policy) -> None:
    """The oldest of them: as many as are needed, and none that is still carried."""
    policy.write(list(range(MAX_FORGIVEN)), carried=[0, 1, 99])
    done = ninefold("policy", "forgive", "checkout", "gone-99", "-n", policy.namespace, *ASK)
    assert done.returncode == 2, done.stderr
    kept = [f"gone-{number}" for number in range(MAX_FORGIVEN) if number != 2]
    assert policy.forgiven == [*kept, "gone-99"]


def test_where_there_is_no_room_the_api_server_says_so(ninefold: Command, policy: Policy) -> None:
    full = list(range(MAX_FORGIVEN))
    policy.write(full, carried=[*full, 99])
    done = ninefold("policy", "forgive", "checkout", "gone-99", "-n", policy.namespace, *ASK)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"must have at most {MAX_FORGIVEN} items" in done.stderr
    assert policy.forgiven == [f"gone-{number}" for number in full]
