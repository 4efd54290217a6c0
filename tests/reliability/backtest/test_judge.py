"""What is said about an error budget is what happened to it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from tests.builders.servicelevelobjective import objective
from tests.reliability.backtest.cases import DAY, Traffic, judged
from tests.reliability.backtest.oracle import START, grid, group, rule, series, simulated

from ninefold.reliability.backtest.judge import Limits, judge
from ninefold.reliability.backtest.judgement import Judgement
from ninefold.reliability.backtest.report import text
from ninefold.reliability.backtest.rulefile import parse
from ninefold.reliability.backtest.simulate import SimulationOutcome
from ninefold.reliability.backtest.sweep import Wishes, around
from ninefold.reliability.backtest.thresholds import Threshold

TICKETS_ONLY = {"tiers": [{"burnRate": "1", "long": "2h", "short": "10m", "severity": "Ticket"}]}


def at(minute: int) -> datetime:
    return datetime.fromtimestamp(START / 1000, UTC) + timedelta(minutes=minute)


def test_a_quiet_time_is_said_to_be_quiet() -> None:
    one = judged(Traffic(days=3))
    assert (one.error_ratio, one.budget_spent, one.coverage) == (0, 0, 1)
    assert (one.summary.pages, one.summary.tickets, one.summary.exhausted) == (0, 0, 0)
    assert (one.firings, one.incidents) == ([], [])
    assert [tier.firings for tier in one.tiers] == [0] * len(one.tiers)
    assert one.events == pytest.approx(10 * 60 * (3 * DAY + 1))


def test_an_outage_is_one_incident_and_one_page_however_many_tiers_fire() -> None:
    one = judged(Traffic(days=3).failing(2 * DAY, minutes=20))
    assert one.summary.pages == 1
    assert sum(tier.firings for tier in one.tiers if tier.severity == "page") > 1
    assert one.summary.pages_per_week == pytest.approx(7 / 3, rel=1e-3)
    (incident,) = one.incidents
    assert (incident.begin, incident.end) == (at(2 * DAY), at(2 * DAY + 20))
    # A day's budget is 1.44 minutes.
    assert incident.budget == pytest.approx(20 / 1.44, rel=1e-3)
    assert incident.page is not None
    assert incident.page.after <= 60
    assert one.missed == 0
    assert one.budget_spent == pytest.approx(20 / (3 * 1.44), rel=1e-3)
    page = next(each for each in one.firings if each.severity == "page")
    assert page.begin == incident.begin + timedelta(seconds=incident.page.after)
    assert page.burn > 14.4
    assert page.budget_left is not None
    # A minute or two of it went until the page.
    assert -0.5 < page.budget_left < 0.5


def test_of_too_little_data_no_week_is_made() -> None:
    """11 hours with a page; a pipeline that asks for pages a week is not told that all is well."""
    one = judged(Traffic(days=11 / 24).failing(300, minutes=20))
    assert (one.summary.pages, one.summary.pages_per_week, one.summary.tickets_per_week) == (1, None, None)
    assert {tier.per_week for tier in one.tiers} == {None}
    said = text(one)
    assert "  1 page, 1 ticket; noise, less than" in said
    assert "There are only 11h of data, and a rate per week needs at least 12h." in said
    assert Threshold.parse("pages-per-week>2").broken(one) == (
        "there is too little data for pages-per-week, so pages-per-week>2 cannot be ruled out"
    )
    enough = judged(Traffic(days=13 / 24).failing(300, minutes=20))
    assert enough.summary.pages_per_week == pytest.approx(7 * 24 / 13, rel=0.01)


def test_the_budget_is_exhausted_for_as_long_as_the_window_remembers() -> None:
    one = judged(Traffic(days=4).failing(2 * DAY, minutes=20))
    # A day and the 20 minutes of four days, but for the minutes until it is spent and those of the hour's edges.
    assert one.summary.exhausted == pytest.approx(1 / 4, abs=0.02)


def test_a_stretch_that_no_page_notices_is_missed() -> None:
    traffic = Traffic(days=3).failing(DAY, minutes=6 * 60, share=0.002)
    one = judged(traffic, alerting=TICKETS_ONLY, limits=Limits(incident=0.1))
    (incident,) = one.incidents
    assert incident.page is None
    assert incident.ticket is not None
    assert 0 < incident.ticket.after < 2.5 * 3600
    assert (one.missed, one.summary.pages, one.summary.tickets) == (1, 0, 1)
    assert "no page; ticket after" in text(one)


def test_short_calms_do_not_end_an_incident_and_long_ones_do() -> None:
    def incidents(calm: int) -> int:
        return len(judged(Traffic(days=2).failing(600, 20).failing(620 + calm, 20)).incidents)

    assert incidents(calm=25) == 1
    assert incidents(calm=40) == 2


def test_what_costs_less_than_the_smallest_page_tier_is_no_incident() -> None:
    blip = Traffic(days=2).failing(600, minutes=1, share=0.01)
    assert judged(blip).incidents == []
    assert len(judged(blip, limits=Limits(incident=0.001)).incidents) == 1


def test_a_page_at_night_for_next_to_nothing_is_noise() -> None:
    busy = Traffic(days=3).failing(2 * DAY, 10)
    night = Traffic(days=3).with_rate(2 * DAY - 120, 240, rate=0.01).failing(2 * DAY, 10)
    assert (judged(busy).summary.pages, judged(busy).noise) == (1, 0)
    assert (judged(night).summary.pages, judged(night).noise) == (1, 1)
    assert judged(night, limits=Limits(noise=0.0)).noise == 0
    # What went before the page counts: this one comes when all is over.
    late = {"burnRate": "2", "long": "6h", "short": "30m", "severity": "Page", "for": "20m"}
    one = judged(busy, alerting={"tiers": [late, *TICKETS_ONLY["tiers"]]})
    (page,) = (each for each in one.firings if each.severity == "page")
    assert page.begin > one.incidents[0].end
    assert (one.summary.pages, one.noise) == (1, 0)


def test_what_was_before_the_time_looked_at_only_fills_the_windows() -> None:
    traffic = Traffic(days=3).failing(2 * DAY - 60, minutes=20)
    one = judged(traffic, begin=2 * DAY)
    assert (one.summary.pages, one.firings, one.errors) == (0, [], 0)
    assert one.begin == at(2 * DAY)
    assert one.window_coverage == pytest.approx((1, 1), abs=0.01)
    # The window still holds the outage.
    assert one.summary.exhausted == pytest.approx(1, abs=0.05)


def test_an_incident_that_was_known_at_the_begin_is_not_missed() -> None:
    one = judged(Traffic(days=3).failing(2 * DAY - 60, minutes=120), begin=2 * DAY)
    (incident,) = one.incidents
    assert incident.page is not None
    assert incident.page.after == 0
    assert one.summary.pages == 0


def test_gaps_and_a_late_begin_of_data_are_told() -> None:
    traffic = Traffic(days=4).with_rate(0, DAY, np.nan).with_rate(2 * DAY, DAY, np.nan)
    one = judged(traffic)
    assert one.begin == at(DAY)
    assert one.coverage == pytest.approx(2 / 3, abs=0.01)
    assert one.window_coverage == pytest.approx((0, 1), abs=0.01)
    assert "had 0" in text(one)
    assert one.events == pytest.approx(10 * 60 * 2 * DAY, rel=1e-3)
    (incident,) = judged(traffic.failing(DAY + 60, minutes=20)).incidents
    assert incident.budget == pytest.approx(20 / 1.44, rel=1e-3), "the usual traffic is that of the time with data"


def test_an_idle_service_has_no_error_ratio() -> None:
    one = judged(Traffic(days=2, rate=0.0))
    assert (one.error_ratio, one.budget_spent, one.summary.exhausted) == (None, None, None)
    assert "No events" in text(one)


def test_each_group_is_judged_by_itself() -> None:
    slo = objective(window="1d")
    labels = {"slo_id": slo.slo_id}
    rules = [rule("slo:events:rate5m", "events", **labels), rule("slo:errors:rate5m", "errors", **labels)]
    tier = {"burn_tier": "14.4x/10m", "severity": "page", **labels}
    alert = {"alert": "ErrorBudgetBurn", "expr": "slo:errors:rate5m > 0.5", "labels": tier}
    good, bad = [0.0] * 500, [0.0] * 100 + [1.0] * 50 + [0.0] * 350
    history = dict(
        [
            *(series("events", [1.0] * 500, region=region) for region in ("eu", "us")),
            *(series("errors", values, region=region) for region, values in (("eu", good), ("us", bad))),
        ]
    )
    recordings, alerts = simulated([group(*rules, alert)], grid(500), history)
    eu, us = judge(slo, parse(group(*rules, alert)), SimulationOutcome(recordings, alerts), 0, Limits())
    assert (eu.group, us.group) == ({"region": "eu"}, {"region": "us"})
    assert (eu.summary.pages, us.summary.pages) == (0, 1)
    assert (len(eu.incidents), len(us.incidents)) == (0, 1)
    assert text(us).startswith("shop/checkout (region=us): 99.9 % over 1d, ")


def outages(every: int, minutes: int, days: int = 8) -> Traffic:
    traffic = Traffic(days)
    for minute in range(DAY, days * DAY, every):
        traffic.failing(minute, minutes)
    return traffic


def test_the_present_target_among_the_targets_is_the_judgement_itself() -> None:
    one = judged(outages(every=DAY, minutes=3), targets=["99", "99.9"])
    loose, present = one.targets
    assert (loose.present, present.present) == (False, True)
    assert (present.summary, present.missed) == (one.summary, one.missed)
    assert loose.summary is not None
    assert loose.summary.exhausted == 0


def test_the_strictest_target_that_fits_is_suggested_with_its_reason() -> None:
    # 3 minutes a day: 0.21 %.
    one = judged(outages(every=DAY, minutes=3), targets=["99", "99.5", "99.9"], wishes=Wishes(pages_per_week=10))
    assert one.suggestion is not None
    assert one.suggestion.objective == "99.5"
    assert one.suggestion.reason.startswith("99.5 would have been kept 100 % of the time with ")
    assert "; 99.9 would have been kept " in one.suggestion.reason
    assert "Suggestion: promise 99.5 %, since" in text(one)
    few = judged(outages(every=DAY, minutes=3), targets=["99", "99.9"], wishes=Wishes(pages_per_week=0.1))
    assert few.suggestion is not None
    assert few.suggestion.objective is None
    assert few.suggestion.reason.startswith("none of these fits: even 99 ")


def test_a_target_under_which_a_tier_can_never_fire_is_refused_with_the_compilers_words() -> None:
    tiers = [
        {"burnRate": "14.4", "long": "1h", "short": "5m", "severity": "Page"},
        {"burnRate": "1", "long": "6h", "short": "30m", "severity": "Ticket"},
    ]
    one = judged(Traffic(days=2), targets=["90", "99.9"], alerting={"tiers": tiers})
    refused, present = one.targets
    assert refused.summary is None
    assert "can never be exceeded" in refused.refused
    assert present.summary is not None
    assert "90: spec.alerting.tiers[0]: a burn rate of 14.4 can never be exceeded" in text(one)


def test_targets_around_the_present_one() -> None:
    assert around("99.9") == ["99.5", "99.7", "99.9", "99.95", "99.97"]
    assert around("99.93") == ["99.7", "99.9", "99.93", "99.95", "99.97"]
    assert around("50") == ["50", "90", "95"]
    assert around("99.9999") == ["99.995", "99.999", "99.9999"]


@pytest.mark.parametrize(
    ("condition", "broken"),
    [
        ("pages-per-week>2", "pages-per-week is 2.333, and pages-per-week>2 is a failure"),
        ("pages-per-week > 3", None),
        ("missed>=1", None),
        ("noise<1", "noise is 0, and noise<1 is a failure"),
        ("budget-spent>100", "budget-spent is 46"),
        ("exhausted>10", "exhausted is 3"),
        ("coverage<99", None),
        ("tickets-per-week<=0", None),
    ],
)
def test_conditions_under_which_a_pipeline_fails(condition: str, broken: str | None) -> None:
    sentence = Threshold.parse(condition).broken(_OUTAGE)
    assert (sentence is None) == (broken is None)
    assert sentence is None or sentence.startswith(broken or "")


_OUTAGE: Judgement = judged(Traffic(days=3).failing(2 * DAY, minutes=20))


def test_what_is_unknown_is_neither_above_nor_below_a_limit() -> None:
    idle = judged(Traffic(days=2, rate=0.0))
    assert Threshold.parse("budget-spent>=0").broken(idle) is None
    assert Threshold.parse("budget-spent<=100").broken(idle) is None


@pytest.mark.parametrize("condition", ["pages>2", "pages-per-week=2", "missed>", "missed > -1", "", "noise>1 or 2"])
def test_a_condition_that_is_none_gets_a_sentence(condition: str) -> None:
    with pytest.raises(ValueError, match="write one of pages-per-week, "):
        Threshold.parse(condition)
