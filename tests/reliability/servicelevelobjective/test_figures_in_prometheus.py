"""What the rules cost, and how true their figures are, beside Sloth's on the same series."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import yaml
from tests.builders.servicelevelobjective import group
from tests.reliability.servicelevelobjective.history import DAY, END, HOUR, MINUTE, Uneven, load, samples
from tests.reliability.servicelevelobjective.promtool import Promtool, near

SLOTH = Path(__file__).parent / "data" / "sloth-availability.rules.yaml"
LIMIT = 4_600
"""Samples that one evaluation of an objective may read: a hundredth of what Sloth's rules read."""


def _month(pods: int) -> Iterator[str]:
    """Raw series as long as any rule reads them, and a month of each recording that rules read."""
    traffic = Uneven()
    good, bad = traffic.counters(3 * DAY + HOUR, 1 / pods)
    for pod in range(pods):
        yield from samples("http_requests_total", f'job="checkout",pod="p{pod}",code="200"', good, MINUTE)
        yield from samples("http_requests_total", f'job="checkout",pod="p{pod}",code="500"', bad, MINUTE)
    ours = 'slo_id="shop/checkout"'
    minutes, hours = range(7 * 60, -1, -1), range(31 * 24, -1, -1)

    def hourly(rate: Callable[[float], float], hour: int) -> float:
        return sum(rate(hour * HOUR + second) for second in range(30, HOUR, MINUTE)) / 60

    of: dict[str, Callable[[float], float]] = {
        "events": traffic.requests,
        "errors": traffic.failing_requests,
        "coverage": lambda _: 1.0,
    }
    for what, rate in of.items():
        yield from samples(f"slo:{what}:rate5m", ours, (rate(minute * MINUTE) for minute in minutes), MINUTE)
        yield from samples(f"slo:{what}:rate1h", ours, (hourly(rate, hour) for hour in hours), HOUR)
        yield from samples(f"slo:{what}:hour", ours, [0.0], MINUTE)
    yield from samples("slo:objective:ratio", ours, [0.999], MINUTE)
    theirs = 'sloth_id="checkout-availability",sloth_service="checkout",sloth_slo="availability",sloth_window="5m"'
    month = (traffic.failing(minute * MINUTE) for minute in range(31 * 24 * 60, -1, -1))
    yield from samples("slo:sli_error:ratio_rate5m", theirs, month, MINUTE)


def _read(url: str, rules: list[dict[str, Any]]) -> tuple[int, dict[str, float]]:
    """The samples that one evaluation of the rules reads, and the values that they would record."""
    read, values = 0, {}
    with httpx.Client(base_url=url, trust_env=False) as client:
        for rule in rules:
            answer = client.post("/api/v1/query", data={"query": rule["expr"], "time": str(END), "stats": "all"})
            data = answer.raise_for_status().json()["data"]
            read += data["stats"]["samples"]["totalQueryableSamples"]
            if "record" in rule and data["result"]:
                values[rule["record"]] = float(data["result"][0]["value"][1])
    return read, values


def test_an_evaluation_reads_a_hundredth_of_the_samples_and_knows_the_month(
    tmp_path: Path, serve: Callable[[Path], str]
) -> None:
    load(_month(pods=20), tmp_path / "data")
    url, sloth = serve(tmp_path / "data"), yaml.safe_load(SLOTH.read_text())["groups"]
    ours, figures = _read(url, group().rules)
    theirs, sloth_figures = _read(url, [rule for each in sloth for rule in each["rules"]])
    truth = Uneven().error_ratio(30 * DAY)
    print(f"samples read: {ours}, Sloth {theirs}; 30 d: {figures['slo:error_ratio:window']:.5%}, truth {truth:.5%}")
    assert ours <= LIMIT
    assert ours <= theirs / 100
    assert abs(figures["slo:error_ratio:window"] - truth) <= truth / 1000
    # An average of ratios: the quiet day with half its few requests failing counts like any other.
    assert sloth_figures["slo:sli_error:ratio_rate30d"] > 5 * truth


def test_only_the_5m_rules_grow_with_the_raw_series(tmp_path: Path, serve: Callable[[Path], str]) -> None:
    def recordings_only(pods: int) -> int:
        load(_month(pods), tmp_path / f"data{pods}")
        rules = [rule for rule in group().rules if "http_requests_total" not in rule["expr"]]
        return _read(serve(tmp_path / f"data{pods}"), rules)[0]

    assert recordings_only(1) == recordings_only(3)


def test_the_error_ratio_is_true_on_uneven_traffic(promtool: Promtool) -> None:
    """A thirtieth of the time scale, so that the engine evaluates every minute of it: a day in the place of 30."""
    traffic, length = Uneven(unit=DAY // 30), DAY + 2 * HOUR
    good, bad = (" ".join(f"{value:.3f}" for value in values) for values in traffic.counters(length))
    checks = [
        (length // MINUTE, traffic.error_ratio(DAY)),
        (length // MINUTE - 30, traffic.error_ratio(DAY, before=HOUR // 2)),
    ]
    promtool.test(
        [group(window="1d").as_dict()],
        {'http_requests_total{job="checkout",code="200"}': good, 'http_requests_total{job="checkout",code="500"}': bad},
        holds=[(f"{minute}m", near("slo:error_ratio:window", truth, 1e-3)) for minute, truth in checks],
    )
