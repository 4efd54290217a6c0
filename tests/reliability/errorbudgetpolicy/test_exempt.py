"""An exemption asks nothing of anybody, hides nothing, and ends by itself."""

from __future__ import annotations

from datetime import timedelta

from tests.builders.errorbudgetpolicy import RULES, policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, START, UNKNOWN, Life, healthy

from ninefold.kube.fields import rfc3339
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective

UNTIL = START + timedelta(hours=2)
SPENT = {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted"}


def exempt(life: Life) -> None:
    """As an edit does it: the status stays."""
    spec = policy(RULES, exempt={"reason": "moving the database", "until": rfc3339(UNTIL)}).spec
    life.policy = life.policy.model_copy(update={"spec": spec})


def test_it_lifts_what_holds_and_says_what_would_be() -> None:
    life = Life(policy())
    life.look(healthy(-0.04, burn=22))
    exempt(life)
    result = life.look(healthy(-0.04, burn=22))
    status = life.status
    assert (status.state, status.decision, status.recovers) == ("Exempt", "Allow", "")
    assert status.reason == (
        "Exempt until 2026-03-01T14:00:00Z (moving the database); otherwise Deny, because of availability: "
        "availability has spent 104 % of its 30-day error budget, burning 22x over 1h"
    )
    assert status.lowest_budget == "-4.0 %"
    assert [rule.gate for rule in status.objectives[0].active] == [None, "Hold", "Deny"]
    assert result.due == UNTIL


def test_it_names_a_few_of_those_that_would_close_and_counts_the_others() -> None:
    life = Life(policy())
    exempt(life)
    life.look([WatchedObjective(name, "30d", healthy(-0.1)) for name in "abcde"])
    assert "; otherwise Hold, because of a, b, c and 2 more: " in life.status.reason


def test_it_counts_those_that_are_not_listed() -> None:
    life = Life(policy())
    exempt(life)
    life.look([WatchedObjective(f"o{number:03}", "30d", healthy(-0.1)) for number in range(100)])
    assert "because of o000, o001, o002 and 97 more: " in life.status.reason


def test_while_all_is_well_it_says_so() -> None:
    life = Life(policy())
    exempt(life)
    life.look(healthy(0.9))
    assert life.status.reason == (
        "Exempt until 2026-03-01T14:00:00Z (moving the database). No rule holds for any objective"
    )


def test_it_ends_by_itself_and_what_holds_then_counts() -> None:
    life = Life(policy())
    exempt(life)
    life.look(healthy(-0.04))
    since = life.status.objectives[0].active[1].since
    result = life.look(healthy(-0.04), after=UNTIL - life.now)
    assert (life.status.state, life.status.decision) == ("Exhausted", "Hold")
    assert life.status.objectives[0].active[1].since == since
    assert result.due is None
    assert life.status.transitions[0].reason.startswith("The exemption is over; availability has spent 104 %")


def test_a_recovery_goes_on_in_it() -> None:
    life = Life(policy([SPENT]))
    life.look(healthy(-0.04))
    exempt(life)
    life.look(healthy(0.5))
    life.look(healthy(0.5), after=16 * MINUTE)
    life.look(healthy(0.5), after=UNTIL - life.now)
    assert life.status.state == "Healthy"


def test_one_that_is_over_is_over() -> None:
    life = Life(policy(exempt={"reason": "a launch", "until": rfc3339(START)}))
    life.look(healthy(-0.04))
    assert (life.status.state, life.status.decision) == ("Exhausted", "Hold")


def test_missing_data_are_told_and_ask_nothing_either() -> None:
    life = Life(policy())
    exempt(life)
    result = life.look(UNKNOWN)
    assert (life.status.state, life.status.decision) == ("Exempt", "Allow")
    assert life.status.unknown_since == life.now
    assert result.ready.reason == "DataMissing"


def test_people_are_told_of_rules_that_begin_in_it_but_nothing_slows_down() -> None:
    rules = [{**SPENT, "then": {"pace": "25", "notify": ["shop-team"], "gate": "Approve"}}]
    life = Life(policy(rules, exempt={"reason": "a drill", "until": rfc3339(UNTIL)}))
    result = life.look(healthy(-0.04))
    assert not life.status.pace
    assert [note.reason for note in result.events] == ["Exempt", "Notify"]
    after = life.look(healthy(-0.04), after=UNTIL - life.now).status
    assert (after.pace, after.decision) == ("25", "Approve")
