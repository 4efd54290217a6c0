"""The whole operator under faults."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, gate, objective, policy
from tests.faultproxy import Answer, FaultProxy, Request
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]


def test_killed_between_writing_rules_and_status(
    objects: Objects, shops: Shops, start_operator: Start, proxy: FaultProxy
) -> None:
    name = objects.namespace
    shops.serve(name)
    operator = start_operator()

    def die(request: Request) -> Answer | None:
        if request.path.endswith("/servicelevelobjectives/a/status") and operator.running:
            operator.kill()
            return Answer(500, "InternalError")
        return None

    with proxy.fault(die):
        objects.apply(objective("a", service=name))
        wait_for("the operator to be killed", lambda: not operator.running)
    assert "slo-a-rules" in objects.kubectl("get", "configmaps", "-o", "name")
    assert objects.status("slo", "a") == {"observedGeneration": -1}
    start_operator()
    objects.wait_condition("slo", "a", {"True"}, 40)


@pytest.mark.slow
def test_prometheus_down_is_unknown_and_the_gate_follows_its_fail_mode(
    objects: Objects, shops: Shops, start_operator: Start
) -> None:
    name = objects.namespace
    shops.serve(name)
    start_operator()
    fail_modes = {"hold": "Hold", "allow": "Allow"}
    objects.apply(
        objective("a", service=name),
        policy(name),
        *(
            gate(gate_name, sources=[{"errorBudgetPolicy": name}], failMode={"staleAfter": "10s", "decision": decision})
            for gate_name, decision in fail_modes.items()
        ),
    )
    wait_for("data", lambda: objects.status("slo", "a").get("data") == "Healthy", 40)
    for gate_name in fail_modes:
        wait_for("an open gate", lambda: objects.status("gate", gate_name).get("decision") == "Allow")  # noqa: B023
    prometheus = objects.cluster.component("prometheus")
    prometheus.stop()
    try:
        wait_for("the objective to say so", lambda: objects.status("slo", "a").get("data") == "Unknown", 90)
        assert "budget" not in objects.status("slo", "a") or "left" not in objects.status("slo", "a")["budget"]
        wait_for("the gate to be held", lambda: objects.status("gate", "hold").get("decision") == "Hold", 120)
        assert objects.status("gate", "allow")["decision"] in {"Allow", "Unknown"}
    finally:
        prometheus.start()
    wait_for("data again", lambda: objects.status("slo", "a").get("data") == "Healthy", 60)
    wait_for("the gate to open", lambda: objects.status("gate", "hold").get("decision") == "Allow", 60)


def test_a_prometheus_that_never_answered_is_named_without_its_password(start_operator: Start) -> None:
    operator = start_operator(prometheus="http://ann:secret@127.0.0.1:1")
    wait_for("readyz to name it", lambda: "prometheus: http://127.0.0.1:1: " in operator.page("readyz"))
    page = operator.page("readyz")
    assert page.startswith("caches: ok\n"), "a replica is ready without: a gate holds, and Prometheus may depend on it"
    assert "check --prometheus-url" in page
    wait_for(
        "more polls", lambda: 'ninefold_prometheus_reachable{prometheus="default"} 0.0' in operator.page("metrics")
    )
    told = [line for line in operator.text().splitlines() if "Prometheus cannot be queried" in line]
    assert len(told) == 1
    assert "http://127.0.0.1:1: " in told[0]
    assert "secret" not in operator.text() + page
