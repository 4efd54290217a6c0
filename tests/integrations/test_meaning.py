"""What a query means over a window: what adds up over time is carried exactly, everything else is named."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.integrations.dialects import outcome, said
from tests.integrations.test_openslo import ratio, slo
from tests.integrations.test_sloth import plain
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.integrations import openslo, sloth
from ninefold.integrations.translation import queries
from ninefold.integrations.translation.meaning import WindowMeaning

ADDITIVE, GUARDED, JUDGED, LEVEL, MOMENTARY = (
    WindowMeaning.ADDITIVE,
    WindowMeaning.GUARDED,
    WindowMeaning.JUDGED,
    WindowMeaning.LEVEL,
    WindowMeaning.MOMENTARY,
)
SECOND, WINDOW = False, True


@pytest.mark.parametrize(
    ("query", "kind", "per_window", "why"),
    [
        ("sum(rate(a[$window]))", ADDITIVE, SECOND, ""),
        ("sum(increase(a[$window]))", ADDITIVE, WINDOW, ""),
        ("avg(avg_over_time(up[$window]))", ADDITIVE, SECOND, ""),
        ("1 - avg(avg_over_time(up[$window]))", ADDITIVE, SECOND, ""),
        ("sum(sum_over_time(ok[$window]))", ADDITIVE, WINDOW, ""),
        ("sum(count_over_time(ok[$window]))", ADDITIVE, WINDOW, ""),
        ("sum(sum_over_time((lag > bool 3)[$window:1m]))", ADDITIVE, WINDOW, ""),
        ("sum(increase(a[$window])) - sum(increase(b[$window]))", ADDITIVE, WINDOW, ""),
        ("sum(rate(a[$window] offset 5m))", ADDITIVE, SECOND, ""),
        ("3600 * sum(rate(a[$window])) / 2", ADDITIVE, SECOND, ""),
        ("sum(rate(a[$window])) + 1", ADDITIVE, SECOND, ""),
        ("sum(rate(a[$window]) * on (pod) group_left (team) kube_pod_labels)", ADDITIVE, SECOND, ""),
        ("sum(increase(a[$window])) or vector(0)", ADDITIVE, WINDOW, ""),
        ("sum(increase(a[$window])) or 0 * sum(rate(b[$window]))", ADDITIVE, WINDOW, ""),
        ("sum(increase(a[$window])) > 0", ADDITIVE, WINDOW, ""),
        ("clamp_min(sum(increase(a[$window])), 0)", ADDITIVE, WINDOW, ""),
        ("histogram_count(sum(increase(h[$window])))", ADDITIVE, WINDOW, ""),
        ('label_replace(sum by (a) (increase(b[$window])), "c", "$1", "a", "(.*)")', ADDITIVE, WINDOW, ""),
        ("sum(increase(a[$window])) > 100", GUARDED, WINDOW, "> 100"),
        ("clamp_min(sum(increase(a[$window])), 1)", GUARDED, WINDOW, "clamp_min"),
        ("clamp_max(sum(increase(a[$window])), 9)", GUARDED, WINDOW, "clamp_max"),
        ("sum(increase(a[$window])) + 1", GUARDED, WINDOW, "+ 1"),
        ("sum(increase(a[$window])) or vector(1)", GUARDED, WINDOW, "or vector(1)"),
        ("round(sum(increase(a[$window])))", GUARDED, WINDOW, "round"),
        ("sum(rate(a[$window])) > 0.5", GUARDED, SECOND, "> 0.5"),
        ("sum(rate(a[$window])) and on () sum(increase(b[$window])) > 5", GUARDED, SECOND, "and ... > 5"),
        ("sum(rate(a[$window])) unless on () maintenance == 1", MOMENTARY, SECOND, "unless ... == 1"),
        ("sum(rate(a[$window])) unless on () sum(rate(b[$window])) > 0", GUARDED, SECOND, "unless"),
        ("avg(avg_over_time(up[$window])) < bool 0.9", JUDGED, SECOND, "< bool"),
        ("sum(increase(a[$window])) > bool 3", JUDGED, SECOND, "> bool"),
        ("min(rate(a[$window]))", JUDGED, SECOND, "min"),
        ("max(increase(a[$window]))", JUDGED, WINDOW, "max"),
        ("quantile(0.9, rate(a[$window]))", JUDGED, SECOND, "quantile"),
        ("count(rate(a[$window]) > 0)", JUDGED, SECOND, "count"),
        ("topk(3, rate(a[$window]))", JUDGED, SECOND, "topk"),
        ("max_over_time(lag[$window])", JUDGED, SECOND, "max_over_time"),
        ("min_over_time(up[$window])", JUDGED, SECOND, "min_over_time"),
        ("quantile_over_time(0.9, lag[$window])", JUDGED, SECOND, "quantile_over_time"),
        ("max_over_time((sum(rate(a[5m])))[$window:1m])", JUDGED, SECOND, "max_over_time"),
        ("avg(rate(a[$window]) / rate(b[$window]))", JUDGED, SECOND, "/"),
        ("sum(increase(a[$window])) / sum(increase(b[$window])) > bool 0.01", JUDGED, SECOND, "/"),
        ("sum(rate(a[$window])) * sum(rate(b[$window]))", JUDGED, SECOND, "*"),
        ("sum(rate(a[$window])) > sum(rate(b[$window]))", JUDGED, SECOND, ">"),
        ("sum(increase(a[$window])) - sum(rate(b[$window]))", JUDGED, WINDOW, "- of an increase and a rate"),
        ("histogram_quantile(0.9, sum by (le) (rate(h_bucket[$window])))", JUDGED, SECOND, "histogram_quantile"),
        ("absent_over_time(up[$window])", JUDGED, SECOND, "absent_over_time"),
        ("abs(sum(rate(a[$window])) - sum(rate(b[$window])))", JUDGED, SECOND, "abs"),
        ("abs(1 - avg(avg_over_time(up[$window])))", JUDGED, SECOND, "abs"),
        ("abs(sum(delta(g[$window])))", JUDGED, WINDOW, "abs"),
        ("abs(sum(rate(a[$window])))", ADDITIVE, SECOND, ""),
        ("clamp_min(sum(rate(a[$window])) - sum(rate(b[$window])), 0)", GUARDED, SECOND, "clamp_min"),
        ("sum(rate(a[$window])) - sum(rate(b[$window])) > 0", GUARDED, SECOND, "> 0"),
        ('clamp_min(sum(rate(a[$window])) - sum(rate(a{c="1"}[$window])), 0)', ADDITIVE, SECOND, ""),
        ('clamp_min(sum(rate(a{c="1"}[$window])) - sum(rate(a[$window])), 0)', GUARDED, SECOND, "clamp_min"),
        ('abs(sum(rate(h_count[$window])) - sum(rate(h_bucket{le="1"}[$window])))', ADDITIVE, SECOND, ""),
        ('abs(sum(rate(a[$window])) - sum(rate(a{c="1"}[$window] offset 5m)))', JUDGED, SECOND, "abs"),
        ("sum(rate(a[$window])) * on () group_left () weight", MOMENTARY, SECOND, "* weight"),
        ("weight * on () group_right () sum(increase(a[$window]))", MOMENTARY, WINDOW, "* weight"),
        ("sum(rate(a[$window])) / on () count(up)", MOMENTARY, SECOND, "/ count(up)"),
        ("sum(rate(a[$window])) + on () weight", MOMENTARY, SECOND, "+ weight"),
        ("sum(rate(a[$window])) or weight", MOMENTARY, SECOND, "or weight"),
        ("sum(rate(a[$window])) unless on () maintenance", MOMENTARY, SECOND, "unless maintenance"),
        ("rate(a[$window]) * on (pod) group_left () max by (pod) (kube_pod_info)", ADDITIVE, SECOND, ""),
        ("rate(a[$window]) and on (pod) kube_pod_info", ADDITIVE, SECOND, ""),
        ("sum(irate(a[$window]))", LEVEL, SECOND, "irate"),
        ("sum(rate(a[5m]))", LEVEL, SECOND, ""),
        ("up", LEVEL, SECOND, ""),
    ],
)
def test_the_class_of_a_query(query: str, kind: WindowMeaning, per_window: bool, why: str) -> None:
    found = queries.meant(query)
    assert found is not None
    assert (found.kind, found.per_window, found.why) == (kind, per_window, why)


@pytest.mark.parametrize("query", ["sum(", "a[$window]] ", "(" * 3000 + "a" + ")" * 3000, "+".join(["a"] * 3000)])
def test_what_cannot_be_told_is_not_told(query: str) -> None:
    assert queries.meant(query) is None or query.startswith("a")
    assert queries.per_second(query, 300) == query


SERIES = {
    "e": "0+30x90",
    'r{job="a"}': "0+600x90",
    'r{job="b"}': "0+60x60 3600x30",
    "up": "1x40 0x10 1x40",
    "lag": "0+1x90",
}
"""A sample a minute: 0.5 errors, 10 and then 1 requests a second."""

_total = st.sampled_from(
    [
        "sum(increase(r[$window]))",
        "sum(increase(r[$window])) > 100",
        "sum(increase(r[$window])) > 4000",
        "clamp_min(sum(increase(r[$window])), 3500)",
        "sum(increase(r[$window])) + 1",
        "1 + (sum(increase(r[$window])) or vector(7))",
        "round(sum(increase(r[$window])), 50)",
        "sum(increase(r[$window])) # all\n",
        "max(increase(r[$window]))",
        "sum(sum_over_time(up[$window])) + sum(increase(r[$window]))",
        "sum(increase(r[$window])) and on () sum(increase(e[$window])) > 5",
        "sum(increase(r[$window])) * on () group_left () sum(increase(e[10m]))",
    ]
)
_bad = st.sampled_from(
    [
        "sum(increase(e[$window]))",
        "sum(increase(e[$window])) or vector(0)",
        "clamp_max(sum(increase(e[$window])), 100)",
        "sum(increase(e[$window])) - 1",
        "sum(rate(e[$window]))",
        "sum(count_over_time((up == 0)[$window:1m])) or vector(0)",
    ]
)


@settings(max_examples=30, deadline=None)
@given(_bad, _total)
def test_the_ratio_over_the_base_window_is_what_it_was(bad: str, total: str) -> None:
    """Whatever the class: Sloth's error ratio of 5m is that of the imported queries, by Prometheus' own engine."""
    sli = {
        "events": {
            name: text.replace("$window", "{{.window}}")
            for name, text in (("error_query", bad), ("total_query", total))
        }
    }
    (made,), _ = outcome(sloth.translate, [plain(sli=sli)])
    carried = made["spec"]["indicator"]["ratio"]
    before, after = (
        f"(({a}\n) / ({b}\n))".replace("$window", "5m") for a, b in ((bad, total), (carried["bad"], carried["total"]))
    )
    with tempfile.TemporaryDirectory() as directory:
        promtool = Promtool(binary("promtool"), Path(directory))
        promtool.test(
            [], SERIES, absent=[("80m", f"abs({before} - {after}) > 1e-9"), ("80m", f"({before}) unless ({after})")]
        )


C1 = "sum(increase(r_total[{{.window}}]))"


def events(error: str, total: str) -> tuple[dict[str, str], str, str]:
    sli = {"events": {"error_query": error, "total_query": total}}
    (made,), remarks = outcome(sloth.translate, [plain(sli=sli)])
    return made["spec"]["indicator"]["ratio"], said(remarks, "Lost"), said(remarks, "Changed")


@pytest.mark.parametrize("guarded", [f"{C1} > 100", f"clamp_min({C1}, 1)", f"{C1} + 1"])
def test_an_increase_under_a_constant_keeps_the_constant_of_its_window_and_is_named(guarded: str) -> None:
    carried, lost, changed = events("sum(increase(e_total[{{.window}}]))", guarded)
    assert carried == {
        "bad": "sum(rate(e_total[$window]))",
        "total": f"({guarded}) / 300".replace("{{.window}}", "$window"),
    }
    assert "applies once to each window" in lost
    assert "alerting.minimumErrors" in lost
    assert "divided by the 300 seconds of 5m" in changed


@pytest.mark.parametrize(
    ("error", "instead"),
    [
        ("(avg(avg_over_time(probe_success[{{.window}}])) < bool 0.9)", "indicator.gauge"),
        ("max_over_time(lag[{{.window}}])", "indicator.gauge"),
        ("sum(rate(e[{{.window}}])) / sum(rate(t[{{.window}}]))", "indicator.errorRatio"),
        ("sum(increase(e[{{.window}}])) > bool 3", "spec.timeSlices"),
        ("sum(irate(e[{{.window}}]))", "write rate"),
    ],
)
def test_what_does_not_add_up_is_named_with_what_to_write(error: str, instead: str) -> None:
    carried, lost, _ = events(error, "sum(rate(t[{{.window}}]))")
    assert carried["bad"] == error.replace("{{.window}}", "$window"), "over 5m it is what it was"
    assert "does not add up over time" in lost
    assert instead in lost


def test_an_increase_beside_a_rate_is_named_and_not_mended_in_silence() -> None:
    carried, lost, changed = events("sum(increase(e[{{.window}}]))", "sum(rate(t[{{.window}}]))")
    assert carried == {"bad": "sum(increase(e[$window]))", "total": "sum(rate(t[$window]))"}
    assert "error_query grows with the window and total_query does not" in lost
    assert "their ratio is the same" not in changed


def test_a_raw_ratio_says_by_which_traffic_alerts_were_weighed() -> None:
    query = 'sum(rate(e{a="b  c"}[{{.window}}])) / sum(rate(t[{{.window}}]))'
    (made,), remarks = outcome(sloth.translate, [plain(sli={"raw": {"error_ratio_query": query}})])
    assert made["spec"]["indicator"] == {"errorRatio": {"query": query.replace("{{.window}}", "$window")}}
    assert said(remarks, "Lost") == ""
    assert "write errorRatio.traffic: sum(rate(t[$window]))" in said(remarks, "Changed")
    (made,), remarks = outcome(
        sloth.translate, [plain(sli={"raw": {"error_ratio_query": "max_over_time(a[{{.window}}])"}})]
    )
    assert "`max_over_time` reads gauges" in said(remarks, "Lost")
    halved = f"clamp_max({query}, 0.5)"
    (made,), remarks = outcome(sloth.translate, [plain(sli={"raw": {"error_ratio_query": halved}})])
    assert "write errorRatio.traffic" in said(remarks, "Lost")


@pytest.mark.parametrize(
    ("written", "carried"),
    [
        ("sum(job:errors:rate{{.window}})", "sum(last_over_time(job:errors:rate5m[$window]))"),
        ('sum(errors:rate{{ .window }}{a="{b}"})', 'sum(last_over_time(errors:rate5m{a="{b}"}[$window]))'),
        ('sum(errors:rate{w="{{.window}}"})', 'sum(last_over_time(errors:rate{w="5m"}[$window]))'),
        ("sum(avg_over_time(e:rate{{.window}}[{{.window}}]))", "sum(avg_over_time(e:rate5m[$window]))"),
    ],
)
def test_the_window_outside_of_a_range_is_carried_as_sloth_takes_it(written: str, carried: str) -> None:
    found, lost, changed = events(written, "sum(rate(t[{{.window}}]))")
    assert (found["bad"], lost) == (carried, "")
    assert "{{.window}} outside of a range becomes 5m" in changed
    if "last_over_time" in carried:
        assert "the recording is read as events per second" in changed
        assert "the query does not count events per second" not in changed


@pytest.mark.parametrize(
    ("written", "why"),
    [
        ("sum(rate(e[5m]))", "Sloth refuses it too"),
        ("sum(rate(e[5m] offset {{.window}}))", "{{.window}} is only an offset; Ninefold cannot choose the range"),
    ],
)
def test_without_a_window_the_reason_is_the_true_one(written: str, why: str) -> None:
    sli = {"events": {"error_query": written, "total_query": "sum(rate(t[{{.window}}]))"}}
    made, remarks = outcome(sloth.translate, [plain(sli=sli)])
    assert made == []
    assert why in said(remarks, "Lost")


def test_an_offset_of_the_window_is_named() -> None:
    """Over an hour it looks back an hour, and 5m ago is not that."""
    written = "sum(rate(e[{{.window}}] offset {{.window}}))"
    found, lost, _ = events(written, "sum(rate(t[{{.window}}]))")
    assert found["bad"] == "sum(rate(e[$window] offset 5m))"
    assert "write a fixed offset" in lost


@given(_bad, _total)
def test_nothing_is_said_to_be_the_same_where_something_is_lost(bad: str, total: str) -> None:
    _, lost, changed = events(*(query.replace("$window", "{{.window}}") for query in (bad, total)))
    assert lost == "" or ("the same" not in changed and "no action is needed" not in changed)


def test_openslo_knows_the_same_classes() -> None:
    document = slo(ratio("sum(increase(e[1h]))", "sum(increase(t[1h])) > 100"))
    (made,), remarks = outcome(openslo.translate, [document])
    assert made["spec"]["indicator"]["ratio"] == {
        "bad": "sum(rate(e[$window]))",
        "total": "(sum(increase(t[$window])) > 100) / 300",
    }
    assert "`> 100` applies once to each window" in said(remarks, "Lost")


def test_openslos_slices_say_how_long_a_window_is() -> None:
    sliced: dict[str, Any] = {"target": 0.9, "timeSliceTarget": 0.95, "timeSliceWindow": "10m"}
    document = slo(
        ratio("sum(increase(e[5m]))", "sum(increase(t[5m])) + 1"), budgetingMethod="Timeslices", objectives=[sliced]
    )
    (made,), _ = outcome(openslo.translate, [document])
    assert made["spec"]["indicator"]["ratio"]["total"] == "(sum(increase(t[$window])) + 1) / 600"
    assert made["spec"]["timeSlices"]["length"] == "10m"


@pytest.mark.parametrize("left", ["op", "value"])
def test_a_threshold_needs_both_its_parts(left: str) -> None:
    objective = {"target": 0.99, "op": "lte", "value": 0.5}
    del objective[left]
    sli = {"thresholdMetric": {"metricSource": {"type": "Prometheus", "spec": {"query": "queue_seconds"}}}}
    made, remarks = outcome(openslo.translate, [slo(sli, objectives=[objective])])
    assert made == []
    assert f"objectives.0.{left}: a thresholdMetric needs op and value" in said(remarks, "Lost")
