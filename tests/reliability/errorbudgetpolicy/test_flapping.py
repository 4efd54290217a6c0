"""No state flaps: not by noise, gaps, idleness, a cold start or a budget that begins anew. Over generated histories."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders.errorbudgetpolicy import policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, Life, healthy

from ninefold.domain.measurements.measurement import DataState
from ninefold.domain.schedules.calendar import Calendar
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading

SPENT = [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}]
FAST = {"burnRate": {"above": "9", "over": "6h", "and": "1h"}}
ALL = [
    {"when": {"budgetLeftBelow": "25"}, "state": "Caution", "then": {"pace": "50"}},
    *SPENT,
    {"when": {"exhaustedWithin": "2d"}, "state": "Caution", "then": {"gate": "Approve"}},
    {"when": FAST, "state": "Exhausted", "then": {"gate": "Deny"}},
]


@dataclass(frozen=True)
class Stretch:
    """Some looks at what stays about the same."""

    looks: int
    left: float
    burn: float
    data: DataState

    def readings(self, noise: list[float]) -> Iterator[BudgetReading]:
        for tremble in (noise * self.looks)[: self.looks]:
            if self.data in ("Unknown", "Broken"):
                yield BudgetReading(self.data)
            elif self.data == "Idle":
                yield BudgetReading("Idle", self.left, {"6h": self.burn}, 1.0)
            else:
                yield replace(healthy(self.left + tremble, self.burn), coverage=1.0)


stretches = st.lists(
    st.builds(
        Stretch,
        looks=st.integers(1, 30),
        left=st.floats(-0.1, 1),
        burn=st.floats(0, 30),
        data=st.sampled_from(("Healthy", "Healthy", "Healthy", "Idle", "Unknown", "Broken")),
    ),
    min_size=1,
    max_size=12,
)
noises = st.lists(st.floats(-0.008, 0.008), min_size=1, max_size=8)


@given(stretches, noises)
def test_no_more_transitions_than_the_history_has_real_crossings(story: list[Stretch], noise: list[float]) -> None:
    """A crossing: the budget, as far as it is known, was at 1 % or more and comes below 0, or the other way about."""
    life = Life(policy(SPENT))
    crossings, spent = 0, False
    for stretch in story:
        for reading in stretch.readings(noise):
            life.look(reading, after=5 * MINUTE)
            left = reading.budget_left
            if left is not None and (left < 0 if not spent else left >= 0.01):
                crossings, spent = crossings + 1, not spent
    moves = [state for _, state in life.transitions if state != "Unknown"]
    # The first one is out of Unknown.
    assert len(moves) - 1 <= crossings or not moves
    assert all(before != after for before, after in pairwise(moves))


@given(stretches, noises, st.integers(0, 400), st.integers(1, 60), st.sampled_from(("Unknown", "Broken")))
def test_a_gap_of_data_causes_no_transition(
    story: list[Stretch], noise: list[float], at: int, gap: int, data: DataState
) -> None:
    """While data are missing nothing changes but for what is told of them; nor when the same figures come back."""
    life = Life(policy(ALL))
    readings = [reading for stretch in story for reading in stretch.readings(noise)]
    before = readings[: at % len(readings) + 1]
    for reading in before:
        life.look(reading, after=5 * MINUTE)
    state, decision, pace, told = life.status.state, life.status.decision, life.status.pace, len(life.events)
    for _ in range(gap):
        life.look(BudgetReading(data), after=5 * MINUTE)
        assert (life.status.state, life.status.decision, life.status.pace) == (state, decision, pace)
    assert len(life.events) == told
    if before[-1].known:
        life.look(before[-1], after=5 * MINUTE)
        assert (life.status.state, life.status.decision, len(life.events)) == (state, decision, told)


@given(stretches, noises)
def test_every_transition_has_a_figure_that_was_good_or_bad_for_long_enough(
    story: list[Stretch], noise: list[float]
) -> None:
    """Of all rules together: what eases does so 15 minutes after the last look that was worse or blind."""
    life = Life(policy(ALL))
    order = ("Healthy", "Unknown", "Caution", "Exhausted")
    worse = {"Healthy": 0, "Caution": 1, "Exhausted": 2}
    last: dict[str, datetime] = {}
    for stretch in story:
        for reading in stretch.readings(noise):
            was = life.status.state
            life.look(reading, after=5 * MINUTE)
            fresh = Life(policy(ALL))
            fresh.now = life.now
            fresh.look(reading, after=timedelta(0))
            now = life.status.state
            if now in worse and was in worse and order.index(now) < order.index(was):
                assert life.now - last.get(was, life.now) >= 15 * MINUTE
            for state in ("Caution", "Exhausted"):
                if fresh.status.state == "Unknown" or worse.get(fresh.status.state, 0) >= worse[state]:
                    last[state] = life.now


MONTH = Calendar(period="Month")
APRIL = datetime(2026, 4, 1, tzinfo=UTC)


class Month:
    """A service under a budget of the month, in minutes: what is bad and all there was since the month began."""

    def __init__(self, life: Life, **lag: Any) -> None:
        self.life = life
        self.bad = self.all = 0.0
        self.began = datetime(2026, 3, 1, tzinfo=UTC)
        self.lag: timedelta = lag.get("lag", MINUTE)

    def run(self, length: timedelta, burn: float, data: str = "Healthy") -> None:
        step = timedelta(minutes=5)
        for _ in range(length // step):
            self.life.now += step
            now = self.life.now - self.lag
            if self.began < APRIL <= now:
                self.bad = self.all = 0.0
                self.began = APRIL
            self.all += 5
            self.bad += 5 * burn
            if data == "Unknown":
                self.life.look(BudgetReading("Unknown"), after=timedelta(0))
                continue
            rates = {"1h": burn, "6h": burn, "3d": burn}
            coverage = (now - self.began) / timedelta(days=30)
            self.life.look(BudgetReading("Healthy", 1 - self.bad / self.all, rates, coverage), after=timedelta(0))


@settings(max_examples=30)
@given(
    st.floats(1.1, 5),
    st.floats(0, 0.5),
    st.integers(1, 9),
    st.booleans(),
    st.sampled_from(("0", "1", "3")),
)
def test_a_budget_that_begins_anew_ends_exhausted_after_the_recovery_and_once(
    before: float, after: float, lag: int, gap: bool, coverage: str
) -> None:
    """Whatever the lag of the figures, a gap about midnight and how much must be measured."""
    life = Life(policy(SPENT, minimumCoverage=coverage), "Month", MONTH)
    life.now = APRIL - timedelta(hours=6)
    month = Month(life, lag=lag * MINUTE)
    month.all = month.bad = 30 * 24 * 60.0
    month.run(timedelta(hours=6) - 30 * MINUTE, before)
    assert life.status.state == "Exhausted"
    entered = len(life.transitions)
    month.run(60 * MINUTE, before if not gap else 0, "Unknown" if gap else "Healthy")
    month.run(timedelta(days=1), after)
    assert [state for _, state in life.transitions[entered:]] == ["Healthy"]
    at = life.transitions[-1][0]
    began = APRIL + (30 if gap or coverage == "0" else lag) * MINUTE
    assert at >= APRIL + 15 * MINUTE
    if gap:
        assert at <= began + 25 * MINUTE


def test_the_first_requests_of_a_new_month_neither_hold_the_old_debt_nor_make_a_new_one() -> None:
    """Half an hour of failures right after midnight: the old rule ends, the new budget is not judged yet."""
    life = Life(policy(SPENT), "Month", MONTH)
    life.now = APRIL - timedelta(hours=6)
    month = Month(life)
    month.all, month.bad = 30 * 24 * 60.0, 33 * 24 * 60.0
    month.run(timedelta(hours=6), 3)
    month.run(30 * MINUTE, 3)
    assert life.status.state == "Healthy"
    assert "is not judged yet" in life.status.reason
    # Once it is, the failures that go on are a debt of this month.
    month.run(timedelta(hours=8), 3)
    assert [state for _, state in life.transitions] == ["Exhausted", "Healthy", "Exhausted"]


def test_a_cold_start_is_one_transition() -> None:
    """No figures, then too few to judge, then a bad first hour, then a good month."""
    life = Life(policy(ALL))
    for looks, reading in (
        (10, BudgetReading("Unknown")),
        (20, BudgetReading("Healthy", None, {})),
        (60, replace(healthy(-9, 1), coverage=0.001)),
        (60, replace(healthy(0.8, 0.2), coverage=0.02)),
    ):
        for _ in range(looks):
            life.look(reading, after=5 * MINUTE)
    assert [transition.to for transition in life.status.transitions] == ["Healthy"]


@given(st.lists(st.booleans(), min_size=1, max_size=60))
def test_traffic_that_comes_and_goes_moves_nothing(story: list[bool]) -> None:
    """Requests now and then: Idle and Healthy by turns with the same budget."""
    life = Life(policy(ALL))
    life.look(healthy(0.6, 0.5))
    for busy in story:
        life.look(healthy(0.6, 0.5) if busy else BudgetReading("Idle", 0.6, {"6h": 0.5}), after=7 * MINUTE)
    assert [state for _, state in life.transitions] == ["Healthy"]
