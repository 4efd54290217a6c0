"""The timeline of a policy: what happened, why, and what it adds up to."""

from __future__ import annotations

from datetime import timedelta

from tests.builders.errorbudgetpolicy import RULES, policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, START, UNKNOWN, Life, healthy

from ninefold.kube.fields import rfc3339
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective

HOUR = timedelta(hours=1)


def test_it_tells_what_happened_newest_first_with_figures() -> None:
    life = Life(policy())
    life.look(healthy(0.9))
    life.look(healthy(0.2, burn=2), after=HOUR)
    life.look(healthy(-0.04, burn=2), after=HOUR)
    life.look(UNKNOWN, after=HOUR)
    life.look(healthy(0.5), after=HOUR)
    life.look(healthy(0.5), after=HOUR)
    assert [(t.from_, t.to, t.at) for t in life.status.transitions] == [
        ("Exhausted", "Healthy", START + 5 * HOUR + MINUTE),
        ("Caution", "Exhausted", START + 2 * HOUR + MINUTE),
        ("Healthy", "Caution", START + HOUR + MINUTE),
        ("Unknown", "Healthy", START + MINUTE),
    ]
    assert [t.reason for t in life.status.transitions] == [
        "budget left below 25 % has ended (and 1 more): availability has 50.0 % of its 30-day error budget left",
        "availability has spent 104 % of its 30-day error budget, burning 2x over 1h",
        "availability has 20.0 % of its 30-day error budget left, burning 2x over 1h, which lasts 3d at this rate",
        "No rule holds for any objective",
    ]


def test_it_is_kept_over_a_restart_and_changed_by_no_look() -> None:
    life = Life(policy())
    life.look(healthy(-0.04))
    before = life.status.transitions
    for _ in range(3):
        life.look(healthy(-0.04))
        life.look(UNKNOWN, asked=False)
    assert life.status.transitions == before


def test_it_is_bounded_and_the_totals_are_not() -> None:
    life = Life(policy())
    for _ in range(40):
        life.look(healthy(-0.04), after=HOUR)
        life.look(healthy(0.9), after=HOUR)
        life.look(healthy(0.9), after=HOUR)
    assert len(life.status.transitions) == 32
    totals = {stay.state: (stay.entered, stay.seconds) for stay in life.status.totals}
    assert totals == {"Exhausted": (40, 40 * 2 * 3600), "Healthy": (40, 39 * 3600)}


def test_the_seconds_of_all_states_add_up_to_the_time_until_the_last_change() -> None:
    life = Life(policy(RULES, exempt={"reason": "a drill", "until": rfc3339(START + 5 * HOUR)}))
    life.look(UNKNOWN)
    for left in (0.9, 0.2, -0.1, 0.5, 0.5, 0.9, 0.1):
        life.look(healthy(left), after=HOUR)
    assert life.status.since is not None
    assert sum(stay.seconds for stay in life.status.totals) == (life.status.since - START - MINUTE).total_seconds()
    assert sum(stay.entered for stay in life.status.totals) == len(life.status.transitions)


def test_a_state_says_since_when() -> None:
    life = Life(policy())
    life.look(UNKNOWN)
    assert life.status.since == life.now
    life.look(UNKNOWN)
    assert life.status.since == life.now - MINUTE
    assert life.status.transitions == []


def test_an_edit_that_ends_a_rule_is_told_as_such() -> None:
    life = Life(policy())
    life.look(healthy(-0.04))
    life.policy = policy(RULES[:1]).model_copy(update={"status": life.status})
    life.look(healthy(-0.04))
    assert life.status.transitions[0].to == "Caution"
    assert life.status.transitions[0].reason.startswith("budget left below 0 % has ended: availability has spent 104 %")


def test_an_objective_that_goes_takes_its_rules_along_as_far_as_they_close_nothing() -> None:
    life = Life(policy())
    life.look([WatchedObjective("a", "30d", healthy(0.1)), WatchedObjective("b", "30d", healthy(0.9))])
    life.look([WatchedObjective("b", "30d", healthy(0.9))])
    assert life.status.transitions[0].reason == "No rule holds for any objective"


def test_a_new_objective_without_figures_does_not_throw_the_policy_into_unknown_at_once() -> None:
    life = Life(policy())
    known = WatchedObjective("a", "30d", healthy(0.9))
    life.look([known])
    result = life.look([known, WatchedObjective("b", "30d", UNKNOWN)])
    made = life.now
    assert (life.status.state, life.status.decision, life.status.unknown_since) == ("Healthy", "Allow", made)
    assert result.due == made + 10 * MINUTE
    life.look([known, WatchedObjective("b", "30d", BudgetReading("Healthy", 1.0, {"1h": 0.0}))], after=9 * MINUTE)
    assert [t.to for t in life.status.transitions] == ["Healthy"]


def test_one_that_never_gets_figures_does() -> None:
    life = Life(policy())
    known, broken = WatchedObjective("a", "30d", healthy(0.9)), WatchedObjective("b", "30d", UNKNOWN)
    life.look([known])
    life.look([known, broken])
    life.look([known, broken], after=10 * MINUTE)
    assert (life.status.state, life.status.decision) == ("Unknown", "Unknown")
    life.look([known, broken], after=10 * MINUTE)
    assert life.status.state == "Unknown"
