"""Every kind of indicator and `groupBy`, as the engine of Prometheus evaluates their rules."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders.servicelevelobjective import BAD, TOTAL, group
from tests.reliability.servicelevelobjective.promtool import Promtool, firing, near

from ninefold.kube.errors import Stalled

HOUR = {"window": "1h", "objective": "90"}
EU, US = (f'slo:error_ratio:window{{region="{region}"}}' for region in ("eu", "us"))


def regional(code: int, region: str) -> str:
    return f'http_requests_total{{job="checkout",code="{code}",region="{region}",pod="a"}}'


def test_a_group_has_its_own_budget_and_no_errors_where_it_has_no_error_series(promtool: Promtool) -> None:
    promtool.test(
        [group(**HOUR, groupBy=["region"]).as_dict()],
        {
            regional(200, "eu"): "0+540x100",
            regional(500, "eu"): "0+60x100",
            # No series of failures at all; an `or vector(0)` would be lost on this group.
            regional(200, "us"): "0+600x100",
        },
        holds=[
            ("90m", near(EU, 0.1)),
            ("90m", f"{US} == bool 0"),
            ("90m", 'slo:errors:rate5m{region="us"} == bool 0'),
            ("90m", "count(slo:error_budget_left:ratio) == bool 2"),
            ("90m", "count(slo:info) == bool 1"),
        ],
    )


def test_a_group_alerts_for_itself_and_says_which_it_is(promtool: Promtool) -> None:
    rules = [group(groupBy=["region"]).as_dict()]
    promtool.test(
        rules,
        {
            regional(200, "eu"): "0+600x60 36000x20",
            regional(500, "eu"): "0x60 600+600x20",
            regional(200, "us"): "0+600x80",
        },
        holds=[
            ("65m", f"count({firing('14.4x/1h')}) == bool 1"),
            ("65m", f'count(ALERTS{{slo_group="eu",region="eu",burn_rank="1"}} and {firing()}) == bool 1'),
        ],
        absent=[("65m", 'ALERTS{region="us"}')],
    )


def births(births: str, **spec: Any) -> dict[str, Any]:
    ratio = {"bad": BAD, "total": TOTAL, "births": births}
    return group(**HOUR, indicator={"ratio": ratio}, **spec).as_dict()


@pytest.mark.parametrize("groups", [[], ["region"]])
def test_the_first_error_of_a_new_series_counts_by_option(promtool: Promtool, groups: list[str]) -> None:
    """Of 61 requests 1 failed and made a series that begins at 1; nothing else ever had that code."""
    history = {regional(200, "eu"): "0+1x60", regional(500, "eu"): "_x30 1x30"}
    ratio = "slo:error_ratio:window"
    counted = [
        ("60m", near(ratio, 1 / 61, 0.02)),
        ("36m", "slo:births:rate5m unless slo:births:rate5m > bool 0"),
        ("33m", near("slo:births:rate5m", 1 / 300)),
    ]
    promtool.test([births("Counted", groupBy=groups)], history, holds=[counted[0], counted[2]], absent=[counted[1]])
    promtool.test([births("Ignored", groupBy=groups)], history, holds=[("60m", f"{ratio} == bool 0")])


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        ("0+600x90", "7x10 _x40 7x40"),  # It had a break.
        ("_x90", "7x90"),  # Prometheus is new.
        ("0+600x20 _x100 72000+600x90", "7x20 _x100 7x90"),  # Prometheus was down for longer than an hour.
        ("0+600x90", "_x20 11x70"),  # It has counted somewhere else.
    ],
)
def test_what_only_looks_like_a_birth_does_not_count(promtool: Promtool, good: str, bad: str) -> None:
    history = {regional(200, "eu"): good, regional(500, "eu"): bad}
    promtool.test([births("Counted")], history, absent=[(f"{at}m", "slo:errors:rate5m > 0") for at in range(160)])


def test_a_group_that_vanishes_leaves_the_others_alone(promtool: Promtool) -> None:
    promtool.test(
        [group(window="12h", objective="90", groupBy=["region"]).as_dict()],
        {
            regional(200, "eu"): "0+540x120 _x300",
            regional(500, "eu"): "0+60x120 _x300",
            regional(200, "us"): "0+600x420",
            regional(500, "us"): "0+6x420",
        },
        holds=[
            ("400m", near(EU, 0.1)),
            ("400m", near(US, 6 / 606)),
            ("400m", near("slo:coverage:ratio{region='eu'}", 2 / 12, 0.06)),
        ],
        absent=[("400m", 'slo:events:rate5m{region="eu"}'), ("400m", 'slo:burn_rate:1h{region="eu"}')],
    )


def test_a_label_of_the_user_must_not_hide_a_group() -> None:
    with pytest.raises(Stalled) as refused:
        group(groupBy=["team"], alerting={"labels": {"team": "shop"}})
    assert refused.value.message.startswith("spec.alerting.labels: team is a label of groupBy")


@pytest.mark.parametrize("side", ["bad", "good"])
def test_more_bad_or_good_events_than_events_are_clamped_and_told(promtool: Promtool, side: str) -> None:
    indicator = {"ratio": {side: "counted", "total": "all"}}
    ratio = 1 if side == "bad" else 0
    promtool.test(
        [group(**HOUR, indicator=indicator).as_dict()],
        {"counted": "0+120x60 7200+30x60", "all": "0+60x120"},
        holds=[
            ("50m", f"slo:error_ratio:window == bool {ratio}"),
            ("50m", near("slo:indicator_excess:ratio", 2)),
            ("118m", near("slo:errors:rate5m", 0.5)),
        ],
        absent=[("118m", "slo:indicator_excess:ratio")],
    )


def test_an_error_ratio_counts_each_second_the_same_or_is_weighed_by_traffic(promtool: Promtool) -> None:
    query = "1 - avg_over_time(availability[$window])"
    # An hour of 600 a minute, then one of 6 a minute; the last 50 minutes lack half.
    series = {"availability": "1x70 0.5x50", "http": "0+600x60 36000+6x60"}
    promtool.test(
        [group(window="2h", objective="90", indicator={"errorRatio": {"query": query}}).as_dict()],
        series,
        holds=[("120m", near("slo:error_ratio:window", 25 / 120, 0.05)), ("50m", "slo:events:rate5m == bool 1")],
    )
    weighed = {"errorRatio": {"query": query, "traffic": "http"}}
    promtool.test(
        [group(window="2h", objective="90", indicator=weighed).as_dict()],
        series,
        holds=[("120m", near("slo:error_ratio:window", 150 / 36_360, 0.1))],
    )


def test_an_error_ratio_outside_of_0_to_1_is_clamped_and_told(promtool: Promtool) -> None:
    promtool.test(
        [group(**HOUR, indicator={"errorRatio": {"query": "avg_over_time(x[$window])"}}).as_dict()],
        {"x": "1.5x60"},
        holds=[("50m", "slo:error_ratio:window == bool 1"), ("50m", near("slo:indicator_excess:ratio", 1.5))],
    )


def test_an_error_ratio_that_never_had_traffic_is_idle(promtool: Promtool) -> None:
    query = "sum(rate(bad[$window])) / sum(rate(all[$window]))"
    promtool.test(
        [group(**HOUR, indicator={"errorRatio": {"query": query}}).as_dict()],
        {"bad": "5x60", "all": "5x60"},
        holds=[("50m", "slo:events:rate5m == bool 0")],
        absent=[("50m", "slo:error_ratio:window")],
    )


def test_a_gauge_is_bad_while_beyond_its_level(promtool: Promtool) -> None:
    promtool.test(
        [group(**HOUR, indicator={"gauge": {"query": "queue / unit", "badAbove": "100"}}).as_dict()],
        {
            'queue{n="a"}': "50x100",
            'queue{n="b"}': "50x70 101x30",
            # 0 / 0 is no number: it is not there.
            'queue{n="c"}': "0x100",
            **{f'unit{{n="{name}"}}': f"{unit}x100" for name, unit in (("a", 1), ("b", 1), ("c", 0))},
        },
        holds=[
            ("69m", "slo:errors:rate5m == bool 0"),
            ("69m", "slo:events:rate5m == bool 2"),
            ("99m", near("slo:error_ratio:window", 29 / 120, 0.06)),
        ],
    )
    promtool.test(
        [group(**HOUR, indicator={"gauge": {"query": "up", "badBelow": "1"}}, groupBy=["n"]).as_dict()],
        {'up{n="a",i="1"}': "1x100", 'up{n="a",i="2"}': "0x100", 'up{n="b",i="3"}': "1x100"},
        holds=[
            ("90m", near("slo:error_ratio:window{n='a'}", 0.5)),
            ("90m", "slo:error_ratio:window{n='b'} == bool 0"),
        ],
    )


def test_a_gauge_may_be_promql_such_as_the_age_of_a_backup(promtool: Promtool) -> None:
    query = "time() - backup_last_success_timestamp_seconds"
    promtool.test(
        [group(window="4h", objective="90", indicator={"gauge": {"query": query, "badAbove": "3600"}}).as_dict()],
        {"backup_last_success_timestamp_seconds": "0x119 7200x120"},
        # Too old from minute 60 until the backup at minute 120.
        holds=[("180m", near("slo:error_ratio:window", 60 / 180, 0.05)), ("58m", "slo:error_ratio:window == bool 0")],
    )


def test_a_native_histogram_is_measured_without_le(promtool: Promtool) -> None:
    # Each minute 90 observations in (0.25, 0.5], 10 in (0.5, 1], 20 in (1, 2].
    histogram = "{{schema:0 count:0 sum:0}}+{{schema:0 count:120 sum:80 offset:-1 buckets:[90 10 20]}}x100"
    latency = {"histogram": 'latency{job="checkout"}', "threshold": "1s", "buckets": "Native"}
    promtool.test(
        [group(**HOUR, indicator={"latency": latency}).as_dict()],
        {'latency{job="checkout",pod="a"}': histogram, 'latency{job="checkout",pod="b"}': histogram},
        holds=[("90m", near("slo:error_ratio:window", 20 / 120)), ("90m", near("slo:events:rate5m", 4))],
    )
    promtool.test(
        [group(**HOUR, indicator={"latency": latency}).as_dict()],
        {'latency{job="checkout"}': "{{schema:0 count:5 sum:5 buckets:[5]}}x100"},
        holds=[("90m", "slo:events:rate5m == bool 0")],
        absent=[("90m", "slo:error_ratio:window")],
    )


def test_a_group_without_the_bucket_is_unknown_and_not_an_outage(promtool: Promtool) -> None:
    latency = {"histogram": "d", "threshold": "300ms"}
    promtool.test(
        [group(**HOUR, indicator={"latency": latency}, groupBy=["region"]).as_dict()],
        {
            'd_bucket{region="eu",le="0.3"}': "0+570x100",
            'd_count{region="eu"}': "0+600x100",
            'd_bucket{region="us",le="0.5"}': "0+570x100",
            'd_count{region="us"}': "0+600x100",
        },
        holds=[("90m", near(EU, 0.05)), ("90m", "count(slo:events:rate5m) == bool 1")],
    )


@pytest.mark.parametrize("length", ["3m", "5m", "10m"])
def test_a_slice_of_time_is_good_or_bad_as_a_whole(promtool: Promtool, length: str) -> None:
    """Half an hour at 10 % errors is half an hour lost, two hours at 2 % are not."""
    promtool.test(
        [group(window="6h", objective="90", timeSlices={"target": "95", "length": length}).as_dict()],
        {
            'http_requests_total{job="checkout",code="200"}': "0+98x60 5970+90x29 8588+98x210",
            'http_requests_total{job="checkout",code="500"}': "0+2x60 130+10x29 422+2x210",
        },
        # Slices slide: one that holds a part of the bad time is bad if that part is large enough.
        holds=[("298m", near("slo:error_ratio:window", 30 / 298, 0.2))],
    )


def test_a_slice_without_traffic_does_not_count(promtool: Promtool) -> None:
    promtool.test(
        [group(**HOUR, timeSlices={"target": "95"}).as_dict()],
        {'http_requests_total{job="checkout",code="200"}': "5x60"},
        holds=[("50m", "slo:events:rate5m == bool 0")],
        absent=[("50m", "slo:error_ratio:window")],
    )


def component(name: str) -> dict[str, Any]:
    indicator = {"ratio": {"bad": f"{name}_bad", "total": f"{name}_all"}}
    return group(name, window="2h", objective="90", indicator=indicator).as_dict()


def composite(mode: str, **more: Any) -> dict[str, Any]:
    components = more.pop("components", [{"objective": "a"}, {"objective": "b"}])
    indicator = {"composite": {"mode": mode, "components": components, **more}}
    return group("whole", window="2h", objective="90", indicator=indicator).as_dict()


WHOLE = 'slo:error_ratio:window{slo_id="shop/whole"}'
TWO = {"a_bad": "0+6x120", "a_all": "0+60x120", "b_bad": "0+120x120", "b_all": "0+600x120"}


@pytest.mark.parametrize(
    ("mode", "components", "ratio", "blame"),
    [
        ("Serial", None, 1 - 0.9 * 0.8, 1 / 3),
        ("Parallel", None, 0.02, 1 / 3),
        ("Weighted", [{"objective": "a", "weight": "3"}, {"objective": "b"}], (3 * 0.1 + 0.2) / 4, 0.6),
    ],
)
def test_a_composite_is_what_its_components_make_of_it(
    promtool: Promtool, mode: str, components: list[dict[str, str]] | None, ratio: float, blame: float
) -> None:
    made = composite(mode, **({"components": components} if components else {}))
    promtool.test(
        [component("a"), component("b"), made],
        TWO,
        holds=[
            ("110m", near(WHOLE, ratio)),
            ("110m", near('slo:blame:ratio{component="shop/a"}', blame)),
            ("110m", near("sum(slo:blame:ratio)", 1)),
        ],
    )


def test_a_composite_without_one_of_its_components_is_unknown_and_an_idle_one_has_no_errors(promtool: Promtool) -> None:
    groups = [component("a"), component("b"), composite("Serial")]
    absent = [("110m", f'{WHOLE} or slo:events:rate5m{{slo_id="shop/whole"}}')]
    promtool.test(groups, {name: values for name, values in TWO.items() if name[0] == "a"}, absent=absent)
    idle = {**TWO, "b_bad": "5x120", "b_all": "5x120"}
    promtool.test(groups, idle, holds=[("110m", near(WHOLE, 0.1))])


def test_a_composite_may_take_its_traffic_from_a_component(promtool: Promtool) -> None:
    made = composite("Serial", trafficOf="a")
    # Both fail half: for a busy hour of a, then not in a quiet one.
    series = {
        "a_bad": "0x60 0+3x60",
        "a_all": "0+600x60 36000+6x60",
        "b_bad": "0x120",
        "b_all": "0+60x120",
    }
    promtool.test([component("a"), component("b"), made], series, holds=[("120m", near(WHOLE, 3 / 606, 0.1))])


@pytest.mark.parametrize(
    ("indicator", "sentence"),
    [
        (
            {"errorRatio": {"query": "sum(rate(x[5m]))"}},
            "spec.indicator.errorRatio.query: write the range as [$window]",
        ),
        ({"errorRatio": {"query": "x[$window]"}}, "spec.indicator.errorRatio.query: this is not PromQL"),
        ({"gauge": {"query": "rate(x[$window])", "badAbove": "1"}}, "spec.indicator.gauge.query: leave out [$window]"),
        ({"gauge": {"query": "1", "badAbove": "1"}}, "spec.indicator.gauge.query: this is not PromQL"),
        ({"ratio": {"bad": "x", "total": "rate(x[5m])", "births": "Counted"}}, "spec.indicator.ratio.total: write a"),
        ({"latency": {"histogram": "h_count", "threshold": "1s", "buckets": "Native"}}, "write h, without _count"),
    ],
)
def test_what_is_no_promql_for_its_place_is_refused(indicator: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as refused:
        group(indicator=indicator)
    assert refused.value.reason == "InvalidPromQL"
    assert sentence in refused.value.message


def test_every_shape_loads_without_a_complaint(promtool: Promtool) -> None:
    shapes: list[dict[str, Any]] = [
        {"indicator": {"errorRatio": {"query": "avg_over_time(x[$window])", "traffic": TOTAL}}, "groupBy": ["a", "b"]},
        {"indicator": {"latency": {"histogram": "h", "threshold": "1s", "buckets": "Native"}}, "groupBy": ["a"]},
        {"indicator": {"gauge": {"query": "x - y", "badBelow": "-5"}}, "timeSlices": {"target": "90", "length": "1h"}},
        {"indicator": {"boolean": {"selector": "up"}}, "timeSlices": {"target": "50", "length": "2m"}},
        {"indicator": {"ratio": {"bad": BAD, "total": TOTAL}}, "groupBy": ["region"], "window": "30d"},
    ]
    for shape in shapes:
        promtool.check(group(**shape).as_dict())
    promtool.check(composite("Weighted"))


@pytest.mark.parametrize(
    ("bad", "total"),
    [
        ("sum(increase(e_total[$window]))", "r_total"),
        ("sum(increase(e_total[$window])) > 0", "sum(rate(r_total[$window]))"),
        ("e_total", "sum(increase(r_total[$window]))"),
        ("sum(increase(e_total[$window]))", "(sum(increase(r_total[$window])))"),
        ("sum(increase(e_total[$window])) / 300", "r_total"),
    ],
)
def test_what_is_counted_per_window_and_per_second_is_compared_in_one_unit(
    promtool: Promtool, bad: str, total: str
) -> None:
    promtool.test(
        [group(**HOUR, indicator={"ratio": {"bad": bad, "total": total}}).as_dict()],
        {"e_total": "0+6x60", "r_total": "0+600x60"},
        holds=[
            ("30m", near("slo:error_ratio:window", 0.01)),
            # As the contract of the series says: minimumErrors and minimumTraffic rest on it.
            ("30m", near("slo:events:rate5m", 10)),
        ],
    )


@pytest.mark.parametrize(
    ("indicator", "field", "operator"),
    [
        (
            {"errorRatio": {"query": "sum(rate(e[$window])) / sum(increase(r[$window]))"}},
            "spec.indicator.errorRatio.query",
            "/",
        ),
        (
            {"ratio": {"bad": "e", "total": "sum(rate(r[$window])) + sum(increase(s[$window]))"}},
            "spec.indicator.ratio.total",
            "+",
        ),
    ],
)
def test_an_expression_that_joins_both_units_is_refused(indicator: dict[str, Any], field: str, operator: str) -> None:
    with pytest.raises(Stalled) as refused:
        group(indicator=indicator)
    assert refused.value.reason == "UnitsDiffer"
    assert refused.value.message == (
        f"{field}: `{operator}` joins events per second (rate) with events per window (increase): write rate in place "
        "of increase"
    )


@pytest.mark.parametrize(
    "indicator",
    [
        {"query": "sum(rate(e_total[$window])) / sum(rate(r_total[$window]))"},
        {"query": "sum(rate(e_total[$window])) / sum(rate(r_total[$window]))", "traffic": "r_total"},
        {"query": "sum(rate(e_total[$window])) / (sum(rate(r_total[$window])) > 0)", "traffic": "r_total"},
    ],
)
def test_a_share_of_nothing_is_idle_and_not_broken(promtool: Promtool, indicator: dict[str, str]) -> None:
    """Traffic stops after half an hour, as every night, and the counters stay; later they vanish, too."""
    promtool.test(
        [group(**HOUR, indicator={"errorRatio": indicator}).as_dict()],
        {"e_total": "0+6x30 180x60 _x30", "r_total": "0+600x30 18000x60 _x30"},
        holds=[
            ("25m", near("slo:errors:rate5m / slo:events:rate5m", 0.01)),
            ("60m", "slo:events:rate5m == bool 0"),
            ("60m", "slo:errors:rate5m == bool 0"),
            ("60m", near("slo:error_ratio:window", 0.01, 0.05)),
        ],
        absent=[("60m", "slo:burn_rate:5m"), ("115m", "slo:events:rate5m")],
    )


def test_traffic_without_series_is_unknown_and_not_idle(promtool: Promtool) -> None:
    """Its selector is wrong, or nobody scrapes it: that is no quiet night."""
    query = "sum(rate(e_total[$window])) / sum(rate(r_total[$window]))"
    promtool.test(
        [group(**HOUR, indicator={"errorRatio": {"query": query, "traffic": "wrong_total"}}).as_dict()],
        {"e_total": "0+6x30 180x60", "r_total": "0+600x30 18000x60"},
        absent=[("25m", "slo:events:rate5m"), ("60m", "slo:events:rate5m")],
    )


def test_groups_of_a_share_are_idle_one_by_one(promtool: Promtool) -> None:
    query = "sum by (region) (rate(e_total[$window])) / sum by (region) (rate(r_total[$window]))"
    promtool.test(
        [group(**HOUR, indicator={"errorRatio": {"query": query}}, groupBy=["region"]).as_dict()],
        {
            'e_total{region="eu"}': "0+6x30 180x60",
            'r_total{region="eu"}': "0+600x30 18000x60",
            'e_total{region="us"}': "0+6x90",
            'r_total{region="us"}': "0+600x90",
        },
        holds=[
            ("60m", 'slo:events:rate5m{region="eu"} == bool 0'),
            ("60m", near('slo:errors:rate5m{region="us"}', 0.01)),
        ],
    )


OURS = 'slo_id="shop/checkout"'


@pytest.mark.parametrize("window", ["1h", "12h"])
@pytest.mark.parametrize("labels", ["", ',zone="z"', ',team="x"'])
def test_what_was_recorded_before_there_were_groups_is_no_group(promtool: Promtool, window: str, labels: str) -> None:
    """All that was recorded for an hour failed; then groups are added, and all is well in them."""
    earlier = {
        f"slo:{what}:{unit}{{{OURS}{labels}}}": "10x60 _x60"
        for what in ("events", "errors", "coverage")
        for unit in ("rate5m", "rate1h")
    }
    rules = group(window=window, objective="90", groupBy=["region", "zone"]).as_dict()
    promtool.test(
        [rules],
        {
            **earlier,
            'http_requests_total{job="checkout",code="200",region="eu",zone="a"}': "_x60 0+600x60",
            'http_requests_total{job="checkout",code="200",region="us"}': "_x60 0+600x60",
        },
        holds=[
            # What lacks a label is a group of its own, by name.
            ("90m", "count(slo:error_budget_left:ratio) == bool 2"),
            ("90m", 'slo:error_budget_left:ratio{region="eu",zone="a"} == bool 1'),
            ("90m", 'slo:error_budget_left:ratio{region="us",zone="none"} == bool 1'),
            ("90m", "min(slo:coverage:ratio) > bool 0"),
        ],
        absent=[("90m", 'slo:error_ratio:window{region=""}'), ("90m", "slo:burn_rate:1h > 0"), ("90m", firing())],
    )


def test_what_was_recorded_by_groups_is_added_up_once_there_are_none(promtool: Promtool) -> None:
    earlier = {
        f'slo:{what}:rate1h{{{OURS},region="{region}"}}': f"_x60 {rate}x120 stale"
        for region, what, rate in (("eu", "events", 10), ("eu", "errors", 1), ("us", "events", 10), ("us", "errors", 3))
    }
    promtool.test(
        [group(window="12h", objective="90").as_dict()],
        {**earlier, 'http_requests_total{job="checkout",code="200"}': "_x180 0+1200x180"},
        # Three hours at a fifth, three hours at none.
        holds=[("360m", near("slo:error_ratio:window", 0.1, 0.05))],
    )


@pytest.mark.parametrize(
    ("histogram", "threshold", "right"),
    [
        ("http_server_duration_milliseconds", "5s", '"5000"'),
        ("rpc_latency_ms", "2.5ms", '"2.5"'),
        ("job_duration_minutes", "30s", '"0.5"'),
        ("backup_hours", "90m", '"1.5"'),
        ("retention_days", "1m", '"0.000694"'),
        ("disk_us", "300ms", '"300000"'),
        ("job_min", "5m", '"5"'),
        ("kafka_millis", "2s", '"2000"'),
    ],
)
def test_a_time_for_a_histogram_that_does_not_count_seconds_is_refused(
    histogram: str, threshold: str, right: str
) -> None:
    """le="5" may exist in it, and would be 5 ms."""
    for buckets in ("Classic", "Native"):
        with pytest.raises(Stalled) as refused:
            group(indicator={"latency": {"histogram": histogram, "threshold": threshold, "buckets": buckets}})
        assert refused.value.reason == "UnitsDiffer"
        assert refused.value.message.endswith(f"a time is for one in seconds: write {right}")
    group(indicator={"latency": {"histogram": histogram, "threshold": right.strip('"')}})
    group(indicator={"latency": {"histogram": "http_server_duration_seconds", "threshold": threshold}})
