"""What a user may write, and the sentence that answers what they may not."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders.servicelevelobjective import manifest

from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

RATIO = {"ratio": {"bad": "bad", "total": "total"}}
KINDS = "ratio, errorRatio, latency, boolean, gauge or composite"
TIER = {"burnRate": "10", "long": "1h", "short": "5m", "severity": "Page"}


def composite(mode: str, a: str = "", **more: str) -> dict[str, Any]:
    """An indicator made of the objectives a, with a weight if one is given, and b."""
    components = [{"objective": "a", **({"weight": a} if a else {})}, {"objective": "b"}]
    return {"composite": {"mode": mode, "components": components, **more}}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"objective": 99.9}, 'spec.objective: write it in quotes: "99.9"'),
    ({"objective": "100"}, "100 leaves no error budget to spend"),
    ({"objective": "0"}, "write an objective above 0 and below 100"),
    ({"objective": "99,9"}, "write a percentage as a decimal string"),
    ({"window": {"rolling": "month"}}, "write a window of 1h to 400d in one unit"),
    ({"window": {"rolling": "59m"}}, "write a window of 1h to 400d in one unit"),
    ({"window": {"rolling": "401d"}}, "write a window of 1h to 400d in one unit"),
    ({"window": {"weekly": True}}, "spec.window.weekly: unknown field"),
    ({"window": {}}, "set exactly one of rolling or calendar"),
    ({"window": {"rolling": "30d", "calendar": {"period": "Month"}}}, "set exactly one of rolling or calendar"),
    ({"window": {"calendar": {"period": "Month", "timeZone": "+01:00"}}}, "write an IANA time zone such as"),
    ({"indicator": {}}, f"set exactly one of {KINDS}"),
    ({"indicator": {**RATIO, "boolean": {"selector": "up"}}}, f"set exactly one of {KINDS}"),
    ({"indicator": {"gauge": {"query": "q"}}}, "set exactly one of badAbove or badBelow"),
    ({"indicator": {"gauge": {"query": "q", "badAbove": 1}}}, 'write it in quotes: "1"'),
    ({"indicator": {"gauge": {"query": "q", "badAbove": "1e9"}}}, "write a number as a decimal string"),
    ({"indicator": composite("Serial", a="2")}, "leave out weight: only the mode Weighted takes weights"),
    ({"indicator": composite("Weighted", a="0")}, "write a weight above 0"),
    ({"indicator": composite("Parallel", trafficOf="c")}, "write the name of one of the components in trafficOf"),
    (
        {"indicator": composite("Serial"), "timeSlices": {"target": "95"}},
        "leave out timeSlices: set it on the components of the composite",
    ),
    ({"timeSlices": {"target": "100"}}, "write an objective above 0 and below 100"),
    ({"timeSlices": {"target": "95", "length": "90m"}}, "write a length of 1m to 59m, or 1h"),
    ({"alerting": {"page": {"labels": {"severity": "critical"}}}}, "choose other label names: alertname, slo_id"),
    ({"alerting": {"ticket": {"labels": {"slo_id": "x"}}}}, "severity, burn_tier, burn_rank are written by Ninefold"),
    ({"alerting": {"page": {"labels": {"routing-key": "k"}}}}, "write label names of letters, digits and '_'"),
    ({"alerting": {"page": {"annotations": {"0": "k"}}}}, "write label names of letters, digits and '_'"),
    ({"alerting": {"page": {"annotations": {"a": "{{ query }}"}}}}, "in double braces write only"),
    ({"alerting": {"name": "{{ $labels.a }}"}}, "write the name in one line and without braces"),
    ({"alerting": {"page": {"name": "a\nb"}}}, "write the name in one line and without braces"),
    ({"alerting": {"page": {"runbook": "{{"}}}, "'{{' would start a template"),
    ({"groupBy": ["slo_id"]}, "write the name of a label of your series, other than alertname"),
    ({"alerting": {"tiers": [{**TIER, "for": "90s"}]}}, "write a time in one unit and whole minutes"),
    ({"groupBy": [f"label_{number}" for number in range(17)]}, "at most 16 "),
    ({"groupBy": ["a-b"]}, "write the name of a label of your series"),
    ({"dependsOn": ["A"]}, "write the name of an object"),
    ({"agreement": {"objective": "100"}}, "write an objective above 0 and below 100"),
    ({"agreement": {"objective": "99", "credits": [{"below": "99", "percent": "101"}]}}, "write at most 100 percent"),
    ({"alerting": {"tiers": [TIER], "pageWithin": "3m"}}, "set either tiers, or the goals of tiers"),
    ({"alerting": {"budgetAtPage": "60"}}, "write a share of the budget above 0 and up to 50 percent"),
    ({"alerting": {"confidence": "50"}}, "write a confidence of 80 to below 100 percent"),
    ({"alerting": {"minimumTraffic": "20"}}, "write events per second, minute, hour or day"),
    ({"alerting": {"minimumTraffic": "0/h"}}, "write a traffic above 0"),
    ({"alerting": {"pageWithin": "soon"}}, "write a duration such as 30d"),
    ({"indicator": {"ratio": {"total": "t"}}}, "set exactly one of bad or good"),
    ({"indicator": {"ratio": {"bad": "b", "good": "g", "total": "t"}}}, "set exactly one of bad or good"),
    ({"indicator": {"ratio": {"good": "g", "total": "t", "births": "Counted"}}}, "write bad and total as selectors"),
    (
        {"indicator": {"ratio": {"bad": "b", "total": "rate(t[$window])", "births": "Counted"}}},
        "births can be counted of",
    ),
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


@pytest.mark.parametrize(
    ("window", "length", "words"),
    [
        ({"rolling": "90m"}, 5_400, "90m"),
        ({"calendar": {"period": "Month", "timeZone": "Europe/Paris"}}, 30 * 86_400, "the month in Europe/Paris"),
        ({"calendar": {"period": "Quarter"}}, 90 * 86_400, "the quarter in UTC"),
    ],
)
def test_a_window_has_a_length_and_a_name(window: dict[str, Any], length: int, words: str) -> None:
    parsed = ServiceLevelObjective.parse(manifest(window=window))
    assert (parsed.window, str(parsed.spec.window)) == (length, words)


def test_identity_is_namespace_and_name() -> None:
    parsed = ServiceLevelObjective.parse(manifest(window="90m"))
    assert (parsed.slo_id, str(parsed.objective), parsed.window) == ("shop/checkout", "0.999", 5400)
