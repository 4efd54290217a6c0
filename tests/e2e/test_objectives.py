"""Objectives of every shape, from `kubectl apply` to what Prometheus says about them, on the real API server."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, objective
from tests.processes import OperatorProcess, wait_for

Start = Callable[..., OperatorProcess]
MONTH = {"calendar": {"period": "Month", "timeZone": "Europe/Paris"}}


def regional(name: str, first: str) -> dict[str, Any]:
    """An objective with a group for each region of a service."""
    total = f'shop_requests_total{{service=~"{first}-.*"}}'
    ratio = {"bad": total.replace("}", ',code=~"5.."}'), "total": total}
    agreement = {"objective": "90", "window": MONTH, "credits": [{"below": "90", "percent": "10"}]}
    return objective(name, service=first, groupBy=["region"], indicator={"ratio": ratio}, agreement=agreement)


def test_groups_an_agreement_and_an_alert_live_through_a_kill(
    objects: Objects, shops: Shops, start_operator: Start
) -> None:
    name = objects.namespace
    shops.serve(f"{name}-eu", bad=0.5)
    shops.serve(f"{name}-us")
    operator = start_operator()
    objects.apply(regional("a", name))

    def groups() -> dict[str, Any]:
        return {group["name"]: group for group in objects.status("slo", "a").get("groups", ())}

    wait_for("both groups", lambda: set(groups()) == {"eu", "us"}, 60)
    wait_for("the burn of one", lambda: groups()["eu"]["left"].startswith("-"), 60)
    assert groups()["us"]["left"] == "100.0 %"
    wait_for("the page to be measured", lambda: "lastDetection" in objects.status("slo", "a"), 60)
    status = objects.status("slo", "a")
    assert status["groupCount"] == 2
    assert status["lastDetection"]["group"] == "eu"
    assert status["lastDetection"]["tier"] == status["tiers"][0]["tier"]
    wait_for("the breach", lambda: objects.status("slo", "a")["agreement"]["breached"], 30)
    assert objects.status("slo", "a")["agreement"]["credit"] == "10 %"
    # The month is not over: it is judged then, and not before.
    assert not objects.status("slo", "a")["agreement"].get("breaches")

    objects.wait_condition("slo", "a", {"True"}, 40)
    before = objects.status("slo", "a")
    operator.kill()
    start_operator()
    objects.kubectl("annotate", "slo", "a", "ninefold.dev/reconcile=1")
    wait_for("a look", lambda: objects.status("slo", "a").get("lastHandledReconcileAt") == "1", 40)
    after = objects.status("slo", "a")
    for kept in ("lastDetection", "tiers"):
        assert after[kept] == before[kept], "a restart measures nothing twice and forgets nothing"
    assert after["agreement"]["measuredUntil"] == before["agreement"]["measuredUntil"]


def test_a_composite_blames_its_component_and_waits_for_one_that_is_missing(
    objects: Objects, shops: Shops, start_operator: Start
) -> None:
    name = objects.namespace
    shops.serve(f"{name}-x", bad=0.4)
    shops.serve(f"{name}-y")
    start_operator()
    parts = [{"objective": "x"}, {"objective": "y"}]
    whole = objective("whole", service=name, indicator={"composite": {"mode": "Serial", "components": parts}})
    objects.apply(objective("x", service=f"{name}-x"), whole)
    wait_for("the missing part to be told", lambda: objects.condition("slo", "whole")[1] == "ComponentMissing", 60)
    assert "There is no ServiceLevelObjective y in this namespace" in objects.condition("slo", "whole")[2]
    objects.apply(objective("y", service=f"{name}-y"))
    wait_for("the blame", lambda: objects.status("slo", "whole").get("blame", {}).get(f"{name}/x") == "100 %", 90)
    objects.wait_condition("slo", "whole", {"True"}, 90)
    circular = objective("y", service=name, indicator={"composite": {"mode": "Serial", "components": [
        {"objective": "whole"}, {"objective": "x"}]}})  # fmt: skip
    objects.apply(circular)
    wait_for("the circle to be told", lambda: "CompositeOfItself" in objects.condition("slo", "y"), 60)
    assert "y -> whole -> y: leave one of these components out" in objects.condition("slo", "y")[2]
