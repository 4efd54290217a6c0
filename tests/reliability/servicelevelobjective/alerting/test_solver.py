"""What alerts are to achieve, and the tiers found for it: kept on paper, and kept by Prometheus."""

from __future__ import annotations

import re
from decimal import Decimal
from math import ceil
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import group, objective
from tests.reliability.servicelevelobjective.promtool import Promtool, firing

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import seconds
from ninefold.reliability.servicelevelobjective.alerting.quiet import Guard
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier, promised
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

GOOD = 'http_requests_total{job="checkout",code="200"}'
BAD = 'http_requests_total{job="checkout",code="500"}'


def names(**spec: Any) -> list[str]:
    return [f"{tier.name} {tier.short // 60}m {tier.severity.lower()}" for tier in tiers(objective(**spec))]


@pytest.mark.parametrize(
    ("alerting", "expected"),
    [
        ({}, ["14.4x/1h 5m page", "6x/6h 30m page", "3x/1d 120m ticket", "1x/3d 360m ticket"]),
        # A burn of 14.4 for an hour is 52 s of a total outage, which is soon enough.
        ({"pageWithin": "3m"}, ["14.4x/1h 5m page", "6x/6h 30m page", "3x/1d 120m ticket", "1x/3d 360m ticket"]),
        ({"budgetAtPage": "1"}, ["14.4x/30m 5m page", "6x/70m 5m page", "3x/1d 120m ticket", "1x/3d 360m ticket"]),
        ({"resetWithin": "10m"}, ["14.4x/1h 5m page", "6x/6h 5m page", "3x/1d 120m ticket", "1x/3d 360m ticket"]),
        # Five failures at two an hour take 2.5 h; the window as it is added up is two minutes shorter.
        (
            {"minimumErrors": 5, "minimumTraffic": "2/h"},
            ["6x/6h 30m page", "5.5x/155m 15m page", "3x/1d 120m ticket", "1x/3d 360m ticket"],
        ),
    ],
)
def test_the_tiers_follow_the_contract(alerting: dict[str, Any], expected: list[str]) -> None:
    assert names(alerting=alerting) == expected


def test_a_low_objective_pages_in_time_only_if_it_is_asked_to() -> None:
    assert names(objective="90")[0] == "9x/95m 10m page"
    assert names(objective="90", alerting={"pageWithin": "5m"})[0] == "8x/5m 5m page"


@pytest.mark.parametrize(
    ("spec", "sentence"),
    [
        (
            {"objective": "50", "alerting": {"pageWithin": "2m"}},
            "spec.alerting.pageWithin: a total outage can page after 4m at the soonest, 1m of it for scrapes",
        ),
        (
            {"alerting": {"pageWithin": "30s"}},
            "spec.alerting.pageWithin: a total outage can page after",
        ),
        (
            {"alerting": {"pageWithin": "10m", "minimumErrors": 5, "minimumTraffic": "20/h"}},
            "spec.alerting.pageWithin: at minimumTraffic it takes 16m until minimumErrors have occurred",
        ),
        (
            {"alerting": {"resetWithin": "5m"}},
            "spec.alerting.resetWithin: events are counted over 5m: write 6m or more",
        ),
        (
            {"window": "1h", "alerting": {"budgetAtPage": "5"}},
            "spec.alerting.budgetAtPage: the shortest window that alerts can use here, 5m, spends 8.4 % of the budget",
        ),
        (
            {"window": "1h", "alerting": {"minimumErrors": 5, "minimumTraffic": "2/h"}},
            "spec.alerting.minimumTraffic: in 1h, the longest window that alerts can have here, minimumTraffic brings "
            "1 of the 5 bad events that minimumErrors asks for, so no alert would ever fire: write minimumErrors of 1",
        ),
        (
            {
                "window": "1h",
                "objective": "90",
                "alerting": {"confidence": "99.99", "minimumTraffic": "10/h", "minimumErrors": 1},
            },
            "spec.alerting.confidence: at minimumTraffic 1.33 events occur in 10m, too few for this confidence in",
        ),
        (
            {
                "alerting": {
                    "minimumErrors": 5,
                    "minimumTraffic": "2/h",
                    "tiers": [{"burnRate": "1", "long": "2h", "short": "5m", "severity": "Page"}],
                }
            },
            "spec.alerting.tiers[0]: at minimumTraffic 2/h 3.93 events occur in 2h, too few for minimumErrors 5",
        ),
        (
            {"alerting": {"budgetAtPage": "2", "minimumErrors": 10, "minimumTraffic": "5/d"}},
            "spec.alerting.budgetAtPage: the shortest window that alerts can use here, 49h, spends 6.9 % of the budget",
        ),
    ],
)
def test_a_contract_that_cannot_be_kept_is_refused_with_what_can(spec: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as refused:
        group(**spec)
    assert refused.value.reason == "ImpossibleAlert"
    assert sentence in refused.value.message


def test_a_contract_beside_own_tiers_is_refused() -> None:
    own = [{"burnRate": "1", "long": "3d", "short": "6h", "severity": "Ticket"}]
    with pytest.raises(Stalled, match="set either tiers, or the goals of tiers"):
        objective(alerting={"tiers": own, "pageWithin": "3m"})


_OBJECTIVE = st.sampled_from(["50", "80", "90", "95", "99", "99.5", "99.9", "99.95", "99.99", "99.999"])
_WINDOW = st.sampled_from(["1h", "6h", "1d", "7d", "28d", "30d", "90d"])
_TIME = st.integers(1, 600).map("{}m".format)
_CONTRACT = st.fixed_dictionaries(
    {},
    optional={
        "pageWithin": _TIME,
        "budgetAtPage": st.integers(1, 500).map(lambda value: f"{value / 10}"),
        "resetWithin": _TIME,
        "minimumErrors": st.integers(1, 100),
        "minimumTraffic": st.integers(1, 10_000).map("{}/h".format),
        "scrapeInterval": st.sampled_from(["15s", "30s", "1m"]),
    },
)


def attempt(slo: ServiceLevelObjective) -> tuple[list[AlertTier] | None, str]:
    """The tiers, or the sentence that refuses them."""
    try:
        return tiers(slo), ""
    except Stalled as stalled:
        return None, stalled.message


@given(target=_OBJECTIVE, window=_WINDOW, alerting=_CONTRACT)
def test_a_contract_is_kept_or_refused(target: str, window: str, alerting: dict[str, Any]) -> None:
    slo = objective(objective=target, window=window, alerting=alerting)
    found, refusal = attempt(slo)
    if found is None:
        assert refusal.startswith("spec.alerting.")
        return
    budget, delay = 1 - slo.objective, Target.of(slo).delay
    pages = [tier for tier in found if tier.severity == "Page"]
    assert pages, "somebody is woken"
    assert min(tier.burn_rate for tier in found) == 1, "no burn above 1 goes unseen"
    for tier in found:
        assert 300 <= tier.short <= tier.long <= slo.window
        assert tier.long % 300 == tier.short % 300 == 0
        assert 1 <= tier.burn_rate < 1 / budget
        assert not any(other is not tier and other.covers(tier) for other in found)
    if within := alerting.get("pageWithin"):
        soonest = min(tier.detects_after(budget) or Decimal("Infinity") for tier in pages)
        assert soonest + delay <= seconds(within)
    if share := alerting.get("budgetAtPage"):
        assert max(tier.spends for tier in pages) / slo.window <= Decimal(share) / 100 * Decimal("1.05")
    if reset := alerting.get("resetWithin"):
        assert all(tier.resets_after(budget) + delay <= seconds(reset) for tier in pages)


@given(target=_OBJECTIVE, window=_WINDOW, alerting=_CONTRACT)
def test_what_a_refusal_says_to_write_is_taken(target: str, window: str, alerting: dict[str, Any]) -> None:
    asked = dict(alerting)
    for _ in range(10):
        found, refusal = attempt(objective(objective=target, window=window, alerting=asked))
        if found is not None:
            return
        field = refusal.split(":")[0].removeprefix("spec.alerting.")
        if "leave it out" in refusal or f"leave out {field}" in refusal:
            del asked[field]
            continue
        words = re.search(r'(?:takes|after|write) "?([0-9.]+[mhs]?)', refusal)
        assert words, refusal
        assert asked[field] != words[1], refusal
        asked[field] = words[1]
    raise AssertionError(asked)


def night(spec: dict[str, Any]) -> dict[str, Any]:
    return group(alerting=spec).as_dict()


QUIET = {"minimumErrors": 5, "confidence": "95", "minimumTraffic": "12/h"}
"""A request every five minutes at night."""


def test_one_failed_request_at_night_pages_nobody(promtool: Promtool) -> None:
    series = {GOOD: "0+0x4 " + " ".join(f"{n}x4" for n in range(1, 60)), BAD: "0x150 1x149"}
    promtool.test([night({"minimumErrors": 1})], series, holds=[("155m", f"count({firing('.+')}) > bool 0")])
    for spec in ({}, QUIET):
        promtool.test([night(spec)], series, absent=[("155m", firing()), ("200m", firing()), ("290m", firing())])


def test_a_dead_service_with_little_traffic_pages_all_the_same(promtool: Promtool) -> None:
    alive, dead = 24, 24
    good = " ".join(f"{min(n, alive)}x4" for n in range(alive + dead))
    bad = " ".join(f"{max(0, n - alive)}x4" for n in range(alive + dead))
    last = alive * 5
    promtool.test(
        [night(QUIET)],
        {GOOD: good, BAD: bad},
        absent=[(f"{last + 14}m", firing())],
        holds=[(f"{last + 40}m", 'count(ALERTS{alertstate="firing",severity="page"}) > bool 0')],
    )


def test_a_few_failures_in_much_traffic_are_no_proof_of_a_burn(promtool: Promtool) -> None:
    # Three of 120 requests are 2.5 %, and 14.4x is 1.44 %. That may be chance.
    spec = {"confidence": "95"}
    series = {GOOD: "0+2x100 203+2x100", BAD: "0x95 1 2 3x105"}
    promtool.test([night({})], series, holds=[("101m", f"count({firing('14.4x/1h')}) == bool 1")])
    promtool.test([night(spec)], series, absent=[("101m", firing("14.4x/1h"))])
    many = {GOOD: "0+200x100 20003+200x100", BAD: "0x95 100 200 300x105"}
    promtool.test([night(spec)], many, holds=[("101m", f"count({firing('14.4x/1h')}) == bool 1")])


def _minutes_to_page(promtool: Promtool, slo: ServiceLevelObjective, share: float, limit: int) -> None:
    """A page within `limit` minutes of a sudden error ratio, by Prometheus."""
    bad = round(6000 * share)
    promtool.test(
        [Group(slo).as_dict()],
        {GOOD: f"0+6000x120 {6000 * 121 - bad}+{6000 - bad}x{limit + 5}", BAD: f"0x120 {bad}+{bad}x{limit + 5}"},
        absent=[("120m", firing())],
        holds=[(f"{120 + limit}m", 'count(ALERTS{alertstate="firing",severity="page"}) > bool 0')],
    )


@pytest.mark.parametrize(
    ("target", "window", "alerting"),
    [
        ("99.9", "30d", {"pageWithin": "3m"}),
        ("99", "7d", {"pageWithin": "3m"}),
        ("90", "30d", {"pageWithin": "5m"}),
        ("99.99", "30d", {"budgetAtPage": "1"}),
        ("95", "28d", {"pageWithin": "10m", "resetWithin": "10m"}),
    ],
)
def test_prometheus_pages_as_soon_as_predicted(
    promtool: Promtool, target: str, window: str, alerting: dict[str, Any]
) -> None:
    slo = objective(objective=target, window=window, alerting=alerting)
    for share in (Decimal(1), Decimal("0.9")):
        soonest = min(
            after
            for tier in tiers(slo)
            if tier.severity == "Page" and (after := tier.detects_after(1 - slo.objective, share)) is not None
        )
        limit = int((soonest + 2 * 60) / 60) + 1
        _minutes_to_page(promtool, slo, float(share), limit)


@pytest.mark.parametrize(
    ("alerting", "said"),
    [
        ({}, "112s"),
        # Five requests at twenty an hour take a quarter of an hour.
        ({"minimumErrors": 5, "minimumTraffic": "20/h"}, "16m"),
        ({"minimumErrors": 5}, "112s or later"),
        # Two requests, since one error pages nobody.
        ({"confidence": "95", "minimumTraffic": "20/h"}, "7m"),
        ({"minimumErrors": 1, "confidence": "95", "minimumTraffic": "20/h"}, "4m"),
        ({"confidence": "95"}, "112s or later"),
    ],
)
def test_what_a_tier_is_said_to_do_counts_all_that_it_waits_for(alerting: dict[str, Any], said: str) -> None:
    slo = objective(alerting=alerting)
    first = promised(Target.of(slo), tiers(slo))[0]
    assert (first.tier, first.outage_after) == ("14.4x/1h", said)


@pytest.mark.parametrize("alerting", [{"minimumErrors": 5}, {"confidence": "95"}, {"confidence": "99"}])
@pytest.mark.parametrize("every", [1, 3])
def test_a_dead_service_pages_when_it_is_said_to(promtool: Promtool, alerting: dict[str, Any], every: int) -> None:
    """A request every minute or every third, two hours of good ones, then none is: not much sooner, and never later."""
    slo = objective(alerting={**alerting, "minimumTraffic": f"{60 // every}/h"})
    first = promised(Target.of(slo), tiers(slo))[0]
    enough = Guard.of(Target.of(slo)).after(3600, 0.0144, 1 / (60 * every))
    assert enough is not None
    within = ceil(enough / 60)
    good = " ".join(str(min(n, 120) // every) for n in range(300))
    bad = " ".join(str(max(0, n - 120) // every) for n in range(300))
    assert first.tier == "14.4x/1h"
    promtool.test(
        [Group(slo).as_dict()],
        {GOOD: good, BAD: bad},
        absent=[(f"{120 + max(0, within - every - 2)}m", firing("14.4x/1h"))],
        holds=[(f"{120 + within + every + 3}m", f"count({firing('14.4x/1h')}) == bool 1")],
    )


def test_the_steps_of_an_indicator_are_allowed_for() -> None:
    plain = Target.of(objective()).delay
    gauge = objective(indicator={"gauge": {"query": "lag", "badAbove": "1"}})
    assert Target.of(gauge).delay == plain + 60
    # A slice of 5 m is bad once 5 % of it is, and slices are sampled once a minute.
    assert Target.of(objective(timeSlices={"target": "95", "length": "5m"})).delay == plain + 60 + 15
