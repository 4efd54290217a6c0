"""When the readers of a figure are told that it moved."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.domain.measurements.measurement import Measurement, rounded

BUDGETS = st.integers(-500, 1000).map(lambda tenths: tenths / 1000)
"""Thresholds of a budget, in tenths of a percent."""
BURNS = st.integers(1, 999).map(lambda tenths: tenths / 10)
"""Thresholds of a burn rate, in tenths."""


@given(threshold=BUDGETS, above=st.floats(0.00001, 0.5), below=st.floats(0.00001, 0.5))
def test_a_budget_that_passes_a_threshold_is_told_however_slowly(threshold: float, above: float, below: float) -> None:
    before, after = Measurement(budget_left=threshold + above), Measurement(budget_left=threshold - below)
    assert rounded(before) != rounded(after)


@given(threshold=BURNS, above=st.floats(0.00001, 50), below=st.floats(0.00001, 1))
def test_a_burn_rate_that_passes_a_threshold_is_told_however_slowly(
    threshold: float, above: float, below: float
) -> None:
    before = Measurement(burn={"1h": max(0.0, threshold * (1 - below))})
    assert rounded(before) != rounded(Measurement(burn={"1h": threshold + above}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Measurement(budget_left=0.5001), Measurement(budget_left=0.5009)),
        (Measurement(burn={"1h": 14.41}), Measurement(burn={"1h": 14.49})),
        (Measurement(burn={"1h": 0.401}), Measurement(burn={"1h": 0.409})),
        (Measurement(burn={"1h": 503.0}), Measurement(burn={"1h": 498.0})),
    ],
)
def test_what_moves_less_is_not(one: Measurement, other: Measurement) -> None:
    assert rounded(one) == rounded(other)
