"""Whom a closed gate blames: evidence of time, objective and suspicion, and nobody without it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Plan
from ninefold.release.gate.status import MAX_BLAMED, ReleaseGateStatus
from ninefold.release.releasegate.blame import blame
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import Workload
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

NOW = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
V41, V42, PROXY = "example.com/shop/checkout:v41", "example.com/shop/checkout:v42", "proxy:1"


def record(
    number: int,
    *images: str,
    suspicion: str = "0.00",
    objective: str = "availability",
    began: datetime | None = None,
    workload: str = "checkout",
    back: bool = False,
    **burn: datetime,
) -> dict[str, Any]:
    """A Release that was rolled out at once. Unless `burn` says otherwise it burns from a minute after that."""
    start = began or NOW - HOUR
    times = {name: rfc3339(moment) for name, moment in {"burnBegan": start + MINUTE, **burn}.items()}
    return {
        "metadata": {
            "name": f"{workload}-{number}-abc",
            "namespace": "shop",
            "creationTimestamp": rfc3339(start),
        },
        "spec": {
            "workload": {"kind": "Deployment", "name": workload},
            "sequence": number,
            **({"rollsBackTo": f"{workload}-1-abc"} if back else {}),
            "templateHash": f"hash{number}",
            "images": list(images),
        },
        "status": {
            "start": rfc3339(start),
            "end": rfc3339(start),
            "objectives": [{"name": objective, "suspicion": suspicion, **times}],
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


def test_the_first_record_of_a_workload_is_not_blamed() -> None:
    """It may have run long before its gate was made, and there is nothing to go back to."""
    assert blame([record(1, V42, suspicion="0.91")], {"checkout": says()}) == []


@given(st.lists(st.tuples(st.integers(2, 30), st.floats(0, 1)), max_size=20))
def test_the_newest_suspects_come_first_and_are_bounded(releases: list[tuple[int, float]]) -> None:
    records = [
        record(number, f"checkout:v{number}", suspicion=f"{suspicion:.2f}", began=NOW - 20 * HOUR + number * HOUR / 4)
        for number, suspicion in dict(releases).items()
    ]
    found = blame(records, {"checkout": says()})
    guilty = sorted((n for n, suspicion in dict(releases).items() if round(suspicion, 2) >= 0.5), reverse=True)
    assert [each.release for each in found] == [f"checkout-{n}-abc" for n in guilty][:MAX_BLAMED]


def of_cart(minutes: float, **further: Any) -> dict[str, Any]:
    """A release of another workload, that many minutes after BAD."""
    began = NOW - HOUR + minutes * MINUTE
    return record(2, "cart:v2", suspicion="0.91", began=began, workload="cart", **further)


def blamed(*records: dict[str, Any]) -> list[str]:
    return [found.release for found in blame(records, {"checkout": says()})]


@pytest.mark.parametrize("minutes", [-9, -1, 0, 0.5])
def test_of_two_that_went_out_together_nobody_is_blamed(minutes: float) -> None:
    cart = of_cart(minutes, burnBegan=NOW - HOUR + MINUTE)
    assert blamed(GOOD, BAD, cart) == []


def test_a_neighbour_under_which_nothing_burned_for_a_while_is_innocent() -> None:
    assert blamed(GOOD, BAD, of_cart(-15, burnBegan=NOW - HOUR + MINUTE)) == ["checkout-2-abc"]


def test_a_neighbour_that_goes_out_into_the_burn_is_innocent() -> None:
    assert blamed(GOOD, BAD, of_cart(5, burnBegan=NOW - HOUR + 6 * MINUTE)) == ["checkout-2-abc"]


def test_of_two_the_release_is_blamed_with_which_the_burn_ended() -> None:
    began = NOW - HOUR
    bad = record(2, V42, PROXY, suspicion="0.91", burnEnded=began + 26 * MINUTE)
    back = record(3, V41, PROXY, suspicion="0.91", began=began + 20 * MINUTE, back=True)
    cart = of_cart(0, burnEnded=began + 26 * MINUTE)
    assert blamed(GOOD, bad, back, cart) == ["checkout-2-abc"]
    # Both were undone: it may have been either.
    cart_back = record(3, "cart:v1", began=began + 21 * MINUTE, workload="cart", back=True)
    assert blamed(GOOD, bad, back, cart, cart_back) == []


def test_a_release_that_the_burn_outlasts_is_innocent() -> None:
    bad = record(2, V42, PROXY, suspicion="0.91")
    back = record(3, V41, PROXY, began=NOW - HOUR / 2, back=True)
    assert blamed(GOOD, bad, back) == ["checkout-2-abc"], "it may take a while to show"
    bad["status"]["closed"] = True
    assert blamed(GOOD, bad, back) == []
    # Then the other one is the only one left.
    assert blamed(GOOD, bad, back, of_cart(0)) == ["cart-2-abc"]


def test_a_rollback_is_never_blamed() -> None:
    assert blamed(GOOD, BAD, record(3, V41, PROXY, suspicion="1.00", began=NOW - HOUR / 2, back=True)) == [
        "checkout-2-abc"
    ]


def test_a_burn_long_after_a_rollout_blames_nobody_unless_it_ends_with_the_release() -> None:
    began = NOW - 2 * HOUR
    late: dict[str, Any] = {"suspicion": "0.80", "began": began, "burnBegan": began + 40 * MINUTE}
    assert blamed(GOOD, record(2, V42, PROXY, **late)) == []
    back = record(3, V41, PROXY, began=began + 50 * MINUTE, back=True)
    assert blamed(GOOD, record(2, V42, PROXY, **late), back) == []
    bad = record(2, V42, PROXY, **late, burnEnded=began + 56 * MINUTE)
    assert blamed(GOOD, bad, back) == ["checkout-2-abc"]


def test_a_record_without_the_beginning_of_a_burn_is_no_evidence() -> None:
    """As one of an earlier version of the operator."""
    bad = record(2, V42, PROXY, suspicion="0.91")
    del bad["status"]["objectives"][0]["burnBegan"]
    assert blamed(GOOD, bad) == []


def look(status: dict[str, Any], policy: ErrorBudgetPolicyStatus, *releases: dict[str, Any]) -> Plan[ReleaseGateStatus]:
    spec = {
        "workloads": {"matchLabels": {"app": "checkout"}},
        "sources": [{"errorBudgetPolicy": "checkout"}],
    }
    metadata = {"name": "checkout", "namespace": "shop"}
    gate = ReleaseGate.parse({"metadata": metadata, "spec": spec, "status": status})
    running = Workload("Deployment/checkout", {"app": V42, "proxy": PROXY}, Serving(available=1))
    return plan(gate, Observed({"checkout": policy}, [running], releases=releases), NOW)


def knows(*images: str) -> dict[str, Any]:
    return {"knownGoodRevisions": {"Deployment/checkout": "\n".join(f"app={image} proxy={PROXY}" for image in images)}}


def good(status: ReleaseGateStatus) -> list[str]:
    return [line.split()[0][4:] for line in status.known_good_revisions["Deployment/checkout"].splitlines()]


def test_what_is_blamed_is_told_and_is_no_rollback() -> None:
    known = knows(V42, V41)
    status = look(known, says(), GOOD, BAD).status
    assert status.message == (
        "It burns. It opens when it does no longer. "
        "The suspect is checkout:v42, released to Deployment/checkout at 12:05 UTC. "
        "A rollback to checkout:v41 passes."
    )
    assert good(status) == [V41]
    assert "The suspect is checkout:v42" in status.closures[0].message
    # Nobody is suspected: it passes, as before.
    assert good(look(known, says(), GOOD).status) == [V42, V41]


def test_when_the_gate_opens_nobody_is_blamed_and_the_image_is_learnt_anew() -> None:
    status = look(knows(V41), HEALTHY, GOOD, BAD).status
    assert status.blamed == []
    assert [entry.workload for entry in status.learning] == ["Deployment/checkout"]
