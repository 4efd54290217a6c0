"""ErrorBudgetPolicy as a pure function: rules, hysteresis, missing data, and a year in a second."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.errorbudgetpolicy import policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, START, UNKNOWN, Life, dump, healthy

from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.plan import Observed, plan


@pytest.mark.parametrize(
    ("reading", "state", "decision"),
    [
        (healthy(0.6), "Healthy", "Allow"),
        (healthy(0.25), "Healthy", "Allow"),
        (healthy(0.2499), "Caution", "Allow"),
        (healthy(-0.04), "Exhausted", "Hold"),
        (healthy(0.6, burn=14.5), "Exhausted", "Deny"),
        (healthy(-0.04, burn=22), "Exhausted", "Deny"),
        (BudgetReading("Idle"), "Healthy", "Allow"),
        (BudgetReading("Idle", 0.1), "Caution", "Allow"),
        (UNKNOWN, "Unknown", "Unknown"),
        (BudgetReading("Broken", 0.9), "Unknown", "Unknown"),
        (BudgetReading("Healthy"), "Unknown", "Unknown"),
    ],
)
def test_the_most_severe_rule_that_holds_wins(reading: BudgetReading, state: str, decision: str) -> None:
    life = Life(policy())
    life.look(reading)
    assert (life.status.state, life.status.decision) == (state, decision)


def test_the_reason_says_how_far_over_and_how_it_ends() -> None:
    life = Life(policy())
    life.look([WatchedObjective("checkout-availability", "30d", healthy(-0.04, burn=22.3))])
    assert life.status.reason == (
        "checkout-availability has spent 104 % of its 30-day error budget, burning 22x over 1h"
    )
    assert life.status.recovers == (
        "its budget left has been at least 1 % for 15m and it has burned at most 14.4x over 1h for 15m"
    )
    assert life.status.lowest_budget == "-4.0 %"
    assert life.status.predicted_recovery is None


def test_what_must_recover_is_said_once_where_one_figure_is_behind_several_rules() -> None:
    budgets = [
        {"when": {"budgetLeftBelow": left}, "state": "Caution", "then": {"gate": "Hold"}} for left in ("0", "30")
    ]
    rates = [
        {"when": {"burnRate": {"above": above, "over": "1h"}}, "state": "Exhausted", "then": {"gate": "Deny"}}
        for above in ("6", "14.4")
    ]
    life = Life(policy(budgets + rates))
    life.look(healthy(-0.04, burn=22.3))
    assert life.status.recovers == (
        "its budget left has been at least 31 % for 15m and it has burned at most 6x over 1h for 15m"
    )


def test_a_rule_ends_only_after_the_figure_was_good_for_the_whole_time() -> None:
    life = Life(policy())
    life.look(healthy(-0.01))
    assert life.status.decision == "Hold"
    # Above the threshold, below the margin: no progress.
    life.look(healthy(0.005), after=timedelta(hours=2))
    assert (life.status.decision, life.status.predicted_recovery) == ("Hold", None)
    result = life.look(healthy(0.02))
    began = life.now
    assert life.status.predicted_recovery == began + 15 * MINUTE == result.due
    life.look(healthy(0.02), after=14 * MINUTE)
    assert life.status.decision == "Hold"
    life.look(healthy(0.02), after=MINUTE)
    assert (life.status.decision, life.status.state) == ("Allow", "Caution")
    assert life.status.recovers == ""


def test_a_relapse_and_a_gap_begin_the_recovery_anew() -> None:
    for interruption in (healthy(0.005), healthy(-0.1), UNKNOWN):
        life = Life(policy())
        life.look(healthy(-0.01))
        life.look(healthy(0.02))
        life.look(interruption, after=10 * MINUTE)
        life.look(healthy(0.02), after=MINUTE)
        life.look(healthy(0.02), after=14 * MINUTE)
        decisions = [life.status.decision]
        life.look(healthy(0.02), after=MINUTE)
        assert [*decisions, life.status.decision] == ["Hold", "Allow"], interruption


def test_missing_data_keep_the_last_state_and_say_since_when() -> None:
    life = Life(policy())
    life.look(healthy(-0.01))
    result = life.look(UNKNOWN)
    lost = life.now
    assert (life.status.state, life.status.decision, life.status.unknown_since) == ("Exhausted", "Hold", lost)
    assert life.status.reason.endswith("; data of availability are missing since 2026-03-01T12:02:00Z")
    assert result.ready.status == "False"
    assert result.ready.reason == "DataMissing"
    life.look(UNKNOWN, after=timedelta(hours=3))
    assert life.status.unknown_since == lost
    life.look(healthy(0.5))
    assert life.status.unknown_since is None


def test_data_were_last_known_when_prometheus_last_answered() -> None:
    answered = START - timedelta(minutes=7)
    observed = Observed([WatchedObjective("availability", "30d", UNKNOWN)], figures_at=answered)
    assert plan(policy(), observed, START).status.unknown_since == answered


def test_one_objective_is_spent_while_another_is_not_known() -> None:
    life = Life(policy())
    life.look([WatchedObjective("a", "30d", healthy(-0.2)), WatchedObjective("b", "30d", UNKNOWN)])
    assert life.status.decision == "Hold"
    assert [(o.name, o.decision) for o in life.status.objectives] == [("a", "Hold"), ("b", "Unknown")]


def test_the_first_failed_request_of_a_new_objective_closes_nothing() -> None:
    life = Life(policy())
    life.look(BudgetReading("Healthy", -9.0, {"1h": 10.0}, coverage=0.009))
    assert (life.status.state, life.status.decision) == ("Healthy", "Allow")
    assert life.status.reason == (
        "No rule holds for any objective; the budget of availability is not judged yet, "
        "since less than 1 % of its window is measured"
    )
    life.look(BudgetReading("Healthy", -9.0, {"1h": 20.0}, coverage=0.009))
    assert life.status.decision == "Deny"
    life.look(BudgetReading("Healthy", -9.0, {"1h": 10.0}, coverage=0.01))
    assert life.status.objectives[0].active[0].rule == "budget left below 25 %"


def test_a_gap_that_leaves_too_little_ends_no_rule() -> None:
    life = Life(policy())
    life.look(BudgetReading("Healthy", -0.1, {"1h": 1.0}, coverage=1.0))
    life.look(BudgetReading("Healthy", 0.9, {"1h": 1.0}, coverage=0.001), after=timedelta(days=2))
    life.look(BudgetReading("Healthy", 0.9, {"1h": 1.0}, coverage=0.001))
    assert life.status.decision == "Hold"


def test_before_the_first_answer_of_prometheus_nothing_changes() -> None:
    life = Life(policy())
    life.look(healthy(-0.01))
    before = dump(life.status)
    result = life.look(UNKNOWN, asked=False)
    assert dump(life.status) == before
    assert result.due == life.now + timedelta(seconds=2)


def test_a_window_that_is_not_recorded_is_told_and_not_taken_for_good() -> None:
    rules = [{"when": {"burnRate": {"above": "6", "over": "2h"}}, "state": "Exhausted", "then": {"gate": "Hold"}}]
    life = Life(policy(rules))
    result = life.look(healthy(0.9))
    assert life.status.decision == "Unknown"
    assert "it records 1h, 6h: choose one of these in burnRate.over" in result.ready.message


def test_no_objective_and_one_that_does_not_exist() -> None:
    result = Life(policy()).look([])
    assert (result.ready.status, result.ready.reason, result.status.decision) == ("False", "NoObjectives", "Unknown")
    named = policy(objectives={"names": ["gone"]})
    result = Life(named).look([WatchedObjective("gone", "", UNKNOWN)])
    assert result.ready.reason == "ObjectiveMissing"
    assert "ServiceLevelObjective gone" in result.ready.message


def test_beyond_what_can_be_watched_the_objectives_that_are_known_are_watched_on() -> None:
    life = Life(policy())
    life.look([WatchedObjective("right", "30d", healthy(1))])
    more = [WatchedObjective(f"a{n}", "30d", healthy(1)) for n in range(600)]
    result = life.look([*more, WatchedObjective("right", "30d", healthy(-0.5))])
    assert (result.status.decision, result.status.watched) == ("Hold", 512)
    assert (result.ready.status, result.ready.reason) == ("False", "TooManyObjectives")
    assert "selects 601 objectives and watches 512 of them: select fewer" in result.ready.message


def test_an_edit_of_the_rules_takes_effect_at_once() -> None:
    life = Life(policy())
    life.look(healthy(-0.01))
    looser = policy([{"when": {"budgetLeftBelow": "10"}, "state": "Caution"}])
    life.policy = looser.model_copy(update={"status": life.status})
    life.look(healthy(-0.01))
    assert (life.status.state, life.status.decision) == ("Caution", "Allow")


def test_noise_writes_nothing() -> None:
    noise = random.Random(9)
    life = Life(policy())
    life.look(healthy(0.6, burn=0.5))
    life.writes = 0
    for _ in range(600):
        life.look(healthy(0.6 + noise.uniform(-0.002, 0.002), burn=0.5 + noise.uniform(-0.05, 0.05)))
    assert life.writes == 0


figures = st.one_of(
    st.just(UNKNOWN),
    st.just(BudgetReading("Idle")),
    st.builds(
        healthy,
        st.floats(-0.05, 0.06, allow_nan=False),
        st.floats(0, 30, allow_nan=False),
    ),
)


@given(st.lists(st.tuples(figures, st.integers(5, 1200)), max_size=80))
def test_whatever_the_figures_do_a_closed_gate_stays_closed_for_the_whole_recovery(
    story: Iterable[tuple[BudgetReading, int]],
) -> None:
    """Never open after less than `for` since the last bad or missing figure; never closed without cause."""
    life = Life(policy())
    closed = False
    last_bad = START
    for reading, seconds in story:
        life.look(reading, after=timedelta(seconds=seconds))
        left, burn = reading.budget_left, reading.burn.get("1h", 0.0)
        bad = left is not None and (left < 0 or burn > 14.4)
        was, closed = closed, life.status.decision in ("Hold", "Deny")
        assert closed or not bad
        if closed and not was:
            assert bad
        if was and not closed:
            assert life.now - last_bad >= 15 * MINUTE
        if bad or reading.data == "Unknown":
            last_bad = life.now


@given(st.lists(st.tuples(figures, st.integers(5, 1200)), min_size=1, max_size=30), st.data())
def test_looking_more_often_at_the_same_figures_changes_nothing(
    story: list[tuple[BudgetReading, int]], data: st.DataObject
) -> None:
    """Level-triggered: an extra look at a moment gives the status that is there."""
    life = Life(policy())
    for reading, seconds in story:
        life.look(reading, after=timedelta(seconds=seconds))
        before = dump(life.status)
        life.look(reading, after=timedelta(0))
        assert dump(life.status) == before


@pytest.mark.slow
def test_a_year_has_as_many_closures_as_outages() -> None:
    """Twelve outages, each spending the budget for hours and coming back noisily: twelve closures, and few writes."""
    noise = random.Random(1)
    life = Life(policy())
    step = 5 * MINUTE
    for tick in range(365 * 24 * 12):
        in_month = tick % (365 * 24)
        left = 0.6 if in_month < 4000 else -0.02 if in_month < 4036 else 0.6
        # An hour in which the figure trembles about the threshold.
        if 4036 <= in_month < 4048:
            left = noise.uniform(-0.01, 0.02)
        life.look(healthy(left + noise.uniform(-0.001, 0.001)), after=step)
    states = [reason for _, reason in life.transitions]
    assert states.count("Exhausted") == 12
    assert states.count("Healthy") == 13
    assert life.writes < 12 * 40


ABSENT = BudgetReading("Unknown", absent=True)


@pytest.mark.parametrize(
    ("seen", "never"),
    [
        ([ABSENT], True),
        ([ABSENT, UNKNOWN], True),
        # Nobody could be asked at first.
        ([UNKNOWN], None),
        ([UNKNOWN, ABSENT], True),
        ([ABSENT, healthy(0.5)], None),
        ([healthy(0.5), ABSENT], None),
        ([healthy(0.5), UNKNOWN, ABSENT], None),
        ([BudgetReading("Broken", 0.9)], None),
    ],
)
def test_an_objective_that_was_never_measured_is_told_from_one_whose_data_are_missing(
    seen: list[BudgetReading], never: bool | None
) -> None:
    life = Life(policy())
    for one in seen:
        life.look(one)
    assert life.status.objectives[0].never_measured is never


def test_beyond_those_that_are_listed_it_is_remembered_too() -> None:
    life = Life(policy())
    many = [WatchedObjective(f"o{number:03}", "30d", ABSENT) for number in range(100)]
    life.look(many)
    assert len(life.status.others) > 0
    assert all(each.never_measured for each in life.status.others)
    life.look([WatchedObjective(each.name, "30d", UNKNOWN) for each in many])
    assert all(each.never_measured for each in (*life.status.objectives, *life.status.others))


def test_who_contests_the_figures_does_not_open_what_is_spent() -> None:
    life = Life(policy())
    life.look(healthy(-0.1))
    for _ in range(3):
        status = life.look(BudgetReading("Contested"), after=timedelta(hours=1)).status
        assert (status.state, status.decision, status.unknown_since) == ("Exhausted", "Hold", None)
        assert status.objectives[0].data == "Contested"
    assert life.look(healthy(0.9), after=MINUTE).status.decision == "Hold", "it recovers as ever"


@pytest.mark.parametrize(("hindered", "since"), [(True, None), (False, START + 2 * MINUTE)])
def test_who_keeps_the_rules_from_running_does_not_open_what_is_spent(hindered: bool, since: datetime | None) -> None:
    life = Life(policy())
    life.look(healthy(-0.1))
    status = life.look([WatchedObjective("availability", "30d", UNKNOWN, hindered=hindered)]).status
    assert (status.state, status.decision, status.unknown_since) == ("Exhausted", "Hold", since)
    told = "; availability cannot be measured, as its status says: the last known state stays"
    assert status.reason.endswith(told) is hindered


def test_contested_figures_of_an_objective_that_is_not_spent_are_unknown() -> None:
    life = Life(policy())
    life.look(healthy(0.9))
    assert life.look(BudgetReading("Contested")).status.unknown_since is not None
