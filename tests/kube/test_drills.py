"""Faults are normal: the process dies between two steps, watches lie, the API refuses, two want to lead."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any

import kopf

from devcluster.waiting import patient
from ninefold.kube.informer import _configure
from ninefold.kube.runtime import RuntimeOptions
from tests import direct
from tests.faultproxy import Answer, FaultProxy, Request
from tests.kube.lamps import Lamps
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]


def test_killed_between_applying_children_and_writing_status(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy
) -> None:
    operator = lamp_operator()

    def die(request: Request) -> Answer | None:
        if request.path.endswith("/lamps/a/status") and operator.running:
            operator.kill()
            return Answer(500, "InternalError")
        return None

    with proxy.fault(die):
        lamps.apply("a", bulbs=["red", "blue"])
        wait_for("the operator to be killed", lambda: not operator.running)
    assert set(lamps.config_maps()) == {"a-red", "a-blue"}
    assert "conditions" not in lamps.get("a")["status"], "the status was not written"
    # What was applied just before the crash is in no inventory; it is found by its owner and pruned.
    lamps.apply("a", bulbs=["red"])
    lamp_operator()
    lamps.wait_ready("a")
    wait_for("the orphan to be pruned", lambda: set(lamps.config_maps()) == {"a-red"})


def test_a_watch_that_misses_a_delete(lamps: Lamps, lamp_operator: Start, proxy: FaultProxy) -> None:
    operator = lamp_operator("--sweep", "3")
    lamps.apply("a", "b", bulbs=["red"])
    lamps.wait_ready("a")
    lamps.wait_ready("b")

    def deleted_here(event: dict[str, Any]) -> bool:
        gone: bool = event["type"] == "DELETED"
        return gone and event["object"]["metadata"].get("namespace") == lamps.namespace

    with proxy.swallow(deleted_here):
        lamps.kubectl("delete", "lamp", "a")
        wait_for(
            "the sweep to find it", lambda: operator.metric("ninefold_sweep_ghosts_total", 'resource="lamps"') == 1
        )
    lamps.apply("a", bulbs=["blue"])
    lamps.wait_ready("a")
    wait_for("the children to be right", lambda: set(lamps.config_maps()) == {"a-blue", "b-red"}, 60)


def test_a_watch_that_ends_with_an_error_begins_anew(lamps: Lamps, lamp_operator: Start, proxy: FaultProxy) -> None:
    """410 is usual. Any other error ends the process: another replica leads, and a new process lists everything."""
    operator = lamp_operator("--sweep", "600")
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    for number, code in enumerate((410, 500)):
        status = {"kind": "Status", "status": "Failure", "code": code, "message": "etcdserver: request timed out"}
        proxy.spoil("lamps", {"type": "ERROR", "object": status})
        lamps.kubectl("label", "lamp", "a", f"spoil={number}", "--overwrite")
        if code == 500:
            assert operator.wait() == 1
            operator = lamp_operator("--sweep", "600")
        lamps.apply(f"b{number}", bulbs=["blue"])
        lamps.wait_ready(f"b{number}")


def test_attempts_at_a_watch_never_end() -> None:
    """To kopf their end is that of the operator: all replicas at once, when an API server was gone for a minute."""
    settings = kopf.OperatorSettings()
    _configure(settings)
    backoffs = settings.networking.error_backoffs
    for _ in range(2):
        assert isinstance(backoffs, Iterable)
        assert max(list(islice(backoffs, 1000))) < 10


def test_an_api_that_refuses_for_a_while(lamps: Lamps, lamp_operator: Start, proxy: FaultProxy) -> None:
    operator = lamp_operator()
    turn = 0

    def refuse(request: Request) -> Answer | None:
        nonlocal turn
        turn += 1
        faults = (Answer(429, "TooManyRequests", retry_after=1), Answer(500, "InternalError"), Answer(403, "Forbidden"))
        return faults[turn % 3] if request.writes else None

    before = len(proxy.requests)
    with proxy.fault(refuse):
        lamps.apply("a", "b", "c", bulbs=["red"])
        time.sleep(5)
        # Lamps of earlier tests may still be going.
        writes = [request for request in proxy.writes(since=before) if f"/{lamps.namespace}/" in request.path]
        assert len(writes) < 30, "a backoff keeps us from hammering a server in trouble"
        assert operator.running
    for name in "abc":
        lamps.wait_ready(name, seconds=40)
    assert operator.metric("ninefold_reconcile_errors_total", 'reason="TooManyRequests"') >= 1


def test_an_api_that_is_gone_for_a_while(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator("--sweep", "3")
    api = lamps.cluster.component("kube-apiserver")
    api.kill()
    time.sleep(4)
    assert operator.running
    api.start()
    wait_for("the API server", lambda: _answers(lamps), 40)
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a", seconds=40)


def test_a_storm_of_conflicts(lamps: Lamps, lamp_operator: Start, proxy: FaultProxy) -> None:
    operator = lamp_operator()
    left = 12

    def conflict(request: Request) -> Answer | None:
        nonlocal left
        if request.writes and left > 0:
            left -= 1
            return Answer(409, "Conflict")
        return None

    with proxy.fault(conflict):
        lamps.apply("a", "b", "c", "d", bulbs=["red"])
        for name in "abcd":
            lamps.wait_ready(name, seconds=40)
    assert "why=409" not in operator.text(), "a conflict is no news"


def test_an_exception_stays_out_of_the_status_and_is_retried(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator()
    lamps.apply("bad", broken="raise")
    lamps.apply("good", bulbs=["red"])
    lamps.wait_ready("good")
    lamps.wait_ready("bad", "Failed")
    assert "secret-token" not in json.dumps(lamps.get("bad"))
    assert "secret-token" in operator.text()
    lamps.apply("bad", bulbs=["red"], broken="")
    lamps.wait_ready("bad")


def test_looks_that_never_end_are_given_up_and_others_are_served(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator("--look-limit", "1")
    hanging = [f"hung{number}" for number in range(2 * RuntimeOptions().workers)]
    lamps.apply(*hanging, broken="hang")
    lamps.apply("good", bulbs=["red"])
    lamps.wait_ready("good", seconds=40)
    for name in hanging:
        lamps.wait_ready(name, "TookTooLong", seconds=40)
    lamps.apply(*hanging, bulbs=["red"], broken="")
    for name in hanging:
        lamps.wait_ready(name, seconds=40)


def test_a_leader_that_ends_keeps_the_lease_until_its_last_write_is_answered(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy
) -> None:
    operator = lamp_operator("--lease", lamps.namespace, "--identity", "first")
    wait_for("it to lead", lambda: operator.metric("ninefold_leader") == 1)
    begun, answered, holders = threading.Event(), threading.Event(), []

    def hold(request: Request) -> Answer | None:
        if request.writes and "/configmaps/" in request.path and not begun.is_set():
            begun.set()
            operator.terminate()
            answered.wait(patient(20))
        return None

    with proxy.fault(hold):
        lamps.apply("a", bulbs=["red"])
        wait_for("the write to be on its way", begun.is_set)
        wait_for("it to end", lambda: "Stopping on request" in operator.text())
        holders.append(_holder(lamps))
        answered.set()
        assert operator.wait() == 0
    assert [*holders, _holder(lamps)] == ["first", ""]


def test_the_second_replica_takes_over_when_the_first_stops(lamps: Lamps, lamp_operator: Start) -> None:
    first = lamp_operator("--lease", lamps.namespace, "--identity", "first")
    wait_for("the first to lead", lambda: first.metric("ninefold_leader") == 1)
    second = lamp_operator("--lease", lamps.namespace, "--identity", "second")
    assert second.metric("ninefold_leader") == 0
    wait_for("a standby to warm its caches", lambda: second.metric("ninefold_watch_events_total") > 0)
    assert first.stop() == 0
    assert _holder(lamps) != "first", "a Lease that was released is free at once, not when it ends"
    wait_for("the second to lead", lambda: second.metric("ninefold_leader") == 1)
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")


def test_the_second_replica_takes_over_when_the_first_is_killed(lamps: Lamps, lamp_operator: Start) -> None:
    first = lamp_operator("--lease", lamps.namespace, "--identity", "first")
    wait_for("the first to lead", lambda: first.metric("ninefold_leader") == 1)
    second = lamp_operator("--lease", lamps.namespace, "--identity", "second")
    first.kill()
    lamps.apply("a", bulbs=["red"])
    time.sleep(5)
    assert second.metric("ninefold_leader") == 0, "the Lease of a dead leader is respected until it ends"
    wait_for("the second to lead", lambda: second.metric("ninefold_leader") == 1)
    lamps.wait_ready("a")


def test_a_leader_that_was_stopped_in_mid_work_writes_nothing_when_it_wakes(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy, other_proxy: FaultProxy
) -> None:
    first = lamp_operator("--lease", lamps.namespace, "--identity", "first")
    wait_for("the first to lead", lambda: first.metric("ninefold_leader") == 1)
    second = lamp_operator("--lease", lamps.namespace, "--identity", "second", behind=other_proxy)
    stopped = threading.Event()

    def stop_it(request: Request) -> Answer | None:
        # The answer waits in its connection: on waking up, the looks want to go on with the next child.
        if request.writes and "/configmaps/" in request.path and not stopped.is_set():
            os.kill(first.pid, signal.SIGSTOP)
            stopped.set()
        return None

    names = [f"l{number}" for number in range(20)]
    with proxy.fault(stop_it):
        lamps.apply(*names, bulbs=["red", "blue", "green"])
        wait_for("the leader to be stopped", stopped.is_set)
    wait_for("the second to lead", lambda: second.metric("ninefold_leader") == 1)
    for name in names:
        lamps.wait_ready(name)
    # New work for both.
    lamps.apply(*names, bulbs=["yellow"])
    before = len(proxy.requests)
    os.kill(first.pid, signal.SIGCONT)
    assert first.wait(15) == 3
    assert proxy.writes(since=before) == []
    wait_for("the second to have done it", lambda: set(lamps.config_maps()) == {f"{name}-yellow" for name in names})


def test_a_lost_lease_ends_the_process(lamps: Lamps, lamp_operator: Start) -> None:
    operator = lamp_operator("--lease", lamps.namespace, "--identity", "first")
    wait_for("it to lead", lambda: operator.metric("ninefold_leader") == 1)
    lamps.cluster.kubectl(
        "--namespace=default",
        "patch",
        "lease",
        lamps.namespace,
        "--type=merge",
        "--patch",
        json.dumps({"spec": {"holderIdentity": "thief"}}),
    )
    assert operator.wait(15) == 3


def _holder(lamps: Lamps) -> str:
    lease = direct.get(lamps.cluster, "lease", lamps.namespace, "default")
    return str(lease["spec"].get("holderIdentity") or "")


def _answers(lamps: Lamps) -> bool:
    try:
        lamps.all()
    except Exception:
        return False
    return True
