"""Time that does not count, through the whole operator: rules, figures, policies and gates follow by themselves."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from devcluster import CommandError, waiting
from ninefold.kube.fields import rfc3339
from ninefold.reliability.correction.resource import Correction
from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, correction, gate, objective, policy
from tests.faultproxy import Answer, FaultProxy, Request
from tests.processes import OperatorProcess, wait_for
from tests.refusing import refusing

Start = Callable[..., OperatorProcess]


def around_now() -> dict[str, str]:
    """From an hour ago to an hour from now."""
    now = datetime.now(UTC)
    return {"start": rfc3339(now - timedelta(hours=1)), "end": rfc3339(now + timedelta(hours=1))}


def test_an_outage_that_is_excused_opens_the_gate_that_it_closed(
    objects: Objects, shops: Shops, start_operator: Start
) -> None:
    name = objects.namespace
    shops.serve(name, bad=0.5)
    operator = start_operator()
    objects.apply(objective(name), policy(name, minimumCoverage="0"), gate(name))

    def decision() -> str:
        return str(objects.status("gate", name).get("decision"))

    wait_for("the gate to close", lambda: decision() == "Hold", 60)
    once = around_now()
    objects.apply(correction("excuse", objectives={"service": name}, once=once))
    wait_for("the gate to open", lambda: decision() == "Allow", 60)
    status = objects.status("slo", name)
    assert status["correction"] == {"name": "excuse", "until": once["end"]}
    wait_for("the data to be idle", lambda: objects.status("slo", name)["data"] == "Idle", 30)
    assert objects.status("ebp", name)["state"] == "Healthy"
    objects.wait_condition("corr", "excuse", {"Active"})
    shown = objects.status("corr", "excuse")
    assert (shown["active"], shown["objectiveCount"]) == (True, 1)
    assert shown["objectives"] == [{"name": name, "share": "100.0 %"}]
    assert f'ninefold_correction_active{{correction="excuse",namespace="{name}"}} 1.0' in operator.page("metrics")
    # What happened before the rules knew of it counts again.
    objects.kubectl("delete", "corr", "excuse")
    wait_for("the gate to close again", lambda: decision() == "Hold", 60)
    assert "correction" not in objects.status("slo", name)


def test_killed_before_the_rules_know_of_it(
    objects: Objects, shops: Shops, start_operator: Start, proxy: FaultProxy
) -> None:
    name = objects.namespace
    shops.serve(name, bad=0.5)
    operator = start_operator()
    objects.apply(objective(name))
    wait_for("the budget", lambda: objects.status("slo", name).get("budget"), 40)

    def die(request: Request) -> Answer | None:
        if request.path.endswith("/configmaps/" + f"slo-{name}-rules") and operator.running:
            operator.kill()
            return Answer(500, "InternalError")
        return None

    with proxy.fault(die):
        objects.apply(correction("excuse", objectives={"names": [name]}, once=around_now()))
        wait_for("the operator to be killed", lambda: not operator.running)
    assert "slo:correction:active" not in objects.kubectl("get", "configmap", f"slo-{name}-rules", "-o", "yaml")
    start_operator()
    objects.wait_condition("corr", "excuse", {"Active"})
    wait_for("the data to be idle", lambda: objects.status("slo", name)["data"] == "Idle", 40)
    assert objects.status("slo", name)["correction"]["name"] == "excuse"


def test_a_recurrence_that_cannot_be_is_stalled_and_stops_no_objective(
    objects: Objects, shops: Shops, start_operator: Start
) -> None:
    name = objects.namespace
    shops.serve(name)
    start_operator()
    never = {"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "start": "2026-01-01T00:00", "duration": "1h"}
    objects.apply(objective(name), correction("never", objectives={"service": name}, recurring=never))
    objects.wait_condition("corr", "never", {"InvalidRecurrence"})
    assert "this never occurs" in objects.condition("corr", "never", "Stalled")[2]
    objects.wait_condition("slo", name, {"RulesLoaded"}, 40)


def test_a_status_that_a_policy_of_the_cluster_refuses_is_told_and_time_is_left_out_all_the_same(
    objects: Objects, shops: Shops, start_operator: Start
) -> None:
    name, words = objects.namespace, "Nobody is excused without the change board."
    shops.serve(name, bad=0.5)
    excuse = correction("excuse", objectives={"service": name}, once=around_now())
    objects.apply(objective(name), excuse)
    with refusing(objects.cluster, Correction.api, name, "!has(object.status.active)", words, "status"):
        patch = ("--subresource=status", "--type=merge", "--dry-run=server", "-p", '{"status": {"active": true}}')

        def refused() -> bool:
            try:
                objects.kubectl("patch", "corr", "excuse", *patch)
            except CommandError as error:
                return words in str(error)
            return False

        waiting.until(refused, "the policy to be in force", 20)
        start_operator()
        objects.wait_condition("corr", "excuse", {"Refused"})
        status = objects.status("corr", "excuse")
        told = {each["type"]: each["message"] for each in status["conditions"] if each["status"] == "True"}
        assert f"refuses to store the status of the Correction {name}/excuse (422 Invalid): " in told["WriteRefused"]
        assert words in told["WriteRefused"]
        assert "active" not in status
        wait_for("the objective", lambda: objects.status("slo", name).get("correction"), 60)
        assert objects.status("slo", name)["correction"]["name"] == "excuse"
    # An edit is looked at without the pause that the refusals have made long.
    objects.apply({**excuse, "spec": {**excuse["spec"], "reason": "The change board agrees."}})
    objects.wait_condition("corr", "excuse", {"Active"})
    assert "WriteRefused" not in {each["type"] for each in objects.status("corr", "excuse")["conditions"]}
