"""The compiled rules, evaluated by the engine of Prometheus over synthetic series."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.builders.servicelevelobjective import TOTAL, group
from tests.reliability.servicelevelobjective.promtool import Promtool, firing, near

GOOD_SERIES = 'http_requests_total{job="checkout",code="200"}'
BAD_SERIES = 'http_requests_total{job="checkout",code="500"}'
SLOTH = Path(__file__).parent / "data" / "sloth-availability.rules.yaml"


def outage(before: int, during: int, after: int, share: float = 1.0) -> dict[str, str]:
    """600 requests a minute, of which a share fails for some minutes between two healthy times."""
    bad = round(600 * share)
    good = 600 - bad
    return {
        GOOD_SERIES: f"0+600x{before} {600 * before + good}+{good}x{during - 1} "
        f"{600 * before + good * during + 600}+600x{after - 1}",
        # Not from 0: rate() does not extrapolate a counter below it.
        BAD_SERIES: f"9000x{before} {9000 + bad}+{bad}x{during - 1} {9000 + bad * during}x{after - 1}",
    }


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"window": "1h"},
        {"window": "90m", "objective": "50"},
        {"window": "7d", "objective": "99.999"},
        {"window": "400d", "objective": "99.99999"},
        {"indicator": {"latency": {"histogram": 'duration_seconds{job="checkout"}', "threshold": "300ms"}}},
        {"indicator": {"boolean": {"selector": 'probe_success{job="checkout"}'}}},
        {"indicator": {"ratio": {"good": 'ok{a=~"\\\\d"}', "total": 'sum by (p) (rate(x{a!~"c"}[$window])) # all'}}},
        {"alerting": {"minimumErrors": 5, "runbook": "r", "labels": {"team": "shop"}}},
        {"alerting": {"disabled": True}},
    ],
)
def test_prometheus_loads_them_without_a_complaint(promtool: Promtool, spec: dict[str, Any]) -> None:
    promtool.check(group(**spec).as_dict())


def test_a_total_outage_pages_within_a_minute_and_ends_with_the_outage(promtool: Promtool) -> None:
    promtool.test(
        [group(window="1d").as_dict()],
        outage(120, 20, 60),
        absent=[("120m", firing())],
        holds=[
            ("122m", f"count({firing('14.4x/.*')}) == bool 1"),
            ("139m", f"count({firing()}) > bool 1"),
            ("139m", near('slo:burn_rate:5m{slo_id="shop/checkout"}', 1000)),
        ],
    )
    promtool.test([group(window="1d").as_dict()], outage(120, 20, 60), absent=[("146m", firing("14.4x/.*"))])


@pytest.mark.parametrize(
    ("share", "hours"), [(1.0, 1), (0.1, 1), (0.02, 3), pytest.param(0.008, 9, marks=pytest.mark.slow)]
)
def test_detection_and_reset_are_not_later_than_with_sloth(promtool: Promtool, share: float, hours: int) -> None:
    sloth = yaml.safe_load(SLOTH.read_text())["groups"]
    # Minutes during which a page was firing: an alert that fires no later and ends no later.
    ours = 'ALERTS{alertname="ErrorBudgetBurn",alertstate="firing",severity="page"}'
    theirs = 'ALERTS{alertname="CheckoutAvailability",alertstate="firing",severity="page"}'
    first, last = (
        f"{fold}(max by (severity) ({fold}_over_time(timestamp({ours})[24h:1m]))) "
        f"- {fold}({fold}_over_time(timestamp({theirs})[24h:1m])) <= bool 0"
        for fold in ("min", "max")
    )
    first = first.replace("min(max by (severity) (", "min(min by (severity) (")
    end = 370 + hours * 60 + 50
    promtool.test(
        [*sloth, group().as_dict()], outage(370, hours * 60, 60, share), holds=[(f"{end}m", first), (f"{end}m", last)]
    )


def test_a_burn_just_below_one_raises_nothing_and_just_above_one_a_ticket(promtool: Promtool) -> None:
    def constant(bad: float) -> dict[str, str]:
        return {GOOD_SERIES: f"0+{60_000 - bad}x800", BAD_SERIES: f"0+{bad}x800"}

    rules = [group(window="12h").as_dict()]
    promtool.test(rules, constant(59), absent=[("13h", "count_over_time(ALERTS[13h])")])
    promtool.test(rules, constant(65), holds=[("13h", f"count({firing('1x/.*')}) == bool 1")])


def test_idle_is_neither_good_nor_bad(promtool: Promtool) -> None:
    promtool.test(
        [group(window="1d").as_dict()],
        {GOOD_SERIES: "5x300", BAD_SERIES: "0x300"},
        holds=[("4h", "slo:events:rate5m == bool 0"), ("4h", near("slo:coverage:ratio", 4 / 24, 0.02))],
        absent=[
            ("4h", '{__name__=~"slo:burn_rate:.*|slo:error_ratio:window|slo:error_budget_left:ratio"}'),
            ("4h", "ALERTS"),
        ],
    )


def test_missing_errors_count_as_none_and_a_missing_total_as_nothing_known(promtool: Promtool) -> None:
    rules = [group(window="1d").as_dict()]
    promtool.test(
        rules,
        {GOOD_SERIES: "0+600x200 _x200"},
        holds=[
            ("3h", "slo:errors:rate5m == bool 0"),
            ("3h", "slo:error_budget_left:ratio == bool 1"),
            # The total has vanished: the window still holds what was measured.
            ("6h", "slo:error_budget_left:ratio == bool 1"),
            ("6h", near("slo:coverage:ratio", 200 / 1440, 0.05)),
        ],
        absent=[("6h", "slo:events:rate5m"), ("6h", "slo:errors:rate5m"), ("6h", "slo:burn_rate:5m")],
    )
    promtool.test(rules, {"unrelated": "0+1x100"}, absent=[("1h", "slo:error_ratio:window or slo:events:rate5m")])


def test_a_counter_reset_is_not_an_event(promtool: Promtool) -> None:
    promtool.test(
        [group(window="1d").as_dict()],
        {GOOD_SERIES: "0+540x100 0+540x100", BAD_SERIES: "0+60x100 0+60x100"},
        holds=[("3h", near("slo:error_ratio:window", 0.1)), ("3h", near("slo:burn_rate:1h", 100))],
    )


def test_every_event_counts_the_same_however_uneven_the_traffic(promtool: Promtool) -> None:
    """A quiet hour with half its requests failing, between busy clean hours: averages of ratios would say 12.5 %."""
    promtool.test(
        [group(window="4h", objective="99").as_dict(), {**group(window="8h").as_dict(), "name": "b"}][:1],
        {
            GOOD_SERIES: "0+6000x90 540005+5x59 540305+6000x150",
            BAD_SERIES: "0x90 5+5x59 300x150",
        },
        holds=[("240m", near("slo:error_ratio:window", 300 / (6000 * 180 + 600), 0.02))],
    )


@pytest.mark.parametrize("minute", [1, 23, 59, 61])
def test_a_long_window_holds_the_whole_of_an_outage_at_once(promtool: Promtool, minute: int) -> None:
    """Hourly means alone would be late by up to an hour; `minute` is when the outage of 10 minutes ends."""
    before = 480 + minute - 10
    end = 480 + minute + 6
    promtool.test(
        [group(window="12h").as_dict()],
        outage(before, 10, 30),
        holds=[
            # The first two samples of a counter have no rate yet.
            (f"{end}m", near("slo:error_ratio:window", 10 / (end - 2))),
            (f"{end}m", near("slo:coverage:ratio", end / 720, 0.01)),
        ],
    )


def test_a_short_window_forgets_an_outage_in_time(promtool: Promtool) -> None:
    promtool.test(
        [group(window="1h").as_dict()],
        outage(70, 10, 100),
        holds=[
            # An error counts at once, a little more than it should until it is 5 minutes old, then exactly.
            ("80m", "slo:error_ratio:window >= bool 10 / 60"),
            ("80m", near("slo:error_ratio:window", 10 / 60, 0.2)),
            ("85m", near("slo:error_ratio:window", 10 / 60)),
            ("127m", near("slo:error_ratio:window", 10 / 60)),
            ("141m", "slo:error_ratio:window == bool 0"),
            ("141m", "slo:error_budget_left:ratio == bool 1"),
            ("141m", "slo:coverage:ratio == bool 1"),
        ],
    )


def test_seconds_between_evaluations_give_the_same_figures(promtool: Promtool) -> None:
    promtool.test(
        [group(window="1h", objective="90").as_dict()],
        {GOOD_SERIES: "0+45x900", BAD_SERIES: "0+5x900"},
        interval="5s",
        holds=[
            ("70m", near("slo:error_ratio:window", 0.1)),
            ("70m", near("slo:burn_rate:1h", 1)),
            ("70m", near("slo:events:rate1h", 10, 0.02)),
        ],
    )


def test_a_gap_in_the_data_costs_coverage_and_nothing_else(promtool: Promtool) -> None:
    promtool.test(
        [group(window="12h").as_dict()],
        {GOOD_SERIES: "0+540x180 _x120 200000+540x420", BAD_SERIES: "0+60x180 _x120 20000+60x420"},
        holds=[
            ("720m", near("slo:error_ratio:window", 0.1, 0.01)),
            ("720m", near("slo:coverage:ratio", 10 / 12, 0.02)),
        ],
    )


def test_one_failed_request_at_night_pages_only_without_minimum_errors(promtool: Promtool) -> None:
    night = {GOOD_SERIES: "0+1x200", BAD_SERIES: "0x100 1x100"}
    unguarded = group(alerting={"minimumErrors": 1}).as_dict()
    promtool.test([unguarded], night, holds=[("103m", f"count({firing('14.4x/1h')}) == bool 1")])
    promtool.test([group().as_dict()], night, absent=[("103m", firing())])
    guarded = group(alerting={"minimumErrors": 5}).as_dict()
    promtool.test([guarded], night, absent=[("103m", firing())])
    dead = {GOOD_SERIES: "0+1x100 100x100", BAD_SERIES: "0x100 1+1x100"}
    promtool.test([guarded], dead, holds=[("108m", f"count({firing('14.4x/1h')}) == bool 1")])


def test_latency_takes_the_bucket_in_the_text_of_prometheus_2_and_3(promtool: Promtool) -> None:
    rules = [
        group(
            window="1h",
            objective="90",
            indicator={"latency": {"histogram": 'duration_seconds{job="checkout"}', "threshold": "1s"}},
        ).as_dict()
    ]
    for bound in ("1", "1.0"):
        promtool.test(
            rules,
            {
                f'duration_seconds_bucket{{job="checkout",le="{bound}"}}': "0+570x100",
                'duration_seconds_bucket{job="checkout",le="+Inf"}': "0+600x100",
                'duration_seconds_count{job="checkout"}': "0+600x100",
            },
            holds=[("90m", near("slo:error_ratio:window", 0.05))],
        )
    # A bucket that does not exist is no outage.
    promtool.test(
        rules, {'duration_seconds_count{job="checkout"}': "0+600x100"}, absent=[("90m", "slo:error_ratio:window")]
    )


def test_a_gauge_of_zero_and_one_counts_time(promtool: Promtool) -> None:
    promtool.test(
        [group(window="1h", objective="90", indicator={"boolean": {"selector": "probe_success"}}).as_dict()],
        {'probe_success{site="a"}': "1x100", 'probe_success{site="b"}': "1x70 0x30"},
        holds=[("70m", "slo:errors:rate5m == bool 0"), ("90m", near("slo:error_ratio:window", 20 / 120, 0.05))],
    )


def test_good_events_and_promql_with_a_window(promtool: Promtool) -> None:
    indicator = {
        "ratio": {
            "good": 'sum by (pod) (rate(http_requests_total{code=~"2.."}[$window])) # those that went well',
            "total": f"sum(rate({TOTAL}[$window]))",
        }
    }
    promtool.test(
        [group(window="1h", objective="90", indicator=indicator).as_dict()],
        {GOOD_SERIES: "0+570x100", BAD_SERIES: "0+30x100"},
        holds=[("90m", near("slo:error_ratio:window", 0.05))],
    )
    promtool.test(
        [group(window="1h", objective="90", indicator=indicator).as_dict()],
        {BAD_SERIES: "0+30x100"},
        holds=[("90m", near("slo:error_ratio:window", 1))],
    )


def test_not_a_number_does_not_stay_in_the_window(promtool: Promtool) -> None:
    indicator = {"ratio": {"bad": "sum(bad_rate * 0 / 0 + rate(x[$window]))", "total": "sum(rate(x[$window]))"}}
    promtool.test(
        [group(window="1h", indicator=indicator).as_dict()],
        {"bad_rate": "1x50", "x": "0+60x100"},
        holds=[("90m", "slo:error_ratio:window == bool 0")],
    )


def test_two_objectives_do_not_mix(promtool: Promtool) -> None:
    other = group(window="1h", indicator={"ratio": {"bad": "b", "total": "t"}}).as_dict()
    text = yaml.safe_dump(other).replace("shop/checkout", "shop/other")
    promtool.test(
        [group(window="1h").as_dict(), yaml.safe_load(text)],
        {GOOD_SERIES: "0+600x90", "b": "0+6x90", "t": "0+60x90"},
        holds=[
            ("80m", 'slo:error_ratio:window{slo_id="shop/checkout"} == bool 0'),
            ("80m", near('slo:error_ratio:window{slo_id="shop/other"}', 0.1)),
        ],
    )
