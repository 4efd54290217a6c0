"""The operator as a process, with an API server that it loses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.faultproxy import Answer, FaultProxy
from tests.installing import install
from tests.processes import OperatorProcess, wait_for
from tests.web import plain

import devcluster
from devcluster.waiting import patient

TOKEN = "token-of-the-tests"


class Operator(OperatorProcess):
    """`ninefold run` that answers whoever has the token."""

    def __init__(self, cluster: devcluster.Cluster, proxy: FaultProxy, folder: Path) -> None:
        tokens = folder / "tokens"
        tokens.write_text(TOKEN)
        arguments = ["-m", "ninefold", "run", "--prometheus-url", cluster.prometheus.url]
        super().__init__([*arguments, "--gate-token-file", str(tokens)], proxy.kubeconfig, folder / "operator.log")

    def ask(self, namespace: str, gate: str) -> dict[str, Any]:
        query = {"namespace": namespace, "gate": gate}
        headers = {"Authorization": f"Bearer {TOKEN}"}
        told = plain.get(f"http://127.0.0.1:{self.port}/v1/decision", params=query, headers=headers, timeout=patient(5))
        assert told.status_code == 200
        found: dict[str, Any] = told.json()
        return found


@pytest.mark.slow
def test_a_replica_that_lost_the_api_server_says_that_it_is_stale_until_it_is_heard_again(
    cluster: devcluster.Cluster, namespace: str, proxy: FaultProxy, tmp_path: Path
) -> None:
    install(cluster)
    gate = {
        "apiVersion": "ninefold.dev/v1alpha1",
        "kind": "ReleaseGate",
        "metadata": {"name": "checkout", "namespace": namespace},
        "spec": {"workloads": {"matchLabels": {"app": "checkout"}}, "sources": [{"errorBudgetPolicy": "none"}]},
    }
    with Operator(cluster, proxy, tmp_path) as operator:
        assert operator.ask(namespace, "checkout")["decision"] == "Unknown"
        cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(gate))
        wait_for("the gate to be known", lambda: operator.ask(namespace, "checkout")["gate"])
        wait_for("the operator to have looked", lambda: operator.ask(namespace, "checkout")["stale"] is False)
        with proxy.fault(lambda _: Answer(503, "ServiceUnavailable")):
            wait_for("the answer to be stale", lambda: operator.ask(namespace, "checkout")["stale"], 90)
            assert "has not heard from the API server" in operator.ask(namespace, "checkout")["message"]
            assert operator.ask(namespace, "none")["stale"]
        wait_for("the answer to be fresh", lambda: not operator.ask(namespace, "checkout")["stale"], 60)
        assert TOKEN not in operator.text()
