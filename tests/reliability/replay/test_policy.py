"""A policy over history: it says what the operator would have said, at the minute at which it would have."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import numpy as np
from tests.reliability.replay.recorded import (
    BEGIN,
    BURN,
    COVERAGE,
    DAY,
    LEFT,
    MINUTE,
    grid,
    healthy,
    slo,
    with_,
    without,
)

from ninefold.reliability.backtest.grid import Vector
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.replay.history import moments
from ninefold.reliability.replay.policy import PolicyReplay, stays

RULES = [
    {"when": {"budgetLeftBelow": "25"}, "state": "Caution", "then": {"notify": ["shop"]}},
    {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}},
    {"when": {"burnRate": {"above": "14.4", "over": "1h"}}, "state": "Exhausted", "then": {"gate": "Deny"}},
    {"when": {"exhaustedWithin": "2d"}, "state": "Caution", "then": {"gate": "Approve"}},
]


def policy(rules: Sequence[Mapping[str, Any]] = RULES, **spec: Any) -> ErrorBudgetPolicy:
    return ErrorBudgetPolicy.parse(
        {
            "metadata": {"name": "checkout", "namespace": "shop"},
            "spec": {"objectives": {"service": "checkout"}, "rules": rules, **spec},
        }
    )


def replayed(
    policy: ErrorBudgetPolicy, recorded: Mapping[str, Vector], count: int, slos: Sequence[Any] = (slo(),)
) -> list[tuple[int, str]]:
    """From which minute on it was in which state."""
    replay = PolicyReplay(policy, slos)
    for moment in moments(grid(count), recorded):
        list(replay.take(moment))
    list(replay.pass_until(BEGIN + count * MINUTE))
    return [(int((at - BEGIN) / MINUTE), state) for at, state in replay.states]


def test_a_month_is_known_to_the_minute() -> None:
    count = 30 * 24 * 60
    history = with_(healthy(count), LEFT, 5_000, 6_000, -0.01)
    history = with_(history, LEFT, 6_000, 6_100, 0.005)  # back above 0, but not by the margin
    history = with_(history, BURN, 20_000, 20_030, 20.0)
    history = with_(history, LEFT, 30_000, 31_000, 0.1)
    assert replayed(policy(RULES[:3]), {"shop/checkout": history}, count) == [
        (0, "Healthy"),
        (5_000, "Exhausted"),
        # 15 minutes after the budget was back by the margin of 1 %, and 25 % with it.
        (6_115, "Healthy"),
        (20_000, "Exhausted"),
        (20_045, "Healthy"),
        (30_000, "Caution"),
        (31_015, "Healthy"),
    ]


def test_a_gap_keeps_what_was_known_and_begins_the_recovery_anew() -> None:
    count = 3_000
    history = with_(healthy(count), LEFT, 100, 200, -0.01)
    history = without(history, 210, 400)
    assert replayed(policy(RULES[:2]), {"shop/checkout": history}, count) == [
        (0, "Healthy"),
        (100, "Exhausted"),
        (415, "Healthy"),
    ]


def test_before_the_first_data_nothing_is_known() -> None:
    history = without(healthy(500), 0, 100)
    assert replayed(policy(RULES[:2]), {"shop/checkout": history}, 500) == [(0, "Unknown"), (100, "Healthy")]


def test_what_is_exempt_now_was_not_then() -> None:
    history = with_(healthy(500), LEFT, 100, 200, -0.01)
    exempt = policy(RULES[:2], exempt={"reason": "launch", "until": "2030-01-01T00:00:00Z"})
    assert replayed(exempt, {"shop/checkout": history}, 500) == replayed(
        policy(RULES[:2]), {"shop/checkout": history}, 500
    )


def test_a_period_of_the_calendar_takes_its_budget_with_it() -> None:
    """It is spent on the 30th, and new on the 1st by the clocks of Berlin, two hours before midnight in UTC. Of the
    new period too little is measured to judge; the rule ends as the operator would end it."""
    count = 2 * 24 * 60
    start = int((datetime(2026, 9, 30, tzinfo=BEGIN.tzinfo) - BEGIN) / MINUTE)
    monthly = slo(window={"calendar": {"period": "Month", "timeZone": "Europe/Berlin"}})
    history = {key: np.concatenate([np.full(start, np.nan), values]) for key, values in healthy(count).items()}
    history = with_(history, LEFT, start + 60, start + 22 * 60, -0.2)
    history = with_(history, LEFT, start + 22 * 60, start + count, 1.0)
    history = with_(history, COVERAGE, start + 22 * 60, start + count, 0.001)
    found = replayed(policy(RULES[:2]), {"shop/checkout": history}, start + count, [monthly])
    assert found[1:] == [(start, "Healthy"), (start + 60, "Exhausted"), (start + 22 * 60 + 15, "Healthy")]


def test_the_worst_of_several_objectives_counts_and_others_are_left_alone() -> None:
    other = with_(healthy(500, "shop/latency"), LEFT, 100, 200, -0.01, "shop/latency")
    recorded = {"shop/checkout": healthy(500), "shop/latency": other}
    both = replayed(policy(RULES[:2]), recorded, 500, [slo(), slo("latency")])
    assert both == [(0, "Healthy"), (100, "Exhausted"), (215, "Healthy")]
    assert replayed(policy(RULES[:2]), recorded, 500, [slo()]) == [(0, "Healthy")]


def test_how_long_it_was_in_which_state() -> None:
    states: Any = [(BEGIN, "Healthy"), (BEGIN + DAY, "Exhausted"), (BEGIN + 2 * DAY, "Healthy")]
    found = {
        stay.state: (stay.entered, stay.seconds) for stay in stays(states, BEGIN + 36 * 60 * MINUTE, BEGIN + 3 * DAY)
    }
    assert found == {"Healthy": (1, 86_400), "Exhausted": (0, 43_200)}
