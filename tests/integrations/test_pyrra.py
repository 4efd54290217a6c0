"""Pyrra's objectives: every field is carried or reported, and what is carried means the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.integrations.dialects import (
    damaged,
    denied,
    documents,
    leaves,
    one,
    outcome,
    pattern,
    said,
    silent,
    unreported,
)

from ninefold.cli.convert.import_ import checked
from ninefold.integrations.pyrra import recognizes, translate

DOCUMENTS = documents("pyrra.yaml")
MAPS = ("labels", "annotations", "shortRulesLabels", "longRulesLabels")
LOST = [(7,)]
"""The document of which nothing is made, for one reason that is reported."""
WHOLE = [(0, "status")]

FIELDS = {
    "description",
    "target",
    "window",
    "partial_response_strategy",
    "performanceOverAccuracy",
    "ruleOutput.shortRulesLabels.*",
    "ruleOutput.longRulesLabels.*",
    "ruleOutput.enableDescriptionAsLabel",
    *(f"indicator.ratio.{each}.metric" for each in ("errors", "success", "total")),
    *(f"indicator.latency.{each}.metric" for each in ("success", "total")),
    "indicator.latencyNative.total.metric",
    "indicator.latencyNative.latency",
    "indicator.bool_gauge.metric",
    *(f"indicator.{each}.grouping[]" for each in ("ratio", "latency", "latencyNative", "bool_gauge")),
    *(f"alerting.{each}" for each in ("disabled", "burnrates", "absent", "name", "absentName")),
    *(f"alerting.severities.{each}" for each in ("absent", "fastBurn", "mediumBurn", "slowBurn", "longTermBurn")),
}
"""Every field of the spec in Pyrra's types of 2026."""


def objective(indicator: dict[str, Any] | None = None, labels: dict[str, str] | None = None, **spec: Any) -> Any:
    indicator = indicator or {"ratio": {"errors": {"metric": "e_total"}, "total": {"metric": "t_total"}}}
    return {
        "apiVersion": "pyrra.dev/v1alpha1",
        "kind": "ServiceLevelObjective",
        "metadata": {"name": "cart", "namespace": "shop", "labels": labels or {}},
        "spec": {"target": "99.9", "window": "30d", "indicator": indicator, "alerting": {"absent": False}} | spec,
    }


def latency(good: str, total: str) -> Any:
    return {"latency": {"success": {"metric": good}, "total": {"metric": total}}}


def test_the_documents_of_these_tests_have_every_field() -> None:
    assert {pattern(path, MAPS) for document in DOCUMENTS for path in leaves(document["spec"])} == FIELDS


def test_no_field_is_dropped_in_silence() -> None:
    assert silent(translate, DOCUMENTS, [*LOST, *WHOLE]) == []


def test_a_field_that_nobody_knows_is_reported() -> None:
    assert [place for place in unreported(translate, DOCUMENTS, [*LOST, *WHOLE]) if place[-1] not in MAPS] == []


@given(damaged(DOCUMENTS))
def test_no_known_field_is_said_to_be_unknown(given: list[Any]) -> None:
    """Neither where nothing is made for another reason, nor where another field stands in its place."""
    assert denied(translate, given, DOCUMENTS) == []


@given(damaged(DOCUMENTS))
def test_no_document_makes_it_fail(given: list[Any]) -> None:
    outcome(translate, given)


def test_it_knows_its_documents() -> None:
    assert all(map(recognizes, DOCUMENTS))
    assert not recognizes({"apiVersion": "ninefold.dev/v1alpha1"})


@pytest.mark.parametrize(
    ("target", "found"),
    [("99.90", "99.9"), ("99", "99"), (" 99.5 ", "99.5"), ("100", "leaves no"), ("0", "promises nothing")]
    + [(wrong, "this is not a number") for wrong in ("", "all", "NaN", "inf", "1e999999", "1e-999999")],
)
def test_the_target_is_an_exact_decimal_or_refused(target: str, found: str) -> None:
    manifests, remarks = outcome(translate, [objective(target=target)])
    assert [made["spec"]["objective"] for made in manifests] == ([found] if found[0] == "9" else [])
    assert manifests or found in said(remarks, "Lost")


@pytest.mark.parametrize(
    ("written", "carried"),
    [("4w", "4w"), ("28d", "28d"), ("1w2d", "9d"), ("36h", "36h"), ("1d12h", "36h"), ("1y", "365d")],
)
def test_a_window_is_written_in_one_unit(written: str, carried: str) -> None:
    assert one(translate, objective(window=written))["window"] == {"rolling": carried}


def test_a_bucket_and_the_count_of_the_same_series_are_a_latency() -> None:
    made = one(translate, objective(latency('h_bucket{job="a",le="0.250"}', 'h_count{job="a"}')))
    assert made["indicator"] == {"latency": {"histogram": 'h{job="a"}', "threshold": "0.25"}}
    made = one(translate, objective(latency('h_bucket{le="2"}', "h_count")))
    assert made["indicator"] == {"latency": {"histogram": "h", "threshold": "2"}}


@pytest.mark.parametrize(
    ("good", "total"),
    [
        ('h_bucket{code="200",le="0.25"}', "h_count"),
        ('h_bucket{le="+Inf"}', "h_count"),
        ('h_bucket{le="0.25"}', "g_count"),
        ('fast_total{le="0.25"}', "h_count"),
    ],
)
def test_other_pairs_stay_a_ratio_and_mean_the_same(good: str, total: str) -> None:
    assert one(translate, objective(latency(good, total)))["indicator"] == {"ratio": {"good": good, "total": total}}


@pytest.mark.parametrize(
    ("written", "threshold"), [("200ms", "200ms"), ("1s", "1s"), ("1m30s", "90s"), ("1s500ms", "1.5s")]
)
def test_a_native_histogram_keeps_its_threshold(written: str, threshold: str) -> None:
    made = one(translate, objective({"latencyNative": {"total": {"metric": "h"}, "latency": written}}))
    assert made["indicator"]["latency"] == {"histogram": "h", "threshold": threshold, "buckets": "Native"}


def test_without_a_total_it_is_the_sum_of_both() -> None:
    parts = {"errors": {"metric": 'r{ok="no"}'}, "success": {"metric": 'r{ok="yes"}'}}
    bad, good = ('sum (rate(r{ok="no"}[$window]))', 'sum (rate(r{ok="yes"}[$window]))')
    made = one(translate, objective({"ratio": parts}))["indicator"]["ratio"]
    assert made == {"bad": 'r{ok="no"}', "total": f"{bad} + {good} or {good} or {bad}"}


def test_a_service_is_taken_from_a_label_and_else_from_the_name() -> None:
    assert one(translate, objective(labels={"pyrra.dev/service": "basket"}))["service"] == "basket"
    (made,), remarks = outcome(translate, [objective()])
    assert made["spec"]["service"] == "cart"
    assert "Pyrra has no service" in said(remarks, "Changed")


def test_alerts_that_are_off_are_off_and_the_one_about_absence_is_its_own() -> None:
    def lost(**alerting: Any) -> tuple[bool, bool]:
        (made,), remarks = outcome(translate, [objective(alerting=alerting)])
        return made["spec"].get("alerting", {}).get("disabled", False), "SLOMetricAbsent" in said(remarks, "Lost")

    assert lost() == (False, True)
    assert lost(absent=False) == (False, False)
    assert lost(burnrates=False, absent=False) == (True, False)
    assert lost(disabled=True) == (True, True)


def tiers(window: str = "28d", target: str = "99.9", **severities: str) -> list[tuple[str, ...]]:
    alerting = {"absent": False, "severities": severities}
    found = one(translate, objective(window=window, target=target, alerting=alerting))["alerting"]["tiers"]
    return [
        (*(tier[name] for name in ("burnRate", "long", "short")), tier.get("for", ""), tier["severity"])
        for tier in found
    ]


def test_alerts_are_pyrras_to_the_minute() -> None:
    assert tiers() == [
        ("14", "1h", "5m", "2m", "Page"),
        ("7", "6h", "30m", "15m", "Page"),
        ("2", "1d", "2h", "1h", "Ticket"),
        ("1", "4d", "6h", "3h", "Ticket"),
    ]
    assert [tier[3] for tier in tiers("30d")] == ["2m", "16m", "64m", "193m"], "as Pyrra rounds them"
    assert [tier[1:3] for tier in tiers("30d")] == [
        ("65m", "5m"),
        ("385m", "30m"),
        ("1545m", "130m"),
        ("6170m", "385m"),
    ]


def test_windows_that_are_no_multiples_of_our_step_are_named() -> None:
    _, remarks = outcome(translate, [objective(window="30d")])
    assert "windows of 1h4m/5m and 6h26m/32m and 1d1h43m/2h9m and 4d6h51m/6h26m are 1h5m/5m and 6h25m/30m and " in said(
        remarks, "Changed"
    )
    _, remarks = outcome(translate, [objective(window="4w")])
    assert "whole multiples of 5m" not in said(remarks)


@pytest.mark.parametrize("bound", ["", '{le=~"0.25|0.5"}', '{le!="+Inf"}', '{le=~".+"}'])
def test_a_latency_that_counts_several_buckets_is_refused(bound: str) -> None:
    """One of Pyrra's own examples has none: each event would be good in every bucket above it."""
    made, remarks = outcome(translate, [objective(latency(f"h_bucket{bound}", "h_count"))])
    assert made == []
    assert "the metric of success does not select a single bucket" in said(remarks, "Lost")
    assert 'write le="0.3" with the intended bound' in said(remarks, "Lost")


@pytest.mark.parametrize("bound", ['="1"', '="1.0"', '=~"1|1.0"', r'=~"1(\\.0)?"'])
def test_one_bound_in_the_forms_of_two_prometheis_is_one(bound: str) -> None:
    made = one(translate, objective(latency(f"h_bucket{{le{bound}}}", "h_count")))
    assert made["indicator"] == {"latency": {"histogram": "h", "threshold": "1"}}


def test_an_offset_is_carried_into_the_rate() -> None:
    """As in one of Pyrra's own examples; a selector of ours cannot have one."""
    ratio = {"errors": {"metric": 'r{code="500"} offset 1m'}, "total": {"metric": "r offset 1m"}}
    (made,), _ = outcome(translate, [objective({"ratio": ratio})])
    assert made["spec"]["indicator"]["ratio"] == {
        "bad": 'rate(r{code="500"}[$window] offset 1m)',
        "total": "rate(r[$window] offset 1m)",
    }
    assert checked([made], "default")[0] == {}


def test_an_alert_that_never_fires_in_pyrra_either_is_left_out() -> None:
    assert [tier[0] for tier in tiers(target="90")] == ["7", "2", "1"]
    _, remarks = outcome(translate, [objective(target="90")])
    assert "there is no alert at 14" in said(remarks, "Changed")


@pytest.mark.parametrize("window", ["1h", "6h", "1d", "3d", "7d", "2w", "28d", "30d", "90d", "1y"])
@pytest.mark.parametrize("target", ["50", "90", "95", "99", "99.99"])
def test_the_tiers_of_any_window_are_accepted(window: str, target: str) -> None:
    (made,), _ = outcome(translate, [objective(window=window, target=target)])
    assert checked([made], "default")[0] == {}


def test_severities_are_carried() -> None:
    def severities(**written: str) -> list[str]:
        return [tier[-1] for tier in tiers(**written)]

    assert severities(fastBurn="page", slowBurn="ticket", longTermBurn="Warning") == [
        "Page",
        "Page",
        "Ticket",
        "Ticket",
    ]
    assert severities(mediumBurn="warning") == ["Page", "Ticket", "Ticket", "Ticket"]
    assert severities(fastBurn="info", longTermBurn="critical") == ["Page", "Page", "Ticket", "Page"]


LABEL = '"exported_service", "$1", "service", "(.*)"'


@pytest.mark.parametrize(
    ("indicator", "found"),
    [
        (
            {"ratio": {"errors": {"metric": "e"}, "total": {"metric": "t"}}},
            {
                "ratio": {
                    "bad": f"label_replace(rate(e[$window]), {LABEL})",
                    "total": f"label_replace(rate(t[$window]), {LABEL})",
                }
            },
        ),
        (
            latency('h_bucket{le="0.25"}', "h_count"),
            {
                "ratio": {
                    "good": f'label_replace(rate(h_bucket{{le="0.25"}}[$window]), {LABEL})',
                    "total": f"label_replace(rate(h_count[$window]), {LABEL})",
                }
            },
        ),
        ({"bool_gauge": {"metric": "up"}}, {"gauge": {"query": f"label_replace(up, {LABEL})", "badBelow": "1"}}),
    ],
)
def test_a_grouping_by_a_label_that_we_write_is_exported(indicator: Any, found: Any) -> None:
    (kind,) = indicator
    document = objective({kind: {**indicator[kind], "grouping": ["zone", "service"]}})
    (made,), remarks = outcome(translate, [document])
    assert made["spec"]["groupBy"] == ["zone", "exported_service"]
    assert made["spec"]["indicator"] == found
    assert "the label service becomes exported_service" in said(remarks, "Changed")
    assert checked([made], "default")[0] == {}


@pytest.mark.parametrize(
    "indicator",
    [
        {"latencyNative": {"total": {"metric": "h"}, "latency": "200ms"}},
        {"ratio": {"errors": {"metric": "e"}, "success": {"metric": "s"}}},
    ],
)
def test_so_are_the_queries_that_we_write(indicator: Any) -> None:
    (kind,) = indicator
    labels = [f"label_{number}" for number in range(14)] + ["service", "severity"]
    (made,), _ = outcome(translate, [objective({kind: {**indicator[kind], "grouping": labels}})])
    assert made["spec"]["groupBy"] == [*labels[:14], "exported_service", "exported_severity"]
    assert checked([made], "default")[0] == {}, "16 labels, two of them ours"


def test_an_exported_label_that_is_there_already_is_exported_once_more() -> None:
    ratio = {"errors": {"metric": "e"}, "total": {"metric": "t"}, "grouping": ["service", "exported_service"]}
    assert one(translate, objective({"ratio": ratio}))["groupBy"] == ["exported_exported_service", "exported_service"]


def test_labels_of_the_rule_object_are_named() -> None:
    _, remarks = outcome(translate, [objective(labels={"prometheus": "k8s", "pyrra.dev/team": "web"})])
    assert "--rule-labels prometheus=k8s if" in said(remarks, "Lost")
    _, remarks = outcome(translate, [objective(labels={"app": "cart"})])
    assert "--rule-labels app=cart if" in said(remarks, "Changed"), "seldom selected by, and named all the same"


def test_labels_and_annotations_for_pyrras_rules_reach_our_alerts() -> None:
    document = objective(labels={"pyrra.dev/team": "web", "app": "cart"})
    document["metadata"]["annotations"] = {
        "pyrra.dev/summary": "{{ $labels.slo }}",
        "pyrra.dev/dashboard": "d",
        "a": "b",
    }
    (made,), _ = outcome(translate, [document])
    assert made["metadata"]["labels"] == {"pyrra.dev/team": "web", "app": "cart"}
    assert {name: value for name, value in made["spec"]["alerting"].items() if name != "tiers"} == {
        "labels": {"team": "web"},
        "dashboard": "d",
        "annotations": {"summary": "{{ $labels.slo_name }}"},
    }


@pytest.mark.parametrize(
    "indicator", [{}, {"bool_gauge": {"metric": "up"}, "ratio": {}}, {"ratio": {"total": {"metric": "t"}}}]
)
def test_an_indicator_that_is_none_is_refused(indicator: Any) -> None:
    document = objective()
    document["spec"]["indicator"] = indicator
    manifests, remarks = outcome(translate, [document])
    assert manifests == []
    assert "it is not converted" in said(remarks, "Lost")
