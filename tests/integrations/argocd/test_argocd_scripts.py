"""Each script that goes into argocd-cm, run over objects in every state; tests/peers has Argo CD itself do so."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
import yaml
from tests.integrations.argocd.lua import LuaError, run
from tests.integrations.argocd.states import Case, cases

from ninefold.integrations.argocd.customizations import config_map
from ninefold.kinds import MODELS
from ninefold.kube.model import RECONCILE
from ninefold.release.gate.spec import Stop

CASES = list(cases())
CONFIG = config_map(MODELS)["data"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.object['kind']}: {case.name}")
def test_health(case: Case) -> None:
    script = CONFIG[f"resource.customizations.health.ninefold.dev_{case.object['kind']}"]
    assert run(script, case.object) == {"status": case.health, "message": case.message}


def test_a_status_of_an_unknown_shape_is_never_healthy_or_an_error() -> None:
    for kind in MODELS:
        script = CONFIG[f"resource.customizations.health.ninefold.dev_{kind.api.kind}"]
        for status in ({}, {"observedGeneration": 3}, {"observedGeneration": 3, "conditions": []}):
            found = run(script, {"metadata": {"generation": 3}, "status": status})
            assert found["status"] == "Progressing", kind


def test_what_the_interpreter_withholds() -> None:
    """Argo CD gives these to its own scripts alone, so ours must do without."""
    for name in ("io", "os", "math", "string", "debug", "coroutine", "loadstring"):
        assert run(f"return {name}", {}) is None
    for source in ('return ("a"):rep(2)', 'return require("io")', "return os.time()"):
        with pytest.raises(LuaError):
            run(source, {})


def _actions(kind: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(CONFIG[f"resource.customizations.actions.ninefold.dev_{kind}"])
    return found


def _action(kind: str, name: str) -> str:
    (found,) = (each["action.lua"] for each in _actions(kind)["definitions"] if each["name"] == name)
    return str(found)


def test_each_kind_can_be_looked_at_now() -> None:
    for kind in MODELS:
        offered = run(_actions(kind.api.kind)["discovery.lua"], {})
        assert offered["reconcile"]["displayName"] == "Reconcile now"
        assert set(offered) == {each["name"] for each in _actions(kind.api.kind)["definitions"]}
        before = {"metadata": {"name": "a"}, "spec": {"suspend": True}}
        after = run(_action(kind.api.kind, "reconcile"), before)
        at = after["metadata"].pop("annotations")
        assert list(at) == [RECONCILE]
        assert datetime.fromisoformat(at[RECONCILE]).tzinfo is not None
        assert after == before


def test_only_a_gate_can_be_closed_and_nothing_can_be_opened() -> None:
    offered = {kind.api.kind: set(run(_actions(kind.api.kind)["discovery.lua"], {})) for kind in MODELS}
    assert offered.pop("ReleaseGate") == {"reconcile", "close"}
    assert set(map(frozenset, offered.values())) == {frozenset({"reconcile"})}


GATE: dict[str, Any] = {"metadata": {"name": "checkout"}, "spec": {"workloads": {"scope": "Namespace"}}}
ARGO_CD = "system:serviceaccount:argocd:argocd-server"


def _stop(gate: dict[str, Any], **parameters: str) -> Stop:
    closed = run(_action("ReleaseGate", "close"), gate, parameters)
    assert {**closed, "spec": {**closed["spec"], "stop": None}} == {**gate, "spec": {**gate["spec"], "stop": None}}
    return Stop.model_validate(closed["spec"]["stop"], extra="forbid")


def test_close() -> None:
    assert _stop(GATE) == Stop(by=ARGO_CD, reason="closed in Argo CD", decision="Hold")
    assert _stop(GATE, reason="Ann: the provider is down").reason == "Ann: the provider is down"
    elsewhere = {"annotations": {"ninefold.dev/argocd-user": "system:serviceaccount:kube-system:argocd-manager"}}
    assert _stop({**GATE, "metadata": elsewhere}).by == "system:serviceaccount:kube-system:argocd-manager"


@pytest.mark.parametrize("until", [None, "2999-01-01T00:00:00Z"])
def test_the_stop_of_a_person_is_not_written_over(until: str | None) -> None:
    stop = {"by": "ann", "reason": "fire", "decision": "Deny", "until": until}
    with pytest.raises(LuaError, match="closed by hand already, by ann: fire"):
        _stop({**GATE, "spec": {**GATE["spec"], "stop": stop}})


def test_one_whose_time_is_over_is() -> None:
    stop = {"by": "ann", "reason": "fire", "decision": "Deny", "until": "2026-01-01T00:00:00Z"}
    assert _stop({**GATE, "spec": {**GATE["spec"], "stop": stop}}).by == ARGO_CD
