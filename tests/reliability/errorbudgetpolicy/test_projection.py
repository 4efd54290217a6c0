"""How long a budget lasts: against a count of every minute, and as a rule that closes nothing for one short spike."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from math import inf
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.builders.errorbudgetpolicy import policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, START, UNKNOWN, Life

from ninefold.domain.schedules.calendar import Calendar
from ninefold.domain.schedules.span import Span
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.projection import lasts, length, rates

DAY = 86_400
SOON = [{"when": {"exhaustedWithin": "3d"}, "state": "Exhausted", "then": {"gate": "Hold"}}]


def reading(left: float, *burn: float, data: Any = "Healthy", coverage: float = 1.0) -> BudgetReading:
    """Burn rates over 1h, 6h and 3d."""
    return BudgetReading(data, left, dict(zip(("1h", "6h", "3d"), burn, strict=False)), coverage)


@pytest.mark.parametrize(
    ("window", "burn", "expected"),
    [
        ("30d", {"5m": 9.0, "1h": 3.0, "6h": 2.0, "1d": 8.0, "3d": 1.0}, (1.0, 3.0)),
        ("30d", {"1h": 3.0, "6h": 2.0, "30d": 0.1}, (2.0, 3.0)),
        ("1h", {"5m": 9.0, "15m": 4.0, "1h": 1.0}, (4.0, 4.0)),
        ("30d", {}, None),
        ("Month", {"1h": 1.0}, None),
    ],
)
def test_it_looks_at_an_hour_at_six_and_at_the_longest_below_the_window(
    window: str, burn: dict[str, float], expected: tuple[float, float] | None
) -> None:
    found = rates(WatchedObjective("a", window, BudgetReading("Healthy", 0.5, burn)))
    assert (found and (found.lowest, found.highest)) == expected


def test_without_traffic_nothing_burns() -> None:
    found = rates(WatchedObjective("a", "30d", BudgetReading("Idle", 0.5, {"6h": 2.0, "3d": 3.0})))
    assert found is not None
    assert found.lowest == 0


@given(st.floats(0.01, 1), st.floats(0, 40))
def test_a_rolling_budget_lasts_as_long_as_its_minutes_say(left: float, rate: float) -> None:
    """Ten days of which a tenth burned before: minute by minute, those that leave the window burned nothing."""
    window = 10 * DAY
    took = lasts(WatchedObjective("a", "10d", UNKNOWN), left, rate, START)
    spent, minute = 1 - left, 0
    while spent < 1 and minute < window // 60:
        minute += 1
        spent += rate * 60 / window
    if took == inf:
        assert spent <= 1 + 1e-9
    else:
        assert took == pytest.approx(minute * 60, abs=61)


@given(st.floats(0.01, 1), st.floats(0, 40), st.integers(1, 29))
def test_a_budget_of_the_calendar_lasts_as_long_as_its_hours_say(left: float, rate: float, day: int) -> None:
    """Even traffic: the budget is a share of the events so far, so it grows while it is spent."""
    start, now = datetime(2026, 6, 1, tzinfo=UTC), datetime(2026, 6, 1 + day, tzinfo=UTC)
    span = Span(start, datetime(2026, 7, 1, tzinfo=UTC))
    took = lasts(WatchedObjective("a", "Month", UNKNOWN, span), left, rate, now)
    hours, spent, rest = day * 24, (1 - left) * day * 24, (30 - day) * 24
    passed = 0
    while spent < hours and passed < rest:
        passed, hours, spent = passed + 1, hours + 1, spent + rate
    if took == inf:
        assert spent < hours or passed == rest
    else:
        assert took == pytest.approx(passed * 3600, abs=3601)


def test_what_is_spent_already_lasts_for_no_time() -> None:
    assert lasts(WatchedObjective("a", "30d", UNKNOWN), -0.1, 0, START) == 0


@pytest.mark.parametrize(
    ("measured", "decision"),
    [
        (reading(0.3, 3.0, 3.0, 3.0), "Hold"),
        (reading(0.3, 2.9, 3.0, 3.0), "Allow"),
        (reading(0.3, 60.0, 2.0, 0.5), "Allow"),
        (reading(0.3, 0.0, 60.0, 60.0), "Allow"),
        (reading(-0.1, 0.0, 0.0, 0.0), "Hold"),
        (reading(0.3, 60.0, 60.0, 60.0, coverage=0.009), "Allow"),
        (BudgetReading("Idle", 0.3, {"6h": 60.0, "3d": 60.0}), "Allow"),
        (BudgetReading("Idle"), "Allow"),
        (BudgetReading("Healthy", 0.3), "Unknown"),
        (UNKNOWN, "Unknown"),
    ],
)
def test_every_window_must_agree(measured: BudgetReading, decision: str) -> None:
    life = Life(policy(SOON))
    life.look(measured)
    assert life.status.decision == decision


def test_the_interval_is_told_in_figures_and_in_words() -> None:
    life = Life(policy(SOON))
    life.look(reading(0.12, 6.0, 3.0, 2.0))
    exhaustion = life.status.objectives[0].exhaustion
    assert exhaustion is not None
    assert (exhaustion.earliest, exhaustion.latest) == ("14h", "1d19h")
    assert life.status.reason == (
        "availability has 12.0 % of its 30-day error budget left, burning 6x over 1h, "
        "which lasts 14h to 1d19h at this rate"
    )
    assert life.status.recovers == ("its budget has been forecast to last longer than 3d with 1 % to spare for 15m")


def test_it_ends_when_there_is_a_margin_to_spare_for_the_whole_time() -> None:
    life = Life(policy(SOON))
    life.look(reading(0.30, 3.0, 3.0, 3.0))
    life.look(reading(0.305, 3.0, 3.0, 3.0), after=timedelta(hours=2))
    assert (life.status.decision, life.status.predicted_recovery) == ("Hold", None)
    life.look(reading(0.30, 0.2, 3.0, 3.0))
    assert life.status.predicted_recovery == life.now + 15 * MINUTE
    life.look(reading(0.30, 0.2, 3.0, 3.0), after=15 * MINUTE)
    assert life.status.decision == "Allow"


def test_nothing_is_foretold_of_a_budget_that_is_not_judged_yet() -> None:
    life = Life(policy(SOON))
    life.look(reading(0.9, 3.0, 3.0, coverage=0.009))
    assert life.status.objectives[0].exhaustion is None
    life.look(reading(0.9, 3.0, 3.0, coverage=0.011))
    assert life.status.objectives[0].exhaustion is not None


def test_a_period_that_ends_before_takes_the_debt_with_it() -> None:
    life = Life(policy(SOON), "Month", Calendar(period="Month"))
    life.now = datetime(2026, 3, 30, 12, tzinfo=UTC)
    life.look(reading(0.2, 3.0, 3.0, 3.0))
    exhaustion = life.status.objectives[0].exhaustion
    assert exhaustion is not None
    assert exhaustion.latest == "never"
    assert life.status.decision == "Allow"


@given(
    st.floats(-0.05, 1),
    st.lists(st.floats(0, 30), min_size=3, max_size=3),
    st.integers(0, 2**16),
)
# 11.45x is shown as 11x, and 12.1x is a tenth above that.
@example(0.0, [11.75, 0.0, 0.0], 999)
def test_noise_writes_nothing(left: float, burn: list[float], seed: int) -> None:
    """Wherever the figures stand: after a few looks a tremble of a twentieth is written no more."""
    noise = random.Random(seed)
    life = Life(policy([{"when": {"budgetLeftBelow": "0"}, "state": "Caution"}]))

    def tremble() -> BudgetReading:
        near = max(left, 0.02) if left > -0.02 else left
        return reading(
            near + noise.uniform(-0.001, 0.001), *(max(0.0, rate * noise.uniform(0.97, 1.03)) for rate in burn)
        )

    for _ in range(30):
        life.look(tremble())
    life.writes = 0
    for _ in range(100):
        life.look(tremble())
    assert life.writes == 0


def test_what_is_shown_is_about_what_is_true() -> None:
    """A budget that is spent in three days: the interval follows, and is written a few dozen times on the way."""
    life = Life(policy([{"when": {"budgetLeftBelow": "0"}, "state": "Caution"}]))
    life.look(reading(1.0, 10.0, 10.0, 10.0))
    for minute in range(0, 4_200, 10):
        left = 1 - minute / 4_320
        life.look(reading(left, 10.0, 10.0, 10.0), after=10 * MINUTE)
        shown = life.status.objectives[0].exhaustion
        assert shown is not None
        assert length(shown.latest) == pytest.approx(left * 3 * DAY, rel=0.15, abs=2_200)
