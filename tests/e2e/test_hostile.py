"""What strangers write on the real API server, under the running operator: a healthy object beside it is served."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

import devcluster
from tests.e2e.objects import Objects, gate
from tests.fuzz.test_looks import objects as strange
from tests.processes import OperatorProcess, wait_for

KINDS = "slo,corr,ebp,gate,override,dash"


@pytest.mark.slow
def test_a_gate_is_decided_among_objects_of_strangers(
    objects: Objects, start_operator: Callable[..., OperatorProcess]
) -> None:
    operator = start_operator()
    made = [dict(each) for each in strange(400, seed=5) if each["kind"] not in ("ClusterReleaseGate", "Release")]
    for number, each in enumerate(made):
        each["metadata"] = {"name": f"odd-{number}"}
        if each["kind"] == "Override":
            each["spec"]["by"] = "admin"
    refused = ""
    try:
        objects.kubectl("create", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": made}))
    except devcluster.CommandError as error:
        refused = str(error)
    assert "is invalid" in refused, "most are, each with what is wrong with it"
    stop = {"by": "admin", "reason": "the provider is down"}
    objects.apply(gate("healthy", workloads={"names": ["Deployment/x"]}, sources=[], stop=stop))
    wait_for("the gate to close", lambda: objects.status("gate", "healthy").get("decision") == "Hold")
    found = json.loads(objects.kubectl("get", KINDS, "-o", "json"))["items"]
    assert len(found) > 20

    def looked_at() -> bool:
        items = json.loads(objects.kubectl("get", KINDS, "-o", "json"))["items"]
        return all(each.get("status", {}).get("conditions") or each["spec"].get("suspend") for each in items)

    wait_for("all to be looked at", looked_at, 60)
    items = json.loads(objects.kubectl("get", KINDS, "-o", "json"))["items"]
    reasons = {each["reason"] for item in items for each in item["status"].get("conditions", ())}
    assert not reasons & {"Unworkable", "Failed"}, reasons
    assert operator.running
    assert "Traceback" not in operator.text()
