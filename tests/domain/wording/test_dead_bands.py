"""A value that trembles writes nothing; one that moves, or passes 0, is shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.domain.wording.dead_bands import budget_moved, burn_moved, coverage_moved
from ninefold.domain.wording.numbers import burn_rate, percent


@given(st.floats(0.01, 5_000), st.floats(-0.05, 0.05))
def test_a_burn_rate_that_trembles_by_a_twentieth_stays_as_it_is_shown(rate: float, tremble: float) -> None:
    shown = float(burn_rate(rate).rstrip("x"))
    assert not burn_moved(shown, rate * (1 + tremble))


@given(st.floats(1, 5_000))
def test_a_burn_rate_that_moves_by_a_quarter_is_shown(rate: float) -> None:
    shown = float(burn_rate(rate).rstrip("x"))
    assert burn_moved(shown, rate * 1.25)


@pytest.mark.parametrize(
    ("shown", "now", "moved"), [(38.2, 38.6, False), (38.2, 38.7, True), (0.1, -0.1, True), (-0.1, 0.1, True)]
)
def test_a_budget_moves_by_half_a_point_or_past_zero(shown: float, now: float, moved: bool) -> None:
    assert budget_moved(shown, now) is moved
    assert percent(shown) != percent(now)


@pytest.mark.parametrize(("shown", "now", "moved"), [(50, 59, False), (50, 60, True), (97, 99, True), (99, 100, False)])
def test_a_coverage_that_is_full_is_shown_as_full(shown: float, now: float, moved: bool) -> None:
    assert coverage_moved(shown, now) is moved
