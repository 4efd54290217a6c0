"""Acts outside the cluster, on a real API server, while processes die, far sides hang and writes collide."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests import direct
from tests.faultproxy import Answer, FaultProxy, Request
from tests.kube.lamps import Lamps
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]


def effects(lamps: Lamps, name: str = "a") -> dict[str, dict[str, Any]]:
    return {record["key"]: record for record in lamps.get(name).get("status", {}).get("effects", ())}


def states(lamps: Lamps) -> dict[str, str]:
    return {key: record["state"] for key, record in effects(lamps).items()}


def look_again(lamps: Lamps, value: str) -> None:
    lamps.kubectl("annotate", "--overwrite", "lamp", "a", f"ninefold.dev/reconcile={value}")
    wait_for("another look", lambda: lamps.get("a")["status"].get("lastHandledReconcileAt") == value)


def test_an_effect_is_recorded_and_done_once(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.apply("a", bulbs=["red"], ring="hall")
    wait_for("the outcome", lambda: states(lamps) == {"ring-hall": "Succeeded"})
    record = effects(lamps)["ring-hall"]
    assert (record["attempts"], record["action"], record["message"]) == (1, "ring", "The bell rang.")
    look_again(lamps, "again")
    assert operator.text().count("RANG ring-hall") == 1
    assert operator.metric("ninefold_effects_total", 'outcome="Succeeded"') == 1


@pytest.mark.parametrize(("write", "rung"), [(1, 0), (2, 1)])
def test_killed_at_a_write_of_the_records(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy, write: int, rung: int
) -> None:
    """The first write records the attempt, the second its outcome; neither arrives."""
    operator = lamp_operator()
    writes = 0

    def die(request: Request) -> Answer | None:
        nonlocal writes
        writes += request.path.endswith("/lamps/a/status") and request.writes
        if writes == write and operator.running:
            operator.kill()
            return Answer(500, "InternalError")
        return None

    with proxy.fault(die):
        lamps.apply("a", ring="hall")
        wait_for("the operator to be killed", lambda: not operator.running)
    assert states(lamps) == ({"ring-hall": "Running"} if rung else {})
    again = lamp_operator()
    wait_for("the outcome", lambda: states(lamps) == {"ring-hall": "Succeeded"})
    # Done again under the same key and number where nobody knows whether it was: the far side recognizes it.
    assert again.text().count("RANG ring-hall") == rung + 1
    assert effects(lamps)["ring-hall"]["attempts"] == 1


def test_killed_after_the_outcome_was_recorded(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.apply("a", ring="hall")
    wait_for("the outcome", lambda: states(lamps) == {"ring-hall": "Succeeded"})
    operator.kill()
    again = lamp_operator()
    look_again(lamps, "again")
    assert again.text().count("RANG ring-hall") == 1


def test_a_graceful_stop_records_what_has_been_done(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.apply("a", ring="hall", bell="hang")
    wait_for("the attempt", lambda: "RANG ring-hall" in operator.text())
    assert operator.stop() == 0
    assert effects(lamps)["ring-hall"]["state"] == "Retrying", "the attempt came to its end before the process did"


def test_a_far_side_that_hangs_holds_up_nobody(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.apply("a", rings=[f"b{number}" for number in range(20)], bell="hang")
    wait_for("the attempts", lambda: "RANG" in operator.text())
    lamps.apply("other", bulbs=["red"])
    lamps.wait_ready("other")
    wait_for("the attempts to be used up", lambda: set(states(lamps).values()) == {"Failed"}, 60)
    record = effects(lamps)["ring-b0"]
    assert (record["attempts"], record["message"]) == (3, "No answer within 1 s.")
    events = direct.items(lamps.cluster, "events", lamps.namespace)
    assert any(event["reason"] == "EffectFailed" for event in events)


def test_failures_are_repeated_up_to_a_limit_and_their_text_stays_out_of_the_status(
    lamps: Lamps, lamp_operator: Start
) -> None:
    operator = lamp_operator()
    lamps.apply("a", ring="hall", bell="2")
    wait_for("the third attempt to do it", lambda: states(lamps) == {"ring-hall": "Succeeded"})
    assert effects(lamps)["ring-hall"]["attempts"] == 3
    lamps.apply("a", ring="attic", bell="raise")
    wait_for("the attempts to be used up", lambda: states(lamps).get("ring-attic") == "Failed")
    assert effects(lamps)["ring-attic"]["attempts"] == 3
    assert "secret-token" not in json.dumps(lamps.get("a"))
    assert "secret-token" in operator.text()
    lamps.apply("a", ring="cellar", bell="never")
    wait_for("one attempt", lambda: states(lamps).get("ring-cellar") == "Failed")
    assert effects(lamps)["ring-cellar"]["attempts"] == 1


def test_many_effects_and_then_the_first_again(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    bells = [f"b{number}" for number in range(80)]
    lamps.apply("a", rings=bells)
    wait_for("all bells", lambda: list(states(lamps).values()) == ["Succeeded"] * 80)
    lamps.apply("a", rings=["new"])
    wait_for("another bell", lambda: states(lamps).get("ring-new") == "Succeeded")
    lamps.apply("a", rings=bells[:1])
    look_again(lamps, "again")
    assert operator.text().count("RANG ring-b0\n") == 1
    assert len(effects(lamps)) == 81


def test_what_is_no_longer_planned_is_withdrawn(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", ring="hall", bell="hang")
    wait_for("a failure", lambda: states(lamps) == {"ring-hall": "Retrying"})
    lamps.apply("a", ring="", bell="")
    wait_for("it to be withdrawn", lambda: states(lamps) == {"ring-hall": "Withdrawn"})


def test_a_status_that_somebody_else_wrote_meanwhile(lamps: Lamps, lamp_operator: Start, proxy: FaultProxy) -> None:
    """The record collides once: nothing is begun by a record that was not stored."""
    operator = lamp_operator()
    collided = False

    def collide(request: Request) -> Answer | None:
        nonlocal collided
        if request.path.endswith("/lamps/a/status") and request.writes and not collided:
            collided = True
            lamps.kubectl("annotate", "lamp", "a", "meanwhile=yes")
        return None

    with proxy.fault(collide):
        lamps.apply("a", ring="hall")
        wait_for("the outcome", lambda: states(lamps) == {"ring-hall": "Succeeded"})
    assert operator.text().count("RANG ring-hall") == 1
    assert operator.metric("ninefold_reconcile_errors_total", 'reason="Conflict"') >= 1


def test_a_watch_that_tells_of_no_outcome(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy, other_proxy: FaultProxy
) -> None:
    """A new leader that has not heard of the outcome yet does nothing twice."""
    first = lamp_operator("--lease", lamps.namespace, "--identity", "first")

    def outcome(event: dict[str, Any]) -> bool:
        records = event["object"].get("status", {}).get("effects", ())
        return any(record["state"] == "Succeeded" for record in records)

    with other_proxy.swallow(outcome):
        second = lamp_operator("--lease", lamps.namespace, "--identity", "second", behind=other_proxy)
        # What it hears from here on comes by its watch, not by a first listing.
        lamps.apply("other", bulbs=["red"])
        wait_for("it to watch", lambda: second.metric("ninefold_watch_events_total", 'resource="lamps"') >= 1)
        lamps.apply("a", ring="hall")
        wait_for("the outcome", lambda: states(lamps) == {"ring-hall": "Succeeded"})
        # Dead before its Lease is gone: it would take the Lease again.
        first.kill()
        lamps.cluster.kubectl("-n", "default", "delete", "lease", lamps.namespace)
        wait_for("the second to lead", lambda: second.metric("ninefold_leader") == 1)
        wait_for("it to see that its record is old", lambda: second.metric(*CONFLICTS) >= 1)
    # It hears of this one.
    look_again(lamps, "again")
    assert "RANG" not in second.text()


CONFLICTS = ("ninefold_api_requests_total", 'code="409",resource="lamps",verb="patch"')
