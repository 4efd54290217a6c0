"""A replay says what the operator's own loop says, at the same times: histories made at random through both."""

from __future__ import annotations

import asyncio
from typing import Any

import hypothesis.strategies as st
import numpy as np
from hypothesis import given, settings
from tests.reliability.replay.live import Loop, note
from tests.reliability.replay.recorded import BEGIN, BURN, COVERAGE, EVENTS, LEFT, MINUTE, grid, labels, slo

from ninefold.cli.gate.backtest.scene import Scene
from ninefold.cli.gate.backtest.steps import Play
from ninefold.kube.api import Key
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.backtest.grid import Vector
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.replay.history import moments
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

COUNT = 300
RULES = [
    {"when": {"budgetLeftBelow": "25"}, "state": "Caution"},
    {"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}},
    {"when": {"burnRate": {"above": "14.4", "over": "1h"}}, "state": "Exhausted", "then": {"gate": "Deny"}},
    {"when": {"exhaustedWithin": "2d"}, "state": "Caution", "then": {"gate": "Approve"}},
]
VALUES = {
    LEFT: [0.6, 0.3, 0.255, 0.245, 0.02, 0.004, -0.004, -0.2, 1.0],
    BURN: [0.0, 0.5, 3.0, 14.3, 14.5, 40.0],
    EVENTS: [0.0, 100.0],
    COVERAGE: [1.0, 0.005, 0.5],
}
SLOS = {
    "shop/checkout": slo(),
    "shop/latency": slo("latency", {"calendar": {"period": "Week", "timeZone": "Asia/Tokyo"}}),
}

changes = st.lists(
    st.tuples(
        st.sampled_from(sorted(SLOS)),
        st.sampled_from([*VALUES, "gap"]),
        st.integers(0, COUNT - 1),
        st.integers(1, 60),
        st.integers(0, 8),
    ),
    max_size=24,
)


def history(changes: list[tuple[str, str, int, int, int]]) -> dict[str, Vector]:
    found: dict[str, Vector] = {
        slo_id: {labels(name, slo_id): np.full(COUNT, 1.0 if name == COVERAGE else 0.5) for name in VALUES}
        for slo_id in SLOS
    }
    for slo_id, name, first, length, choice in changes:
        for key, values in found[slo_id].items():
            if name == "gap":
                values[first : first + length] = np.nan
            elif key == labels(name, slo_id):
                values[first : first + length] = [*VALUES[name], np.nan][choice % (len(VALUES[name]) + 1)]
    return found


@settings(max_examples=50, deadline=None)
@given(
    changes=changes,
    recovery=st.sampled_from(["15m", "3m", "90s"]),
    fail_mode=st.sampled_from([{}, {"staleAfter": "90s"}, {"staleAfter": "5m", "decision": "Allow"}]),
    freeze=st.booleans(),
)
def test_policies_and_gates(changes: Any, recovery: str, fail_mode: dict[str, str], freeze: bool) -> None:
    recorded = history(changes)
    policy = {
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {"objectives": {"service": "checkout"}, "rules": RULES, "recovery": {"for": recovery}},
    }
    night = {"freeze": {"cron": {"schedule": "30 0 * * *", "duration": "45m"}, "reason": "night"}}
    gate = {
        "metadata": {"name": "checkout", "namespace": "shop"},
        "spec": {
            "workloads": {"scope": "Namespace"},
            "sources": [{"errorBudgetPolicy": "checkout"}, *([night] if freeze else [])],
            "failMode": fail_mode,
        },
    }
    loop = Loop(recorded, list(SLOS.values()), policy, gate)
    asyncio.run(loop.run(COUNT))
    states, decisions = replayed(recorded, policy, gate)
    assert states == loop.states
    assert decisions == loop.decisions


def replayed(recorded: dict[str, Vector], policy: Any, gate: Any) -> tuple[list[Any], list[Any]]:
    slos = {Key.of(each): ServiceLevelObjective.parse(each) for each in SLOS.values()}
    parsed, gated = ErrorBudgetPolicy.parse(policy), ReleaseGate.parse(gate)
    play = Play(Scene(slos, {parsed.key: parsed}, {gated.key: gated}), [], BEGIN)
    for moment in moments(grid(COUNT), recorded):
        play.take(moment)
    play.finish(BEGIN, BEGIN + (COUNT - 1) * MINUTE)
    decisions: list[Any] = []
    for standing in play.gates[0].standings:
        note(decisions, standing.at, standing.decision)
    return play.policies[0].states, decisions
