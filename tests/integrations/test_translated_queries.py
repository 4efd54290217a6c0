"""Queries that a translation writes itself, evaluated by the engine of Prometheus."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tests.integrations.dialects import one
from tests.integrations.test_openslo import LATENCY, exported, ratio, slo
from tests.integrations.test_pyrra import objective
from tests.reliability.servicelevelobjective.promtool import Promtool, near

from devcluster.binaries import binary
from ninefold.integrations import openslo, pyrra

BAD, GOOD = 'r{ok="no"}', 'r{ok="yes"}'


@pytest.fixture
def promtool(tmp_path: Path) -> Promtool:
    return Promtool(binary("promtool"), tmp_path)


def evaluated(promtool: Promtool, query: str, series: dict[str, str], value: float | None) -> None:
    """The query over 5 m is the value, or nothing."""
    expression = query.replace("$window", "5m")
    if value is None:
        promtool.test([], series, absent=[("30m", expression)])
    else:
        promtool.test([], series, holds=[("30m", near(f"({expression})", value))])


@pytest.mark.parametrize(
    ("series", "value"),
    [
        ({BAD: "0+60x60", GOOD: "0+540x60"}, 10),
        ({BAD: "0+60x60"}, 1),
        ({GOOD: "0+540x60"}, 9),
        ({"other": "0+1x60"}, None),
    ],
)
def test_a_total_of_errors_and_successes(promtool: Promtool, series: dict[str, str], value: float | None) -> None:
    parts = {"errors": {"metric": BAD}, "success": {"metric": GOOD}}
    total = one(pyrra.translate, objective({"ratio": parts}))["indicator"]["ratio"]["total"]
    evaluated(promtool, total, series, value)


def test_a_total_of_errors_and_successes_by_group(promtool: Promtool) -> None:
    parts = {"errors": {"metric": BAD}, "success": {"metric": GOOD}, "grouping": ["zone"]}
    total = one(pyrra.translate, objective({"ratio": parts}))["indicator"]["ratio"]["total"]
    series = {'r{ok="no",zone="a"}': "0+60x60", 'r{ok="yes",zone="a"}': "0+60x60", 'r{ok="yes",zone="b"}': "0+600x60"}
    for zone, value in (("a", 2), ("b", 10)):
        evaluated(
            promtool, f'({total}) and on (zone) label_replace(vector(1), "zone", "{zone}", "", "")', series, value
        )


@pytest.mark.parametrize(
    ("series", "value"),
    [({"e": "0+60x60", "t": "0+600x60"}, 0.1), ({"t": "0+600x60"}, 0), ({"e": "0+60x60"}, None)],
)
def test_the_error_ratio_of_slices(promtool: Promtool, series: dict[str, str], value: float | None) -> None:
    document = slo(
        ratio("e", "t"), budgetingMethod="RatioTimeslices", objectives=[{"target": 0.9, "timeSliceWindow": 5}]
    )
    evaluated(promtool, one(openslo.translate, document)["indicator"]["errorRatio"]["query"], series, value)


@pytest.mark.parametrize(
    ("series", "value"),
    [({"broken": "1x60", "wanted": "4x60"}, 0.25), ({"wanted": "4x60"}, 0), ({"broken": "1x60"}, None)],
)
def test_the_mean_ratio_of_levels(promtool: Promtool, series: dict[str, str], value: float | None) -> None:
    document = slo(ratio("broken", "wanted", counter=False))
    evaluated(promtool, one(openslo.translate, document)["indicator"]["errorRatio"]["query"], series, value)


@pytest.mark.parametrize(
    ("mode", "value"), [("Serial", 1 - 0.9 * 0.5), ("Parallel", 0.1 * 0.5), ("Weighted", (3 * 0.1 + 0.5) / 4)]
)
def test_a_composite_reads_what_is_recorded_of_its_components(promtool: Promtool, mode: str, value: float) -> None:
    weight = {"weight": "3"} if mode == "Weighted" else {}
    components = [{"objective": "a", **weight}, {"objective": "b"}]
    indicator = {"composite": {"mode": mode, "components": components}}
    document, _ = exported({**LATENCY, "spec": {**LATENCY["spec"], "indicator": indicator}})
    raw = document["spec"]["indicator"]["spec"]["ratioMetric"]["raw"]["metricSource"]["spec"]["query"]
    series = {
        f'slo:{what}:rate5m{{slo_id="shop/{name}"}}': f"{rate}x60"
        for name, what, rate in (("a", "errors", 1), ("a", "events", 10), ("b", "errors", 4), ("b", "events", 8))
    }
    evaluated(promtool, raw, series, value)


@pytest.mark.parametrize(
    ("threshold", "bounds"), [("300ms", ["0.3"]), ("1s", ["1", "1.0"]), ("1m", ["60", "60.0"]), ("250", ["250.0"])]
)
def test_an_exported_latency_finds_its_bucket(promtool: Promtool, threshold: str, bounds: list[str]) -> None:
    indicator = {"latency": {"histogram": 'h{job="a"}', "threshold": threshold}}
    document, _ = exported({**LATENCY, "spec": {**LATENCY["spec"], "indicator": indicator}})
    metrics = document["spec"]["indicator"]["spec"]["ratioMetric"]
    good, total = (metrics[each]["metricSource"]["spec"]["query"] for each in ("good", "total"))
    assert not re.search("le=.*le=", good)
    for bound in bounds:
        series = {
            f'h_bucket{{job="a",le="{bound}"}}': "0+540x60",
            'h_bucket{job="a",le="0.1"}': "0+60x60",
            'h_count{job="a"}': "0+600x60",
        }
        evaluated(promtool, f"sum(rate({good}[5m])) / sum(rate({total}[5m]))", series, 0.9)
