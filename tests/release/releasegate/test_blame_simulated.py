"""Over simulated releases the gate blames the one that is known to be bad, or nobody."""

from __future__ import annotations

import random

import pytest
from bench.blame import NEIGHBOURS, outages, releases, verdict
from bench.incidents import Rollout, Scenario, Shop
from hypothesis import given, settings
from hypothesis import strategies as st

BAD = Rollout("checkout", "checkout:v2", 600, fails=1.0, takes=15)


def undone(after: int) -> list[Rollout]:
    return [BAD, Rollout("checkout", "checkout:v1", 600 + after, takes=15)]


@pytest.mark.parametrize("after", [16, 30, 120])
def test_a_bad_release_that_is_undone_at_once_is_blamed_and_the_rollback_is_not(after: int) -> None:
    assert Shop(Scenario(undone(after), left=0.0001, lasts=2400)).run() == {"checkout:v2"}


def test_the_remedy_of_a_release_is_not_blamed_for_it() -> None:
    """The remedy is no rollback: it brings a third image, half a minute later."""
    remedy = Rollout("checkout", "checkout:v3", 630, takes=15)
    assert Shop(Scenario([BAD, remedy], left=0.0001, lasts=3000)).run() <= {"checkout:v2"}


def test_of_two_releases_at_the_same_time_the_one_is_blamed_whose_rollback_helps() -> None:
    together = [*undone(300), Rollout("cart", "cart:v2", 600)]
    assert Shop(Scenario(together, left=0.0001, lasts=3000)).run() == {"checkout:v2"}
    assert Shop(Scenario([BAD, Rollout("cart", "cart:v2", 600)], left=0.0001, lasts=3000)).run() == set()


def test_a_release_that_is_undone_in_vain_is_acquitted() -> None:
    """The cause is an outage of something else."""
    harmless = [Rollout("checkout", "checkout:v2", 600, takes=15), Rollout("checkout", "checkout:v1", 900, takes=15)]
    shop = Shop(Scenario(harmless, left=0.0001, outage=(660, 6000, 0.5), lasts=4200))
    shop.run()
    assert shop.blames_now() == set()


def test_an_error_after_the_burn_has_ended_acquits_nobody() -> None:
    """With little traffic a single error burns for a while, so that the burn seems to outlast the rollback."""
    found = next(each for each in releases(NEIGHBOURS) if each.seed == 338)
    assert Shop(found).run() == {"checkout:v2"}


@settings(max_examples=8)
@given(
    fails=st.floats(0.005, 1),
    rate=st.floats(0.2, 100),
    after=st.one_of(st.none(), st.integers(10, 1500)),
    neighbour=st.one_of(st.none(), st.integers(-1500, 300)),
    left=st.sampled_from([0.3, 0.0005]),
    seed=st.integers(0, 1000),
)
def test_nobody_but_the_bad_release_is_blamed(
    fails: float, rate: float, after: int | None, neighbour: int | None, left: float, seed: int
) -> None:
    rollouts = [Rollout("checkout", "checkout:v2", 1800, fails)]
    if after is not None:
        rollouts.append(Rollout("checkout", "checkout:v1", 1800 + after))
    if neighbour is not None:
        rollouts.append(Rollout("cart", "cart:v2", 1800 + neighbour))
    blamed = Shop(Scenario(rollouts, rate, left, lasts=4200, seed=seed)).run()
    assert blamed <= {"checkout:v2"}


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_over_the_grid_nobody_is_wronged_and_most_that_stand_alone_are_found() -> None:
    chance = random.Random(4)
    alone = [verdict(each) for each in chance.sample(list(releases((None,))), 60)]
    beside = [verdict(each) for each in chance.sample(list(releases(NEIGHBOURS)), 120)]
    late = [verdict(each) for each in outages() if each.outage and each.outage[0] - each.rollouts[0].at > 1200]
    assert "wrong" not in {*alone, *beside, *late}
    assert alone.count("hit") > alone.count("miss")
