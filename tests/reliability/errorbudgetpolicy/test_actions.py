"""What follows when a rule holds: gates, pace, and Events that are written once."""

from __future__ import annotations

from typing import Any

import pytest
from tests.builders.errorbudgetpolicy import policy
from tests.reliability.errorbudgetpolicy.life import MINUTE, UNKNOWN, Life, healthy

from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective


def rule(below: str, **then: Any) -> dict[str, Any]:
    return {"when": {"budgetLeftBelow": below}, "state": "Caution", **({"then": then} if then else {})}


STEPS = [
    rule("50", pace="50"),
    rule("25", pace="20", notify=["shop-team"]),
    rule("10", gate="Approve", notify=["oncall", "shop-team"]),
    rule("0", gate="Hold", incident={"severity": "SEV2"}),
    {
        "when": {"burnRate": {"above": "14.4", "over": "1h", "and": "5m"}},
        "state": "Exhausted",
        "then": {"gate": "Deny", "incident": {"severity": "SEV1"}},
    },
]


def fast(left: float, hour: float, minutes: float) -> BudgetReading:
    return BudgetReading("Healthy", left, {"1h": hour, "5m": minutes})


@pytest.mark.parametrize(
    ("reading", "decision", "pace"),
    [
        (fast(0.9, 1, 1), "Allow", None),
        (fast(0.4, 1, 1), "Allow", "50"),
        (fast(0.2, 1, 1), "Allow", "20"),
        (fast(0.05, 1, 1), "Approve", "20"),
        (fast(-0.1, 1, 1), "Hold", "20"),
        (fast(0.9, 20, 20), "Deny", None),
        (fast(0.9, 20, 1), "Allow", None),
        (fast(0.9, 1, 20), "Allow", None),
        (BudgetReading("Idle", 0.9), "Allow", None),
        (BudgetReading("Healthy", 0.9, {"1h": 20}), "Unknown", None),
        (BudgetReading("Healthy", 0.05, {"1h": 20}), "Approve", "20"),
    ],
)
def test_the_most_severe_decision_and_the_least_pace_win(
    reading: BudgetReading, decision: str, pace: str | None
) -> None:
    life = Life(policy(STEPS))
    life.look(reading)
    assert (life.status.decision, life.status.pace) == (decision, pace)


def test_a_short_window_ends_the_rule_soon() -> None:
    life = Life(policy(STEPS))
    life.look(fast(0.9, 20, 20))
    life.look(fast(0.9, 20, 2))
    assert life.status.recovers == "it has burned at most 14.4x over 1h or 5m for 15m"
    life.look(fast(0.9, 20, 2), after=15 * MINUTE)
    assert life.status.decision == "Allow"


def test_a_pace_holds_on_while_data_are_missing() -> None:
    life = Life(policy(STEPS))
    life.look(fast(0.2, 1, 1))
    life.look(UNKNOWN)
    assert life.status.pace == "20"


def events(life: Life) -> list[tuple[str, str]]:
    return [(note.reason, note.message) for note in life.events]


def test_channels_are_told_and_an_incident_is_asked_for_once_when_a_rule_begins() -> None:
    life = Life(policy(STEPS))
    life.look(fast(0.9, 1, 1))
    life.events.clear()
    life.look(fast(0.2, 1, 1))
    standing = "availability has 20.0 % of its 30-day error budget left."
    assert events(life) == [
        ("Caution", standing),
        ("Notify", f"shop-team: budget left below 25 % holds for availability. {standing}"),
    ]
    for _ in range(5):
        life.look(fast(0.2, 1, 1))
        life.look(UNKNOWN)
        life.look(fast(0.3, 1, 1))
    assert len(life.events) == 2
    life.look(fast(-0.1, 20, 20))
    assert [reason for reason, _ in events(life)[2:]] == ["Exhausted", "Notify", "IncidentWanted"]
    assert events(life)[-2][1].startswith("oncall, shop-team: budget left below 10 % holds for availability. ")
    assert events(life)[-1][1].startswith(
        "SEV1: budget left below 0 % holds for availability, burn rate above 14.4x over 1h and 5m holds for "
    )


def test_another_objective_under_the_same_rule_tells_nobody_again() -> None:
    life = Life(policy(STEPS))

    def look(*lefts: float) -> None:
        life.look([WatchedObjective(name, "30d", fast(left, 1, 1)) for name, left in zip("ab", lefts, strict=True)])

    look(0.2, 0.9)
    told = len(life.events)
    look(0.2, 0.2)
    look(0.9, 0.2)
    look(0.2, 0.2)
    assert len(life.events) == told


def test_a_rule_that_ended_tells_again_when_it_begins_again() -> None:
    life = Life(policy(STEPS))
    for left in (0.2, 0.9, 0.9, 0.2):
        life.look(fast(left, 1, 1), after=16 * MINUTE)
    assert [note.reason for note in life.events].count("Notify") == 2


def test_before_the_first_answer_of_prometheus_nobody_is_told() -> None:
    life = Life(policy(STEPS))
    life.look(healthy(-0.1), asked=False)
    assert life.events == []
