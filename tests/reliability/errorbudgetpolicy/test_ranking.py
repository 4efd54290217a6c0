"""A policy over more objectives than a status lists: what matters is listed, and nothing is forgotten."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders.errorbudgetpolicy import policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, START, UNKNOWN, Life, dump, healthy

from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective

RULES = [
    {"when": {"budgetLeftBelow": "25"}, "state": "Caution", "then": {"pace": "50"}},
    {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}},
]


def fleet(read: Callable[[int], BudgetReading], count: int = 100) -> list[WatchedObjective]:
    return [WatchedObjective(f"o{number:03}", "30d", read(number)) for number in range(count)]


def test_what_matters_is_listed_first_and_all_are_watched() -> None:
    life = Life(policy(RULES))
    life.look(fleet(lambda n: healthy(0.9)))
    kinds = {7: healthy(0.2), 50: UNKNOWN, 70: healthy(-0.3), 80: healthy(-0.1), 99: healthy(0.5)}
    life.look(fleet(lambda n: kinds.get(n, healthy(0.9))))
    status = life.status
    assert [objective.name for objective in status.objectives[:6]] == ["o070", "o080", "o050", "o007", "o099", "o000"]
    assert len(status.objectives) == 64
    assert status.watched == 100
    assert status.lowest_budget == "-30.0 %"
    assert {objective.name for objective in (*status.objectives, *status.others)} == {f"o{n:03}" for n in range(100)}


def test_latches_of_those_that_are_not_listed_survive() -> None:
    life = Life(policy(RULES))
    life.look(fleet(lambda n: healthy(-0.1)))
    began = life.now
    assert all(rule.since == began for objective in life.status.others for rule in objective.active)
    life.look(fleet(lambda n: healthy(0.5)))
    assert life.status.predicted_recovery == life.now + 15 * MINUTE
    life.look(fleet(lambda n: healthy(0.5)), after=14 * MINUTE)
    assert all(len(objective.active) == 2 for objective in life.status.others)
    life.look(fleet(lambda n: healthy(0.5)), after=MINUTE)
    assert life.status.state == "Healthy"
    assert not any(objective.active for objective in life.status.others)


def test_an_objective_that_is_not_listed_was_known_and_stays_so_in_a_gap() -> None:
    life = Life(policy(RULES))
    life.look(fleet(lambda n: healthy(0.9)))
    life.look(fleet(lambda n: UNKNOWN if n > 90 else healthy(0.9)))
    assert (life.status.state, life.status.decision) == ("Healthy", "Allow")
    assert [objective.name for objective in life.status.objectives[:2]] == ["o091", "o092"]


def test_what_is_known_to_be_spent_is_not_crowded_out_by_what_is_not_known() -> None:
    life = Life(policy(RULES))
    life.look(fleet(lambda n: healthy(-0.5)))
    life.look(fleet(lambda n: healthy(-0.1) if n == 99 else UNKNOWN))
    assert life.status.objectives[0].name == "o099"


def test_noise_moves_nobody_in_or_out() -> None:
    noise = random.Random(4)
    life = Life(policy(RULES))
    life.look(fleet(lambda n: healthy(0.9)))
    life.writes = 0
    for _ in range(100):
        life.look(fleet(lambda n: healthy(0.9 + noise.uniform(-0.002, 0.002))))
    assert life.writes == 0


def test_512_objectives_that_move_are_looked_at_without_losing_one() -> None:
    noise = random.Random(5)
    life = Life(policy(RULES))
    for _ in range(8):
        life.look(fleet(lambda n: healthy(noise.uniform(-0.5, 1)), 512))
        assert len({o.name for o in (*life.status.objectives, *life.status.others)}) == 512


moods = st.sampled_from((healthy(0.9), healthy(0.3), healthy(0.1), healthy(-0.2), UNKNOWN, BudgetReading("Idle")))


@settings(max_examples=25)
@given(st.lists(st.lists(moods, min_size=70, max_size=70), min_size=1, max_size=6))
def test_listing_a_part_decides_as_listing_all_would(story: list[list[BudgetReading]]) -> None:
    """The fold over one policy of 70 equals the fold over 70 policies of one."""
    together, alone = Life(policy(RULES)), [Life(policy(RULES)) for _ in range(70)]
    severity = ("Allow", "Unknown", "Hold")
    for readings in story:
        together.look(fleet(readings.__getitem__, 70), after=6 * MINUTE)
        for life, reading in zip(alone, readings, strict=True):
            life.look(reading, after=6 * MINUTE)
        remembered = {o.name: o for o in (*together.status.objectives, *together.status.others)}
        for number, life in enumerate(alone):
            assert remembered[f"o{number:03}"].active == life.status.objectives[0].active
        worst = max((life.status.decision for life in alone), key=severity.index)
        if worst == "Hold":
            assert together.status.decision == "Hold"


def test_an_extra_look_changes_nothing() -> None:
    life = Life(policy(RULES))
    objectives = fleet(lambda n: healthy(n / 100 - 0.2))
    life.look(objectives)
    before = dump(life.status)
    life.look(objectives, after=0 * MINUTE)
    assert dump(life.status) == before
    assert life.now == START + MINUTE
