"""What a user sees of the machinery when nothing fails, on a real API server."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
import yaml

import devcluster
from devcluster.waiting import patient
from ninefold.kube.crd import crd
from tests import direct
from tests.faultproxy import Answer, FaultProxy, Request
from tests.kube.lamp import Lamp
from tests.kube.lamps import Lamps
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]


def test_children_follow_the_spec_and_go_with_their_owner(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", bulbs=["red", "blue"])
    lamps.wait_ready("a")
    assert lamps.config_maps() == {
        "a-red": {"colour": "red", "shade": "none"},
        "a-blue": {"colour": "blue", "shade": "none"},
    }
    status = lamps.get("a")["status"]
    assert status["lit"] == 2
    assert status["observedGeneration"] == 1
    assert [ref["name"] for ref in status["inventory"]] == ["a-blue", "a-red"]
    lamps.apply("a", bulbs=["green"])
    wait_for("the old bulbs to be pruned", lambda: set(lamps.config_maps()) == {"a-green"})
    lamps.kubectl("delete", "lamp", "a")
    # The garbage collector learns of a new kind within half a minute.
    wait_for("the garbage collector to take the child", lambda: lamps.config_maps() == {}, 60)


def test_drift_is_repaired(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    lamps.kubectl("delete", "configmap", "a-red")
    wait_for("the child to come back", lambda: "a-red" in lamps.config_maps())
    lamps.kubectl("patch", "configmap", "a-red", "--patch", '{"data": {"colour": "pink"}}')
    wait_for("the child to be as planned", lambda: lamps.config_maps()["a-red"]["colour"] == "red")


def test_an_object_of_somebody_else_is_not_taken_over(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.kubectl("create", "configmap", "a-red", "--from-literal=mine=yes")
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a", "NameTaken")
    assert lamps.config_maps()["a-red"] == {"mine": "yes"}
    message = next(c["message"] for c in lamps.get("a")["status"]["conditions"] if c["type"] == "Stalled")
    assert "delete or rename it" in message


def test_any_character_of_a_text_reaches_a_child(lamps: Lamps, lamp_operator: Start) -> None:
    """JSON that the client library writes is not always YAML, and server-side apply reads YAML."""
    lamp_operator()
    note = "rocket \U0001f680, \u00e9\u2028\ufffd, and the letters \\ud83d\\ude80 \\\U0001f680"
    lamps.apply("a", bulbs=["red"], note=note)
    lamps.wait_ready("a")
    assert lamps.config_maps()["a-red"]["note"] == note


def test_a_write_that_the_api_server_refuses_is_a_condition_that_names_the_child(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy
) -> None:
    lamp_operator()
    before = len(proxy.requests)
    lamps.apply("a", bulbs=["Bad Name"])
    lamps.apply("b", bulbs=["red"])
    lamps.wait_ready("a", "Refused")
    lamps.wait_ready("b")
    message = next(c["message"] for c in lamps.get("a")["status"]["conditions"] if c["type"] == "Ready")
    assert f"refuses to apply the ConfigMap {lamps.namespace}/a-Bad Name (422 Invalid): " in message
    assert "RFC 1123" in message
    # Each failure doubles the pause, and the same sentence is not written again.
    time.sleep(5)
    attempts = [request for request in proxy.writes(since=before) if "/configmaps/a-" in request.path]
    assert 1 <= len(attempts) < 8
    assert sum(request.path.endswith("/lamps/a/status") for request in proxy.writes(since=before)) == 1
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "BadRequest"), (403, "Forbidden"), (404, "NotFound"), (409, "Impossible"), (413, "RequestEntityTooLarge")],
)
def test_each_kind_of_refusal_is_told(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy, status: int, reason: str
) -> None:
    lamp_operator()

    def refuse(request: Request) -> Answer | None:
        return Answer(status, reason) if request.writes and "/configmaps/" in request.path else None

    with proxy.fault(refuse):
        lamps.apply("a", bulbs=["red"])
        lamps.wait_ready("a", "Refused")
        message = next(c["message"] for c in lamps.get("a")["status"]["conditions"] if c["type"] == "Ready")
    assert f"({status} {reason}): made to fail" in message
    lamps.wait_ready("a")


def test_related_objects_lead_to_a_look(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    lamps.cluster.kubectl("label", "namespace", lamps.namespace, "shade=dark")
    wait_for("the shade to arrive", lambda: lamps.config_maps()["a-red"]["shade"] == "dark")


def test_what_is_missing_is_made_and_made_again(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.cluster.kubectl("label", "namespace", lamps.namespace, "wants=hall")
    wait_for("the lamp", lambda: [lamp["metadata"]["name"] for lamp in lamps.all()] == ["hall"])
    lamps.wait_ready("hall")
    first = lamps.get("hall")["metadata"]["uid"]
    lamps.kubectl("delete", "lamp", "hall")
    wait_for("another", lambda: [lamp["metadata"]["uid"] for lamp in lamps.all()] not in ([], [first]))
    lamps.cluster.kubectl("label", "--overwrite", "namespace", lamps.namespace, "wants=trouble")
    wait_for("the failure to be told", lambda: "nobody knows what is missing" in operator.text())
    assert operator.running
    assert operator.metric("ninefold_reconcile_errors_total", 'reason="RuntimeError"') >= 1


def test_nothing_is_made_in_a_namespace_that_goes(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.cluster.kubectl("label", "namespace", lamps.namespace, "wants=hall")
    wait_for("the lamp", lambda: [lamp["metadata"]["name"] for lamp in lamps.all()] == ["hall"])
    # A finalizer keeps the namespace from going, so that it is looked at while it does.
    held = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "held", "finalizers": ["example.com/held"]}}
    lamps.kubectl("apply", "-f", "-", input=json.dumps(held))
    try:
        lamps.cluster.kubectl("delete", "namespace", lamps.namespace, "--wait=false")
        wait_for("the lamp to go", lambda: lamps.all() == [])
        refused = "ninefold_api_requests_total", 'code="403",resource="lamps",verb="post"'
        wait_for("an attempt", lambda: operator.metric(*refused) >= 1)
        assert operator.metric("ninefold_reconcile_errors_total", 'reason="Forbidden"') == 0
    finally:
        lamps.kubectl("patch", "configmap", "held", "--type=merge", "--patch", '{"metadata": {"finalizers": null}}')


def test_what_a_plan_discards_is_deleted(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", "b", bulbs=["red"])
    lamps.wait_ready("a")
    lamps.apply("a", broken="discard")
    wait_for("it to go", lambda: [lamp["metadata"]["name"] for lamp in lamps.all()] == ["b"])


def test_suspend_leaves_everything_as_it_is(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    lamps.apply("a", bulbs=["blue"], suspend=True)
    lamps.wait_ready("a", "Suspended")
    assert set(lamps.config_maps()) == {"a-red"}
    lamps.apply("a", bulbs=["blue"], suspend=False)
    wait_for("work to go on", lambda: set(lamps.config_maps()) == {"a-blue"})


def test_the_reconcile_annotation_is_answered(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    lamps.kubectl("annotate", "lamp", "a", "ninefold.dev/reconcile=now-1")
    wait_for("the answer", lambda: lamps.get("a")["status"].get("lastHandledReconcileAt") == "now-1")


def test_an_event_is_counted_not_multiplied(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    for count in (1, 2, 3):
        lamps.apply("a", bulbs=["red", "blue", "green"][:count])
        wait_for("the count", lambda: lamps.get("a")["status"].get("lit") == count)  # noqa: B023 - waited for here

    def events() -> list[int]:
        items = direct.items(lamps.cluster, "events", lamps.namespace)
        return [item["count"] for item in items if item["reason"] == "Counted"]

    wait_for("one event with a count of three", lambda: events() == [3])


def test_a_finalizer_is_set_run_and_taken_away(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator("--guarded")
    lamps.apply("a", bulbs=["red"])
    wait_for("the finalizer", lambda: lamps.get("a")["metadata"].get("finalizers") == ["ninefold.dev/finalizer"])
    lamps.kubectl("delete", "lamp", "a", f"--timeout={patient(20):.0f}s")
    assert f"FINALIZED {lamps.namespace}/a" in operator.text()


def test_a_finalizer_that_fails_is_repeated_and_holds_up_nobody(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator("--guarded")
    lamps.apply("a", broken="raise")
    wait_for("the finalizer", lambda: lamps.get("a")["metadata"].get("finalizers") == ["ninefold.dev/finalizer"])
    lamps.kubectl("delete", "lamp", "a", "--wait=false")
    wait_for("the failure to be told", lambda: "the far side does not answer" in operator.text())
    lamps.apply("b", bulbs=["red"])
    lamps.wait_ready("b")
    assert operator.running
    lamps.apply("a", broken="")
    wait_for("the finalizer to succeed", lambda: f"FINALIZED {lamps.namespace}/a" in operator.text(), 30)


def test_a_steady_state_writes_nothing(lamps: Lamps, lamp_operator: Start, proxy: FaultProxy) -> None:
    lamp_operator("--sweep", "2")
    names = [f"l{number}" for number in range(100)]
    lamps.apply(*names, bulbs=["red"])
    wait_for("all lamps", lambda: all(lamp["status"].get("lit") == 1 for lamp in lamps.all()), 60)
    # Events come after the work: two a lamp.
    wait_for("the events", lambda: len(direct.items(lamps.cluster, "events", lamps.namespace)) == 2 * len(names), 60)
    time.sleep(1)
    before = len(proxy.requests)
    time.sleep(8)  # several sweeps, each with a look at every object
    # The namespace of the test before may still be going, and what is deleted in it repaired.
    assert [write for write in proxy.writes(since=before) if f"/{lamps.namespace}/" in write.path] == []


def test_the_probes_and_metrics_tell_the_truth(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    assert operator.page("healthz") == "loop: ok\nqueue: ok\nlease: ok\nreads: ok\n"
    assert operator.metric("ninefold_leader") == 1
    assert operator.metric("ninefold_reconcile_seconds_count", 'kind="Lamp",outcome="Ready"') >= 1
    assert operator.metric("ninefold_api_requests_total", 'code="200",resource="lamps",verb="patch"') >= 1


def test_an_unreadable_object_is_stalled_and_the_others_go_on(lamps: Lamps, lamp_operator: Start) -> None:
    """An object stored under a looser schema, as after an upgrade."""
    strict = crd(Lamp)
    loose = json.loads(json.dumps(strict))
    del loose["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["bulbs"][
        "maxItems"
    ]
    apply = ("apply", "--server-side", "--force-conflicts", "-f", "-")
    lamps.cluster.kubectl(*apply, input=yaml.safe_dump(loose))
    try:
        wait_for("the looser schema", lambda: _accepts(lamps, "bad", bulbs=[f"b{n}" for n in range(12)]))
    finally:
        lamps.cluster.kubectl(*apply, input=yaml.safe_dump(strict))
    operator = lamp_operator()
    lamps.apply("good", bulbs=["red"])
    lamps.wait_ready("good")
    lamps.wait_ready("bad", "InvalidSpec")
    message = next(c["message"] for c in lamps.get("bad")["status"]["conditions"] if c["type"] == "Stalled")
    assert message.startswith("spec.bulbs: write at most 8 entries")
    assert operator.running


def _accepts(lamps: Lamps, name: str, **spec: object) -> bool:
    try:
        lamps.apply(name, **spec)
    except devcluster.CommandError:
        return False
    return True
