"""Whom a closed gate blames: evidence of time, objective and suspicion, and nobody without it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Plan
from ninefold.release.releasegate.blame import blame
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import MAX_BLAMED, ReleaseGate, ReleaseGateStatus
from ninefold.release.releasegate.workload import Workload
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicyStatus

NOW = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
HOUR = timedelta(hours=1)
V41, V42, PROXY = "example.com/shop/checkout:v41", "example.com/shop/checkout:v42", "proxy:1"


def record(
    number: int, *images: str, suspicion: str = "0.00", objective: str = "availability", began: datetime | None = None
) -> dict[str, Any]:
    return {
        "metadata": {"name": f"checkout-{number}-abc", "namespace": "shop"},
        "spec": {
            "workload": {"kind": "Deployment", "name": "checkout"},
            "sequence": number,
            "templateHash": f"hash{number}",
            "images": list(images),
        },
        "status": {
            "start": rfc3339(began or NOW - HOUR),
            "objectives": [{"name": objective, "suspicion": suspicion}],
        },
    }


def says(gate: str = "Deny", since: datetime = NOW, state: str = "Exhausted") -> ErrorBudgetPolicyStatus:
    rule = {"rule": "burn above 14.4x", "state": "Exhausted", "gate": gate, "since": rfc3339(since)}
    objective = {"name": "availability", "data": "Healthy", "decision": gate, "active": [rule]}
    told = {"reason": "It burns", "recovers": "it does no longer"}
    return ErrorBudgetPolicyStatus.model_validate({"state": state, "objectives": [objective], **told})


HEALTHY = ErrorBudgetPolicyStatus.model_validate(
    {"state": "Healthy", "objectives": [{"name": "availability", "data": "Healthy", "decision": "Allow"}]}
)


GOOD = record(1, V41, PROXY, began=NOW - 5 * HOUR)
BAD = record(2, V42, PROXY, suspicion="0.91")


def test_the_release_that_the_burn_followed_is_blamed_by_what_it_brought() -> None:
    (found,) = blame([BAD, GOOD], {"checkout": says()})
    assert (found.release, found.workload, found.objective) == (
        "checkout-2-abc",
        "Deployment/checkout",
        "availability",
    )
    # The sidecar ran before: a canary that has it too is innocent.
    assert found.images == [V42]
    assert found.hashes == ["hash2"]


def test_a_change_of_configuration_is_blamed_by_its_hashes_alone() -> None:
    change = record(2, V41, PROXY, suspicion="0.91")
    change["status"]["podHash"] = "6f7d"
    (found,) = blame([GOOD, change], {"checkout": says()})
    assert (found.images, found.hashes) == ([], ["hash2", "6f7d"])


@pytest.mark.parametrize(
    ("suspect", "policy"),
    [
        pytest.param(record(2, V42, suspicion="0.49"), says(), id="suspected too little"),
        pytest.param(record(2, V42, suspicion="0.91", objective="latency"), says(), id="for another objective"),
        pytest.param(record(2, V42, suspicion="0.91", began=NOW - 25 * HOUR), says(), id="long before"),
        pytest.param(BAD, HEALTHY, id="the gate is open"),
        pytest.param(BAD, says(state="Exempt"), id="the policy is exempt"),
        pytest.param(BAD, None, id="there is no policy"),
    ],
)
def test_without_evidence_nobody_is_blamed(suspect: dict[str, Any], policy: ErrorBudgetPolicyStatus | None) -> None:
    assert blame([GOOD, suspect], {"checkout": policy}) == []


def test_one_whose_beginning_nobody_saw_is_not_blamed() -> None:
    unseen = record(2, V42, suspicion="0.91")
    del unseen["status"]["start"]
    assert blame([unseen], {"checkout": says()}) == []
    assert blame([{**BAD, "status": {}}], {"checkout": says()}) == []


@given(st.lists(st.tuples(st.integers(1, 30), st.floats(0, 1)), max_size=20))
def test_the_newest_suspects_come_first_and_are_bounded(releases: list[tuple[int, float]]) -> None:
    records = [
        record(number, f"checkout:v{number}", suspicion=f"{suspicion:.2f}", began=NOW - 20 * HOUR + number * HOUR / 4)
        for number, suspicion in dict(releases).items()
    ]
    found = blame(records, {"checkout": says()})
    guilty = sorted((n for n, suspicion in dict(releases).items() if round(suspicion, 2) >= 0.5), reverse=True)
    assert [each.release for each in found] == [f"checkout-{n}-abc" for n in guilty][:MAX_BLAMED]


def look(status: dict[str, Any], policy: ErrorBudgetPolicyStatus, *releases: dict[str, Any]) -> Plan[ReleaseGateStatus]:
    spec = {
        "workloads": {"matchLabels": {"app": "checkout"}},
        "sources": [{"errorBudgetPolicy": "checkout"}],
    }
    metadata = {"name": "checkout", "namespace": "shop"}
    gate = ReleaseGate.parse({"metadata": metadata, "spec": spec, "status": status})
    running = Workload("Deployment/checkout", (V42, PROXY), complete=True)
    return plan(gate, Observed({"checkout": policy}, [running], releases=releases), NOW)


def test_what_is_blamed_is_told_and_is_no_rollback() -> None:
    known = {"knownGoodImages": [V42, V41, PROXY]}
    status = look(known, says(), GOOD, BAD).status
    assert status.message == (
        "It burns. It opens when it does no longer. "
        "Suspected is checkout:v42, released to Deployment/checkout at 12:05 UTC. "
        "A rollback to checkout:v41 passes."
    )
    assert status.known_good_images == [V41, PROXY]
    assert "Suspected is checkout:v42" in status.closures[0].message
    # Nobody is suspected: it passes, as before.
    assert look(known, says(), GOOD).status.known_good_images == [V42, V41, PROXY]


def test_when_the_gate_opens_nobody_is_blamed_and_the_image_is_learnt_anew() -> None:
    status = look({"knownGoodImages": [V41, PROXY]}, HEALTHY, GOOD, BAD).status
    assert status.blamed == []
    assert [entry.images for entry in status.learning] == [[V42, PROXY]]
