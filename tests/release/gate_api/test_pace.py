"""A slower pace: the share of yes, whenever and however often a tool asks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from ninefold.release.gate_api.pace import goes_on

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def asked(pace: int, minutes: int, times: int, subject: str = "shop/gate/checkout") -> list[bool]:
    return [goes_on(pace, subject, START + n * timedelta(minutes=minutes)) for n in range(times)]


@given(pace=st.integers(1, 99), minutes=st.integers(1, 60), subject=st.text(max_size=20))
def test_the_share_of_yes_is_the_pace_whatever_the_interval(pace: int, minutes: int, subject: str) -> None:
    said = asked(pace, minutes, 2000, subject)
    assert abs(sum(said) / len(said) - pace / 100) < 0.03


@given(pace=st.integers(10, 99), minutes=st.sampled_from([1, 2, 3, 5, 10, 15, 30, 60]))
def test_nobody_waits_for_long(pace: int, minutes: int) -> None:
    waits = [len(list(run)) for yes, run in groupby(asked(pace, minutes, 3000)) if not yes]
    assert max(waits) <= 5 * 100 / pace


def test_full_pace_never_waits_and_within_a_minute_the_answer_stays() -> None:
    assert all(asked(100, 1, 500))
    seconds = {goes_on(50, "a", START + timedelta(seconds=second)) for second in range(60)}
    assert len(seconds) == 1


def test_two_deliveries_do_not_go_in_step() -> None:
    one, other = asked(50, 1, 400, "shop/gate/a"), asked(50, 1, 400, "shop/gate/b")
    assert one != other
