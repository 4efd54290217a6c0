"""What a user may write, and the sentence that answers what they may not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.reliability.slo.objectives import manifest

from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

RATIO = {"ratio": {"bad": "bad", "total": "total"}}
TIER = {"burnRate": "10", "long": "1h", "short": "5m", "severity": "Page"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"objective": 99.9}, 'spec.objective: write it in quotes: "99.9"'),
    ({"objective": "100"}, "100 leaves no error budget to spend"),
    ({"objective": "0"}, "write an objective above 0 and below 100"),
    ({"objective": "99,9"}, "write a percentage as a decimal string"),
    ({"window": {"rolling": "month"}}, "write a window of 1h to 400d in one unit"),
    ({"window": {"rolling": "59m"}}, "write a window of 1h to 400d in one unit"),
    ({"window": {"rolling": "401d"}}, "write a window of 1h to 400d in one unit"),
    ({"window": {"calendar": "Month"}}, "spec.window.calendar: unknown field"),
    ({"indicator": {}}, "set exactly one of ratio, latency or boolean"),
    ({"indicator": {**RATIO, "boolean": {"selector": "up"}}}, "set exactly one of ratio, latency or boolean"),
    ({"indicator": {"ratio": {"total": "t"}}}, "set exactly one of bad or good"),
    ({"indicator": {"ratio": {"bad": "b", "good": "g", "total": "t"}}}, "set exactly one of bad or good"),
    ({"indicator": {"ratio": {"bad": "b" * 300_000, "total": "t"}}}, "at most 4096 characters"),
    ({"indicator": {"latency": {"histogram": "h", "threshold": "fast"}}}, 'write a time such as "300ms"'),
    ({"description": "{{ .Broken }}"}, "write plain text"),
    ({"alerting": {"annotations": {"a": "{{ range }}"}}}, "in double braces write only"),
    ({"alerting": {"labels": {"slo_id": "mine"}}}, "choose other label names"),
    ({"alerting": {"labels": {"0": "x"}}}, "write label names of letters"),
    ({"alerting": {"labels": {"__name__": "x"}}}, "write label names of letters"),
    ({"alerting": {"tiers": [{**TIER, "long": "7m"}]}}, "whole multiples of 5m"),
    ({"alerting": {"tiers": [{**TIER, "short": "2h"}]}}, "not longer than the long one"),
    ({"alerting": {"tiers": [{**TIER, "burnRate": "0"}]}}, "write a burn rate above 0"),
    ({"alerting": {"tiers": [{**TIER, "burnRate": 14.4}]}}, 'write it in quotes: "14.4"'),
]
"""Specs, and the sentence that refuses each. The API server must say the same."""


@pytest.mark.parametrize(("spec", "sentence"), WRONG)
def test_a_wrong_spec_is_refused_with_what_to_change(spec: dict[str, Any], sentence: str) -> None:
    wrong = manifest()
    wrong["spec"].update(spec)
    with pytest.raises(Stalled) as refused:
        ServiceLevelObjective.parse(wrong, strict=True)
    assert sentence in refused.value.message
    assert len(refused.value.message) < 500


@pytest.mark.parametrize("text", ["plain { } {a}", "{{ $value }} and {{ $labels.pod }}", "{{$value | humanize}}", "{"])
def test_simple_placeholders_may_stand_in_annotations(text: str) -> None:
    written = manifest(alerting={"annotations": {"note": text}})
    assert ServiceLevelObjective.parse(written).spec.alerting.annotations == {"note": text}


def test_identity_is_namespace_and_name() -> None:
    parsed = ServiceLevelObjective.parse(manifest(window="90m"))
    assert (parsed.slo_id, str(parsed.objective), parsed.window) == ("shop/checkout", "0.999", 5400)
