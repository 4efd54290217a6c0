"""By default nobody is paged about what is over, nor about one error after idle hours; what goes on pages as before."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders.servicelevelobjective import BAD, TOTAL, group, objective
from tests.reliability.servicelevelobjective.promtool import Promtool, firing

from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.compiler import Group

GOOD_SERIES = 'http_requests_total{job="checkout",code="200"}'
BAD_SERIES = 'http_requests_total{job="checkout",code="500"}'
PAGE = 'ALERTS{alertstate="firing",severity="page"}'
WELL = 125
"""So many minutes all is well before."""


def written(**alerting: Any) -> Group:
    """The usual objective with its tiers written out, which mean what they say."""
    slo = objective()
    exact = [
        {
            "burnRate": f"{tier.burn_rate:f}",
            "long": f"{tier.long // 60}m",
            "short": f"{tier.short // 60}m",
            "severity": tier.severity,
        }
        for tier in tiers(slo)
    ]
    return group("exact", alerting={**alerting, "tiers": exact})


def traffic(
    parts: list[tuple[int, float]], step: int, rate: float = 50, good_every: int = 1, bad_every: int = 1
) -> dict[str, str]:
    """Requests at a rate a second, of which shares fail for so many seconds each; with samples at every so many-th
    step only."""
    total, bad, samples = 0.0, 0.0, []
    second = [share for length, share in parts for _ in range(length)]
    for at in range(0, len(second) + 1, step):
        samples.append((total - bad, bad))
        for share in second[at : at + step]:
            total, bad = total + rate, bad + rate * share

    def shown(values: list[float], every: int) -> str:
        return " ".join("_" if number % every else f"{round(1000 + value)}" for number, value in enumerate(values))

    good, failed = zip(*samples, strict=True)
    return {GOOD_SERIES: shown([*good], good_every), BAD_SERIES: shown([*failed], bad_every)}


@pytest.mark.parametrize("phase", [0, 7])
def test_an_outage_of_36_seconds_pages_nobody(promtool: Promtool, phase: int) -> None:
    series = traffic([(WELL * 60 + phase, 0), (36, 1), (1200, 0)], 15)
    at = f"{WELL + 20}m"
    paged = f"count_over_time({PAGE}[20m])"
    promtool.test([group().as_dict()], series, absent=[(at, paged)], interval="15s")
    promtool.test([written().as_dict()], series, holds=[(at, f"count({paged}) > bool 0")], interval="15s")


BEFORE = 65
LONG = [(BEFORE * 60, 0.0)]
ONGOING: dict[str, tuple[list[tuple[int, float]], int, float, int, int]] = {
    "total": ([(600, 1.0), (2400, 0.0)], 30, 50, 1, 1),
    "a minute and a half": ([(90, 1.0), (2400, 0.0)], 30, 50, 1, 1),
    "a tenth, scraped every minute": ([(1200, 0.1), (2400, 0.0)], 60, 50, 1, 1),
    "just above the threshold": ([(4500, 0.017), (600, 0.0)], 60, 50, 1, 1),
    "comes and goes": ([(60, 1.0), (180, 0.0)] * 6 + [(2400, 0.0)], 30, 50, 1, 1),
    "scraped too seldom for two minutes": ([(1200, 0.2), (2400, 0.0)], 30, 50, 5, 5),
    "bad events scraped seldom": ([(1200, 0.2), (2400, 0.0)], 30, 50, 1, 4),
    "a request every 20 s": ([(2400, 0.5), (2400, 0.0)], 60, 0.05, 1, 1),
}


@pytest.mark.parametrize("name", ONGOING)
def test_what_goes_on_pages_and_ends_as_with_the_tiers_written_out(promtool: Promtool, name: str) -> None:
    parts, step, rate, good_every, bad_every = ONGOING[name]
    series = traffic([*LONG, *parts], step, rate, good_every, bad_every)
    minutes = sum(length for length, _ in parts) // 60
    ends = f"{BEFORE + minutes}m"

    def told(slo: str) -> str:
        return f'count_over_time({PAGE[:-1]},slo_name="{slo}",burn_tier="14.4x/1h"}}[{minutes}m])'

    same = f"sum({told('checkout')}) == bool sum({told('exact')})"
    # Both are evaluated in one run; the fewest errors are the same, so that only the end of failures tells them apart.
    both = [group().as_dict(), written(minimumErrors=2).as_dict()]
    promtool.test(both, series, holds=[(ends, same)], interval=f"{step}s")


def test_a_service_whose_series_vanish_is_not_said_to_be_well(promtool: Promtool) -> None:
    healthy = traffic([(BEFORE * 60, 0), (180, 1)], 30)
    both = [group().as_dict(), written(minimumErrors=2).as_dict()]
    told = [f'sum(count_over_time({PAGE[:-1]},slo_name="{name}"}}[30m]))' for name in ("checkout", "exact")]
    at = f"{BEFORE + 20}m"
    promtool.test(both, healthy, holds=[(at, f"{told[0]} == bool {told[1]}")], interval="30s")


@pytest.mark.parametrize("step", [15, 60])
def test_one_error_after_hours_without_traffic_alerts_nobody(promtool: Promtool, step: int) -> None:
    idle, after = 2 * 3600 // step, 1800 // step
    series = {GOOD_SERIES: f"7x{idle + after}", BAD_SERIES: f"3x{idle} 4x{after - 1}"}
    alerted = 'count_over_time(ALERTS{alertstate="firing"}[30m])'
    promtool.test([group().as_dict()], series, absent=[("150m", alerted)], interval=f"{step}s")
    loud = group(alerting={"minimumErrors": 1}).as_dict()
    promtool.test([loud], series, holds=[("123m", f"count({firing()}) == bool 4")], interval=f"{step}s")


RATIO = {"ratio": {"bad": BAD, "total": TOTAL}}


@pytest.mark.parametrize(
    ("spec", "held", "counted"),
    [
        ({"indicator": RATIO}, 2, True),
        ({"indicator": {"ratio": {"good": BAD, "total": TOTAL}}}, 2, True),
        ({"indicator": {"latency": {"histogram": "h", "threshold": "1s"}}}, 2, True),
        ({"indicator": RATIO, "timeSlices": {"target": "95"}}, 0, False),
        ({"indicator": {"boolean": {"selector": "up"}}}, 0, False),
        ({"indicator": {"gauge": {"query": "lag", "badAbove": "1"}}}, 0, False),
        ({"indicator": {"errorRatio": {"query": "avg_over_time(x[$window])"}}}, 0, False),
        ({"indicator": {"errorRatio": {"query": "avg_over_time(x[$window])", "traffic": "t"}}}, 0, True),
        ({"alerting": {"disabled": True}}, 0, False),
        # A window of 5 m passes its threshold only when something fails.
        ({"window": "1h"}, 0, True),
    ],
)
def test_only_what_counts_events_is_held_back(spec: dict[str, Any], held: int, counted: bool) -> None:
    names = [rule.get("record", "") for rule in group(**spec).rules]
    assert sum(name.startswith("slo:ongoing_burn_rate:") for name in names) == held
    assert ("slo:events:recent" in names) == bool(held)
    assert any(name.startswith("slo:errors:increase") for name in names) == counted


def test_tiers_that_are_written_mean_what_they_say() -> None:
    texts = [rule["expr"] for rule in written().rules]
    assert not any("recent" in text or "increase" in text for text in texts)
