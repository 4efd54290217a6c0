"""How much a release is to be suspected: sooner, further and from a calmer state is worse."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.release.release.suspicion import burn_rate, suspicion

MINUTE = timedelta(minutes=1)
RATES = st.floats(0, 10_000)
DELAYS = st.timedeltas(timedelta(0), timedelta(days=2))


@pytest.mark.parametrize(
    ("minutes", "before", "rate", "expected"),
    [
        (0, 0.4, 22, 0.91),
        (8, 0.4, 22, 0.83),
        (60, 0.4, 22, 0.46),
        (8, 10, 22, 0.46),
        (8, 20, 22, 0.06),
        (0, 0, 2, 0.25),
        (0, 0, 1, 0.0),
        (0, 22, 5, 0.0),
    ],
)
def test_the_examples_of_the_page(minutes: int, before: float, rate: float, expected: float) -> None:
    assert round(suspicion(minutes * MINUTE, before, rate), 2) == expected


@given(DELAYS, RATES, RATES)
def test_it_is_a_share(delay: timedelta, before: float, rate: float) -> None:
    assert 0 <= suspicion(delay, before, rate) <= 1


@given(DELAYS, DELAYS, RATES, RATES)
def test_the_sooner_the_more(one: timedelta, other: timedelta, before: float, rate: float) -> None:
    sooner, later = sorted((one, other))
    assert suspicion(sooner, before, rate) >= suspicion(later, before, rate)


@given(DELAYS, RATES, RATES, RATES)
def test_the_further_the_more(delay: timedelta, before: float, one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert suspicion(delay, before, less) <= suspicion(delay, before, more)


@given(DELAYS, RATES, RATES, RATES)
def test_what_burned_before_is_the_less_its_doing(delay: timedelta, rate: float, one: float, other: float) -> None:
    calm, burning = sorted((one, other))
    assert suspicion(delay, calm, rate) >= suspicion(delay, burning, rate)


@given(DELAYS, RATES, st.floats(0, 1))
def test_what_the_objective_allows_is_no_burn(delay: timedelta, before: float, rate: float) -> None:
    assert suspicion(delay, before, rate) == 0


def test_a_failed_request_in_a_quiet_minute_is_no_burn() -> None:
    assert burn_rate({"5m": 200.0, "30m": 3.0, "1h": 1.6, "6h": 0.2}) == 1.6
    assert burn_rate({"6h": 0.2, "3d": 4.0}) == 0.2
    assert burn_rate({}) is None
