"""OpenSLO v1: every field is carried or reported, and what is exported comes back."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.integrations.dialects import (
    TARGET,
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

from ninefold.cli.convert.report import written_tiers
from ninefold.integrations.openslo import export, recognizes, translate
from ninefold.kube import yamltext
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

DOCUMENTS = documents("openslo.yaml")
SAMPLES = sorted((Path(__file__).parents[2] / "manifests" / "samples").glob("slo-*.yaml"))
MAPS = ("labels", "annotations", "connectionDetails")
LOST = [(13,)]
"""The document of which nothing is made, for one reason that is reported."""
UNSEEN = [
    # Names of objects in objects: nothing refers to them.
    *((index, "spec", "indicator", "metadata", "name") for index in range(7, 13)),
    (12, "spec", "objectives", 1, "indicator", "metadata", "name"),
    # Reported by name.
    (0, "metadata", "labels"),
    (0, "metadata", "annotations"),
    (7, "spec", "indicator", "metadata", "labels"),
    (7, "spec", "indicator", "metadata", "annotations"),
]

FIELDS = {
    "Metadata": {"name", "displayName", "labels.*", "annotations.*"},
    "DataSource": {"description", "type", "connectionDetails.*"},
    "Service": {"description"},
    "SLI": {"description", "ratioMetric.counter", "ratioMetric.rawType"},
    "Metric": {"metricSourceRef", "type", "spec.query", "spec.promql"},
    "SLO": {
        "description",
        "service",
        "indicatorRef",
        "timeWindow[].duration",
        "timeWindow[].isRolling",
        "timeWindow[].calendar.startTime",
        "timeWindow[].calendar.timeZone",
        "budgetingMethod",
        "objectives[].displayName",
        "objectives[].op",
        "objectives[].value",
        "objectives[].target",
        "objectives[].targetPercent",
        "objectives[].timeSliceTarget",
        "objectives[].timeSliceWindow",
        "objectives[].indicatorRef",
        "objectives[].compositeWeight",
        "alertPolicies[].alertPolicyRef",
    },
    "AlertPolicy": {
        "description",
        "alertWhenBreaching",
        "alertWhenResolved",
        "alertWhenNoData",
        "conditions[].conditionRef",
        "notificationTargets[].targetRef",
    },
    "AlertCondition": {
        "description",
        "severity",
        "condition.kind",
        "condition.op",
        "condition.threshold",
        "condition.lookbackWindow",
        "condition.alertAfter",
    },
    "AlertNotificationTarget": {"description", "target"},
}
"""Every field of OpenSLO v1 by type; objects may stand in objects."""
METRICS = {"thresholdMetric", *(f"ratioMetric.{each}" for each in ("good", "bad", "total", "raw"))}
INNER = {
    "indicator": "SLI",
    "objectives[].indicator": "SLI",
    "alertPolicies[]": "AlertPolicy",
    "conditions[]": "AlertCondition",
    "notificationTargets[]": "AlertNotificationTarget",
    **{f"{metric}.metricSource": "Metric" for metric in METRICS},
}


def typed(kind: str, field: str) -> tuple[str, str]:
    """The type that a field belongs to, and its name there; `field` is a path in an object of a kind."""
    if field.startswith("metadata."):
        return "Metadata", field.removeprefix("metadata.")
    field = field.removeprefix("spec.")
    for place, inner in INNER.items():
        rest = field.removeprefix(f"{place}.")
        if rest not in (field, "kind", "alertPolicyRef", "conditionRef", "targetRef"):
            return ("Metric", rest) if inner == "Metric" else typed(inner, rest)
    return kind, field


def slo(sli: Any = None, **spec: Any) -> dict[str, Any]:
    """An SLO; `sli` is the spec of its indicator, `spec` replaces fields."""
    usual = {
        "service": "cart",
        "indicator": {"metadata": {"name": "cart"}, "spec": sli or ratio("e_total", "t_total")},
        "timeWindow": [{"duration": "30d", "isRolling": True}],
        "budgetingMethod": "Occurrences",
        "objectives": [{"target": 0.999}],
    }
    return {"apiVersion": "openslo/v1", "kind": "SLO", "metadata": {"name": "cart"}, "spec": usual | spec}


def metric(query: str) -> dict[str, Any]:
    return {"metricSource": {"type": "Prometheus", "spec": {"query": query}}}


def ratio(bad: str, total: str, *, counter: bool = True) -> dict[str, Any]:
    return {"ratioMetric": {"counter": counter, "bad": metric(bad), "total": metric(total)}}


def threshold(query: str) -> dict[str, Any]:
    return {"thresholdMetric": metric(query)}


def policy(severity: str = "page", **condition: Any) -> dict[str, Any]:
    usual = {"kind": "burnrate", "op": "gt", "threshold": 14.4, "lookbackWindow": "1h"}
    inner = {"severity": severity, "condition": usual | condition}
    return {
        "kind": "AlertPolicy",
        "metadata": {"name": "p"},
        "spec": {
            "alertWhenBreaching": True,
            "conditions": [{"kind": "AlertCondition", "metadata": {"name": "c"}, "spec": inner}],
        },
    }


def test_the_documents_of_these_tests_have_every_field() -> None:
    found: dict[str, set[str]] = {}
    metrics: set[str] = set()
    for document in DOCUMENTS:
        for path in leaves(document):
            field = pattern(path, MAPS)
            metrics |= {metric for metric in METRICS if f"spec.{metric}.metricSource." in field}
            kind, name = typed(document["kind"], field)
            found.setdefault(kind, set()).add(name)
    for kind in ("apiVersion", "kind"):
        assert all(kind in document for document in DOCUMENTS)
    inline = {"alertPolicies[].kind", "conditions[].kind", "notificationTargets[].kind"}
    assert {kind: names - {"apiVersion", "kind"} - inline for kind, names in found.items()} == FIELDS
    assert metrics == METRICS


def test_no_field_is_dropped_in_silence() -> None:
    assert silent(translate, DOCUMENTS, [*LOST, *UNSEEN]) == []


def test_a_field_that_nobody_knows_is_reported() -> None:
    assert [place for place in unreported(translate, DOCUMENTS, LOST) if place[-1] not in MAPS] == []


def test_it_knows_its_documents_and_says_of_other_versions_that_it_does_not() -> None:
    assert all(map(recognizes, DOCUMENTS))
    assert not recognizes({"apiVersion": "pyrra.dev/v1alpha1"})
    other = {"apiVersion": "openslo/v1alpha", "kind": "SLO", "metadata": {"name": "a"}, "spec": {}}
    assert recognizes(other)
    assert "SLO of openslo/v1alpha is unknown" in said(outcome(translate, [other])[1], "Lost")


@pytest.mark.parametrize(
    ("objective", "found"),
    [
        ({"target": 0.9995}, "99.95"),
        ({"targetPercent": 99.9}, "99.9"),
        ({"target": 0.9999999}, "99.99999"),
        ({"target": 0.07}, "7"),
        ({"target": 0}, None),
        ({"target": 1}, None),
        ({"target": 99.5}, None),
        ({}, None),
    ],
)
def test_a_target_is_an_exact_percentage_or_refused(objective: Any, found: str | None) -> None:
    manifests, remarks = outcome(translate, [slo(objectives=[objective])])
    assert [made["spec"]["objective"] for made in manifests] == ([found] if found else [])
    assert bool(found) or "not converted" in said(remarks, "Lost")
    if objective == {"target": 99.5}:
        assert "write target: 0.995, or targetPercent: 99.5" in said(remarks)


@pytest.mark.parametrize(
    ("window", "found", "lost"),
    [
        ({"duration": "4w", "isRolling": True}, {"rolling": "4w"}, ""),
        ({"duration": "1M", "isRolling": True}, {"rolling": "30d"}, ""),
        ({"duration": "28d"}, {"rolling": "28d"}, ""),
        ({"duration": "28d", "isRolling": False}, {"rolling": "28d"}, "a calendar is missing"),
        ("1M 2026-03-01 00:00:00", {"calendar": {"period": "Month", "timeZone": "Europe/Paris"}}, ""),
        ("1Q 2026-04-01 00:00:00", {"calendar": {"period": "Quarter", "timeZone": "Europe/Paris"}}, ""),
        ("3M 2026-05-01 00:00:00", {"calendar": {"period": "Quarter", "timeZone": "Europe/Paris"}}, "does not begin"),
        ("1w 2026-03-02 00:00:00", {"calendar": {"period": "Week", "timeZone": "Europe/Paris"}}, ""),
        ("1w 2026-03-01 12:00:00", {"calendar": {"period": "Week", "timeZone": "Europe/Paris"}}, "does not begin"),
        ("1M 2026-02-30 00:00:00", {"calendar": {"period": "Month", "timeZone": "Europe/Paris"}}, "does not begin"),
        ("1Y 2026-01-01 00:00:00", {"rolling": "365d"}, "a period of 1Y is unknown"),
    ],
)
def test_windows(window: Any, found: Any, lost: str) -> None:
    if isinstance(window, str):
        length, start = window.split(" ", 1)
        window = {"duration": length, "calendar": {"startTime": start, "timeZone": "Europe/Paris"}}
    (made,), remarks = outcome(translate, [slo(timeWindow=[window])])
    assert made["spec"]["window"] == found
    assert lost in said(remarks, "Lost")
    assert lost or not said(remarks, "Lost")


@pytest.mark.parametrize(
    ("op", "found"),
    [
        ("lte", {"badAbove": "0.5"}),
        ("lt", {"badAbove": "0.5"}),
        ("gte", {"badBelow": "0.5"}),
        ("gt", {"badBelow": "0.5"}),
    ],
)
def test_a_threshold_is_a_gauge_that_is_bad_on_its_other_side(op: str, found: Any) -> None:
    document = slo(threshold("queue_seconds"), objectives=[{"target": 0.99, "op": op, "value": 0.5}])
    assert one(translate, document)["indicator"]["gauge"] == {"query": "queue_seconds", **found}


@pytest.mark.parametrize(
    ("sli", "found"),
    [
        (ratio("e", "t"), {"ratio": {"bad": "e", "total": "t"}}),
        (ratio("sum(e)", "sum(t)"), {"ratio": {"bad": "e", "total": "t"}}),
        (
            ratio("sum(increase(e[5m]))", "sum(increase(t[1h] offset 1m))", counter=False),
            {"ratio": {"bad": "sum(rate(e[$window]))", "total": "sum(rate(t[$window] offset 1m))"}},
        ),
        (
            ratio('sum(rate(e{a="[5m]"}[{{.window}}]))', "sum(rate(t[$window]))"),
            {"ratio": {"bad": 'sum(rate(e{a="[5m]"}[$window]))', "total": "sum(rate(t[$window]))"}},
        ),
        (
            ratio("broken", "wanted", counter=False),
            {"errorRatio": {"query": "avg_over_time(((sum(broken) or 0 * sum(wanted)) / sum(wanted))[$window:1m])"}},
        ),
        (
            {"ratioMetric": {"rawType": "failure", "raw": metric("bad_ratio")}},
            {"errorRatio": {"query": "avg_over_time(bad_ratio[$window])"}},
        ),
        (
            {"ratioMetric": {"rawType": "success", "raw": metric("a / b")}},
            {"errorRatio": {"query": "1 - (avg_over_time((a / b)[$window:1m]))"}},
        ),
        (
            {"ratioMetric": {"rawType": "success", "raw": metric("sum(rate(a[5m])) / sum(rate(b[5m]))")}},
            {"errorRatio": {"query": "1 - (sum(rate(a[$window])) / sum(rate(b[$window])))"}},
        ),
    ],
)
def test_ratios(sli: Any, found: Any) -> None:
    indicator = one(translate, slo(sli))["indicator"]
    assert indicator == found
    for query in next(iter(indicator.values())).values():
        promql_parser.parse(query.replace("$window", "5m"))


def test_each_budgeting_method_has_its_form() -> None:
    slices = {"timeSliceTarget": 0.95, "timeSliceWindow": "10m"}
    made = one(translate, slo(budgetingMethod="Timeslices", objectives=[{"target": 0.99, **slices}]))
    assert made["timeSlices"] == {"target": "95", "length": "10m"}
    made = one(translate, slo(budgetingMethod="RatioTimeslices", objectives=[{"target": 0.99, "timeSliceWindow": 5}]))
    total = "sum(rate(t_total[$window]))"
    query = f"(sum(rate(e_total[$window])) or 0 * {total}) / {total}"
    assert made["indicator"] == {"errorRatio": {"query": query}}
    assert "timeSlices" not in made


@pytest.mark.parametrize(
    ("objective", "found", "severity"),
    [
        ({"timeSliceTarget": 1, "timeSliceWindow": 1}, {"target": "99.9999999", "length": "1m"}, "Changed"),
        ({"timeSliceTarget": 0.9, "timeSliceWindow": "60m"}, {"target": "90", "length": "1h"}, ""),
        ({"timeSliceTarget": 0.9, "timeSliceWindow": "1d"}, {"target": "90", "length": "1h"}, "Lost"),
    ],
)
def test_slices_that_we_do_not_have(objective: Any, found: Any, severity: str) -> None:
    document = slo(budgetingMethod="Timeslices", objectives=[{"target": 0.99, **objective}])
    (made,), remarks = outcome(translate, [document])
    assert made["spec"]["timeSlices"] == found
    assert {remark.severity for remark in remarks if "objectives" in remark.path} == ({severity} if severity else set())


def test_several_objectives_become_several_objects() -> None:
    written = [{"displayName": "Most", "target": 0.99}, {"target": 0.999}, {"displayName": "most", "target": 0.9999}]
    manifests, _ = outcome(translate, [slo(objectives=written)])
    assert [(made["metadata"]["name"], made["spec"]["objective"]) for made in manifests] == [
        ("cart-most-1", "99"),
        ("cart-2", "99.9"),
        ("cart-most-3", "99.99"),
    ]


def test_a_policy_is_a_tier_with_a_short_window_and_the_slowest_is_added() -> None:
    alerting = one(translate, slo(alertPolicies=[policy(), policy("sev3", threshold=3, lookbackWindow="1d")]))[
        "alerting"
    ]
    assert alerting["tiers"] == [
        {"burnRate": "14.4", "long": "1h", "short": "5m", "severity": "Page"},
        {"burnRate": "3", "long": "1d", "short": "2h", "severity": "Ticket"},
        {"burnRate": "1", "long": "3d", "short": "6h", "severity": "Ticket"},
    ]
    assert one(translate, slo())["alerting"] == {"disabled": True}, "no policy, no alert"


@pytest.mark.parametrize(("op", "severity"), [("gt", ""), ("gte", "Changed"), ("lte", "Lost"), ("lt", "Lost")])
def test_the_direction_of_a_condition(op: str, severity: str) -> None:
    (made,), remarks = outcome(translate, [slo(alertPolicies=[policy(op=op, threshold=1)])])
    assert len(made["spec"]["alerting"]["tiers"]) == 1
    assert {remark.severity for remark in remarks if remark.path[-1:] == ("op",)} == ({severity} if severity else set())


def test_the_same_alert_twice_is_one_tier() -> None:
    (made,), remarks = outcome(translate, [slo(alertPolicies=[policy(threshold=1), policy(threshold=1)])])
    assert len(made["spec"]["alerting"]["tiers"]) == 1
    assert "the same alert occurs twice" in said(remarks, "Changed")


def test_more_alerts_than_tiers_keep_the_fastest_and_the_slowest() -> None:
    policies = [policy(threshold=rate) for rate in range(1, 12)]
    (made,), remarks = outcome(translate, [slo(alertPolicies=policies)])
    rates = [tier["burnRate"] for tier in made["spec"]["alerting"]["tiers"]]
    assert rates == ["11", "10", "9", "8", "7", "6", "5", "1"]
    assert "there are 11 alerts" in said(remarks, "Lost")


@pytest.mark.parametrize("kind", ["SLI", "AlertPolicy", "AlertCondition", "AlertNotificationTarget", "DataSource"])
def test_a_reference_that_leads_nowhere_is_reported(kind: str) -> None:
    given = [document for document in DOCUMENTS if document["kind"] not in (kind, "SLO")]
    _, remarks = outcome(translate, [*given, DOCUMENTS[6]])
    assert f"the {kind} " in said(remarks)
    assert "is not in the input" in said(remarks)


def composite(method: str, *parts: tuple[float, float]) -> Any:
    sli = {"metadata": {"name": "s"}, "spec": ratio("e", "t")}
    slices = {"timeSliceTarget": 0.9, "timeSliceWindow": "5m"} if method == "Timeslices" else {}
    objectives = [{"target": target, "compositeWeight": weight, "indicator": sli, **slices} for target, weight in parts]
    document = slo(budgetingMethod=method, objectives=objectives)
    del document["spec"]["indicator"]
    return document


@given(
    st.lists(st.tuples(st.integers(1, 9999), st.integers(1, 20), st.floats(0, 1)), min_size=2, max_size=6),
)
def test_a_composite_burns_at_the_sum_of_its_components(parts: list[tuple[int, int, float]]) -> None:
    """OpenSLO: a component that burns its budget burns the whole at the same rate times its weight."""
    targets = [(1 - budget / 10_000, weight) for budget, weight, _ in parts]
    *components, whole = outcome(translate, [composite("Occurrences", *targets)])[0]
    assert [made["metadata"]["name"] for made in components] == [f"cart-{index}" for index in range(1, len(parts) + 1)]
    written = whole["spec"]["indicator"]["composite"]
    weights = [float(each.get("weight", "1")) for each in written["components"]]
    errors = [error for _, _, error in parts]
    mean = sum(weight * error for weight, error in zip(weights, errors, strict=True)) / sum(weights)
    ours = mean / (1 - float(whole["spec"]["objective"]) / 100)
    theirs = sum(weight * error / (budget / 10_000) for budget, weight, error in parts)
    # The objective has seven decimals of a percent.
    assert ours == pytest.approx(theirs, rel=1e-2, abs=1e-9)


def test_the_other_methods_of_composites_say_what_differs() -> None:
    *_, whole = outcome(translate, [composite("RatioTimeslices", (0.95, 1), (0.9, 3))])[0]
    assert whole["spec"]["objective"] == "98.75", "the strictest budget over the sum of weights"
    (*parts, whole), remarks = outcome(translate, [composite("Timeslices", (0.95, 1), (0.9, 3))])
    assert whole["spec"]["indicator"]["composite"]["mode"] == "Serial"
    assert all("timeSlices" in made["spec"] for made in parts)
    assert "timeSlices" not in whole["spec"]
    assert "a slice is not bad as a whole" in said(remarks, "Lost")


def there_and_back(manifest: Any) -> Any:
    """A manifest, exported, printed, read and imported."""
    exported = export([(manifest, written_tiers(ServiceLevelObjective.parse(manifest)))])
    text = yamltext.stream(made.manifest for made in exported.made)
    (made,), remarks = outcome(translate, list(yaml.safe_load_all(text)))
    assert said(remarks) == "", "what comes back is no loss"
    return made


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda path: str(path.stem))
def test_every_sample_comes_back(sample: Path) -> None:
    for manifest in yaml.safe_load_all(sample.read_text()):
        assert there_and_back(manifest) == manifest


_selector = st.sampled_from(
    ["http_total", 'http_total{job="a",code=~"5.."}', "up{a!='b'}", '{__name__="x", y="\\\\d"}']
)
_rate = st.sampled_from(["sum(rate(a[$window]))", 'sum by (x) (increase(b{c="[5m]"}[$window]))', "rate(c[$window:1m])"])
_query = _selector | _rate
_percent = st.decimals(min_value="0.0000001", max_value="99.9999999", places=7).map(lambda value: f"{value:f}")
_simple = st.sampled_from(["99.9", "99", "95.5", "99.90", "9", "0.5"])
_objective = _percent | _simple
_level = st.sampled_from(["0.9", "-5", "3600", "0.90", "12345678901234.123456789"])
_name = st.from_regex(r"[a-z][a-z0-9]{0,8}([.-][a-z0-9]{1,9}){0,8}", fullmatch=True)
_window = st.one_of(
    st.sampled_from(["30d", "4w", "36h", "90m"]).map(lambda text: {"rolling": text}),
    st.fixed_dictionaries(
        {"period": st.sampled_from(["Week", "Month", "Quarter"])},
        optional={"timeZone": st.sampled_from(["UTC", "Europe/Paris"])},
    ).map(lambda calendar: {"calendar": calendar}),
)
_tier = st.fixed_dictionaries(
    {
        "burnRate": st.sampled_from(["1", "0.5"]),
        "long": st.sampled_from(["30m", "1h", "90m"]),
        "short": st.sampled_from(["5m", "30m"]),
        "severity": st.sampled_from(["Page", "Ticket"]),
    },
    optional={"for": st.just("10m")},
)
_text = st.text(st.characters(codec="utf-8", exclude_characters="{", exclude_categories=("C", "Z")), max_size=20)
_alerting = st.fixed_dictionaries(
    {},
    optional={
        "disabled": st.booleans(),
        "name": st.sampled_from(["CartBurns", "cart: too many errors"]),
        "page": st.fixed_dictionaries(
            {}, optional={"name": st.just("Page"), "disabled": st.booleans(), "runbook": _text}
        ),
        "ticket": st.just({"labels": {"channel": "#cart"}}),
        "tiers": st.lists(_tier, min_size=1, max_size=3, unique_by=lambda tier: str(tier["long"])),
        "minimumErrors": st.integers(1, 100),
        "confidence": st.just("95"),
        "minimumTraffic": st.just("20/h"),
        "scrapeInterval": st.just("15s"),
        "labels": st.dictionaries(st.sampled_from(["team", "rota"]), _text, max_size=2),
        "annotations": st.dictionaries(st.sampled_from(["summary", "note"]), _text, max_size=2),
        "runbook": _text,
        "dashboard": _text,
    },
)
_indicator = st.one_of(
    st.builds(lambda bad, total: {"ratio": {"bad": bad, "total": total}}, _query, _query),
    st.builds(lambda good, total: {"ratio": {"good": good, "total": total}}, _query, _query),
    st.fixed_dictionaries({"query": _rate}, optional={"traffic": _query}).map(lambda ratio: {"errorRatio": ratio}),
    st.fixed_dictionaries(
        {
            "histogram": st.sampled_from(["h", 'h_seconds{job="a"}', "h{a=~'b|c'}"]),
            "threshold": st.sampled_from(["300ms", "2.5s", "1m", "250", "0.30"]),
        },
        optional={"buckets": st.sampled_from(["Classic", "Native"])},
    ).map(lambda latency: {"latency": latency}),
    _selector.map(lambda selector: {"boolean": {"selector": selector}}),
    st.builds(
        lambda query, side, level: {"gauge": {"query": query, side: level}},
        _selector | st.just("time() - backup_seconds"),
        st.sampled_from(["badAbove", "badBelow"]),
        _level,
    ),
    st.builds(
        lambda mode, weight, of: {
            "composite": {
                "mode": mode,
                "components": [
                    {"objective": "a", **({"weight": weight} if mode == "Weighted" else {})},
                    {"objective": "b.c"},
                ],
                **({"trafficOf": "a"} if of else {}),
            }
        },
        st.sampled_from(["Serial", "Parallel", "Weighted"]),
        st.sampled_from(["1", "2.5"]),
        st.booleans(),
    ),
)
_spec: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {
        "service": st.sampled_from(["cart", "Web.shop_1"]),
        "objective": _objective,
        "window": _window,
        "indicator": _indicator,
    },
    optional={
        "description": _text,
        "groupBy": st.just(["region"]),
        "timeSlices": st.fixed_dictionaries({"target": _objective}, optional={"length": st.sampled_from(["1m", "1h"])}),
        "dependsOn": st.just(["db"]),
        "agreement": st.just({"objective": "99", "credits": [{"below": "95", "percent": "10"}]}),
        "suspend": st.booleans(),
        "alerting": _alerting,
    },
)


@st.composite
def manifests(draw: st.DrawFn) -> dict[str, Any]:
    """Objectives as people may write them."""
    spec = draw(_spec)
    if "composite" in spec["indicator"]:
        spec.pop("timeSlices", None)
    metadata: dict[str, Any] = {"name": draw(_name), "namespace": draw(st.sampled_from(["shop", "default"]))}
    labels = draw(st.dictionaries(st.sampled_from(["app", "example.com/tier", "team"]), st.just("a.b"), max_size=3))
    annotations = draw(
        st.dictionaries(
            st.sampled_from(["note", "ninefold.dev/sloth-slo", "ninefold.dev/display-name", "example.com/x"]),
            _text.filter(bool),
            max_size=4,
        )
    )
    metadata |= {name: value for name, value in (("labels", labels), ("annotations", annotations)) if value}
    made = {"apiVersion": "ninefold.dev/v1alpha1", "kind": "ServiceLevelObjective", "metadata": metadata, "spec": spec}
    try:
        written_tiers(ServiceLevelObjective.parse(made))
    except Stalled:
        # With so little traffic its alerts could never fire.
        del spec["alerting"]["minimumTraffic"]
    return made


@given(manifests())
def test_every_objective_comes_back(manifest: dict[str, Any]) -> None:
    usual = copy.deepcopy(manifest)
    back = there_and_back(manifest)
    assert manifest == usual, "what is exported is not touched"
    assert back == manifest


def exported(manifest: dict[str, Any]) -> tuple[dict[str, Any], str]:
    """The SLO, and the report."""
    result = export([(manifest, written_tiers(ServiceLevelObjective.parse(manifest)))])
    return result.made[-1].manifest, said(result.remarks)


LATENCY: dict[str, Any] = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "ServiceLevelObjective",
    "metadata": {"name": "cart", "namespace": "shop"},
    "spec": {
        "service": "cart",
        "objective": "99.9",
        "window": {"rolling": "30d"},
        "indicator": {"latency": {"histogram": 'h{job="cart"}', "threshold": "300ms"}},
        "groupBy": ["region"],
        "alerting": {"runbook": "cart"},
    },
}


def test_an_edit_after_the_export_counts_for_what_was_edited_and_no_more() -> None:
    document, _ = exported(LATENCY)
    document["spec"]["objectives"][0]["targetPercent"] = 99.5
    spec = one(translate, document)
    assert spec == {**LATENCY["spec"], "objective": "99.5"}
    document["spec"]["indicator"]["spec"]["ratioMetric"]["total"] = metric("g_count")
    (made,), remarks = outcome(translate, [document])
    bucket = 'h_bucket{job="cart",le="0.3"}'
    assert made["spec"]["indicator"] == {"ratio": {"good": bucket, "total": "g_count"}}
    assert made["spec"]["groupBy"] == ["region"]
    assert "the indicator from the export is not used" in said(remarks, "Changed")


def test_a_number_written_in_another_way_is_no_edit() -> None:
    manifest = copy.deepcopy(LATENCY)
    manifest["spec"] |= {"objective": "99.0", "timeSlices": {"target": "0.0000001"}}
    document, _ = exported(manifest)
    (objective,) = document["spec"]["objectives"]
    objective |= {"targetPercent": 99.0, "timeSliceTarget": "1e-09"}
    document["spec"]["alertPolicies"][1]["spec"]["conditions"][0]["spec"]["condition"]["threshold"] = 6.0
    assert one(translate, document) == manifest["spec"]


def test_what_others_will_not_see_is_reported() -> None:
    document, report = exported(LATENCY)
    for what in ("groupBy: OpenSLO cannot say the budget of each group", "runbook", "one condition", "namespace shop"):
        assert what in report
    rates = [each["spec"]["conditions"][0]["spec"]["condition"] for each in document["spec"]["alertPolicies"]]
    assert [(rate["threshold"], rate["lookbackWindow"], rate["op"]) for rate in rates] == [
        (14.4, "1h", "gt"),
        (6, "6h", "gt"),
        (3, "1d", "gt"),
        (1, "3d", "gt"),
    ]
    assert json.loads(document["metadata"]["annotations"]["ninefold.dev/metadata"]) == {"namespace": "shop"}


@given(damaged(DOCUMENTS))
def test_no_known_field_is_said_to_be_unknown(given: list[Any]) -> None:
    """Neither where nothing is made for another reason, nor where another field stands in its place."""
    assert denied(translate, given, DOCUMENTS) == []


@given(damaged([*DOCUMENTS, exported(LATENCY)[0]]))
def test_no_document_makes_it_fail(given: list[Any]) -> None:
    outcome(translate, given)


def test_annotations_that_were_tampered_with_make_nothing_fail() -> None:
    document, _ = exported(LATENCY)
    for text in ("{", "[]", '{"alerting": 1}', '{"alerting": {"of": 1}}', ""):
        document["metadata"]["annotations"]["ninefold.dev/spec"] = text
        outcome(translate, [document])
    document, _ = exported(LATENCY)
    document["spec"]["alertPolicies"] = [{1: 2, "a": 3}]
    outcome(translate, [document])
    more = copy.deepcopy(document["spec"]["objectives"][0])
    document["spec"]["objectives"].append({**more, "targetPercent": 99})
    manifests, remarks = outcome(translate, [document])
    assert len(manifests) == 2
    assert "the kept value from the export is not used" in said(remarks, "Changed")


def test_numbers_are_written_as_numbers_and_read_as_the_same_decimals() -> None:
    manifest = copy.deepcopy(LATENCY)
    for written in ("99.9999999", "0.0000001", "12.3456789"):
        manifest["spec"]["objective"] = written
        document, _ = exported(manifest)
        assert Decimal(repr(document["spec"]["objectives"][0]["targetPercent"])) == Decimal(written)
    assert TARGET.namespace == "default"
