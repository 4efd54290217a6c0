"""Bad input gets a sentence that says what to change, and the other objects go on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.conftest import Shops
from tests.e2e.objects import Objects, objective
from tests.processes import OperatorProcess, wait_for

TWO = {
    "ratio": {"bad": "errors_total", "total": "requests_total"},
    "boolean": {"selector": "probe_success"},
}


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"objective": 99.9}, 'spec.objective in body must be of type string: "number"'),
        ({"objective": "100"}, "leaves no error budget"),
        ({"window": {"rolling": "a month"}}, "write a window of 1h to 400d in one unit, such as 30d"),
        ({"indicator": TWO}, "set exactly one of ratio"),
        ({"indicator": {"ratio": {"bad": "x" * 300_000, "total": "y"}}}, "may not be more than"),
    ],
    ids=["float", "hundred", "window", "two indicators", "300 KB"],
)
def test_what_the_api_server_refuses(objects: Objects, changes: dict[str, Any], sentence: str) -> None:
    assert sentence in objects.refusal(objective("bad", **changes))


def test_broken_promql_is_stalled_and_the_others_go_on(
    objects: Objects, shops: Shops, start_operator: Callable[..., OperatorProcess]
) -> None:
    name = objects.namespace
    shops.serve(name, rps=50)
    start_operator()
    broken = {"ratio": {"bad": 'errors_total{code="5', "total": "requests_total"}}
    objects.apply(objective("broken", service=name, indicator=broken), objective("good", service=name))
    wait_for("the broken one to be Stalled", lambda: objects.condition("slo", "broken", "Stalled")[0] == "True")
    message = objects.condition("slo", "broken", "Stalled")[2]
    assert "spec.indicator.ratio.bad" in message
    objects.wait_condition("slo", "good", {"True"}, 40)
    # A good objective that is edited into a broken one keeps its rules: an edit must not blind anybody.
    objects.apply(objective("good", service=name, indicator=broken))
    wait_for("the edit to be Stalled", lambda: objects.condition("slo", "good", "Stalled")[0] == "True")
    assert "slo-good-rules" in objects.kubectl("get", "configmaps", "-o", "name")
