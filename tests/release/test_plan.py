"""ReleaseGate as a pure function: the most severe source wins, and not knowing has rules of its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Plan
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate, ReleaseGateStatus, Source
from ninefold.release.releasegate.workload import Workload
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicyStatus

NOW = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def gate(status: dict[str, Any] | None = None, **spec: Any) -> ReleaseGate:
    return ReleaseGate.parse(
        {
            "metadata": {"name": "checkout", "namespace": "shop"},
            "spec": {
                "workloads": {"matchLabels": {"app": "checkout"}},
                "sources": [{"errorBudgetPolicy": "checkout"}],
                **spec,
            },
            "status": status or {},
        }
    )


def objective(decision: str, lost: datetime | None = None, name: str = "availability") -> dict[str, Any]:
    unknown = {"unknownSince": rfc3339(lost)} if lost else {}
    return {"name": name, "data": "Unknown" if lost else "Healthy", "decision": decision, **unknown}


def says(*objectives: dict[str, Any], **status: Any) -> ErrorBudgetPolicyStatus:
    return ErrorBudgetPolicyStatus.model_validate({"objectives": list(objectives), **status})


SPENT = says(
    objective("Hold"),
    state="Exhausted",
    decision="Hold",
    reason="checkout-availability has spent 104 % of its 30-day error budget, burning 22x over 1h",
    recovers="its budget left has been at least 1 % for 15m",
)
FINE = says(objective("Allow"), state="Healthy", decision="Allow")


def look(
    gate: ReleaseGate,
    policies: dict[str, ErrorBudgetPolicyStatus | None],
    workloads: Sequence[Workload] = (),
    now: datetime = NOW,
) -> Plan[ReleaseGateStatus]:
    """With a source for each policy."""
    sources = [Source(error_budget_policy=name) for name in policies]
    gate = gate.model_copy(update={"spec": gate.spec.model_copy(update={"sources": sources})})
    return plan(gate, Observed(policies, workloads), now)


def test_a_spent_budget_closes_the_gate_and_says_all_that_a_refused_person_asks() -> None:
    running = Workload("Deployment/checkout", ("example.com/shop/checkout:v43", "proxy:1"), complete=False)
    known = {
        "knownGoodImages": [
            "example.com/shop/checkout:v42",
            "proxy:1",
            "example.com/shop/checkout:v41",
            "elsewhere/checkout:v9",
        ]
    }
    result = look(gate(known), {"checkout": SPENT}, [running])
    assert result.status.decision == "Hold"
    assert result.status.because == "ErrorBudgetPolicy checkout: Exhausted"
    assert result.status.message == (
        "checkout-availability has spent 104 % of its 30-day error budget, burning 22x over 1h. "
        "It opens when its budget left has been at least 1 % for 15m. "
        "A rollback to checkout:v42 or checkout:v41 passes."
    )
    assert result.status.until is None
    assert [(note.type, note.reason) for note in result.events] == [("Warning", "Closed")]


def test_a_recovery_under_way_is_a_prediction() -> None:
    recovering = SPENT.model_copy(update={"predicted_recovery": NOW + 75 * MINUTE})
    status = look(gate(), {"checkout": recovering}).status
    assert status.until == "2026-03-01T14:20:00Z"
    assert "Predicted to open 14:20 UTC, when its budget left has been at least 1 % for 15m." in status.message
    assert "No image is known to be good to roll back to." in status.message


def test_open_says_nothing() -> None:
    status = look(gate(), {"checkout": FINE}).status
    assert (status.decision, status.because, status.message, status.until) == ("Allow", "", "", None)


def test_an_exempt_policy_asks_nothing_even_without_data() -> None:
    exempt = says(objective("Hold"), objective("Unknown", lost=NOW), state="Exempt", decision="Allow")
    assert look(gate(), {"checkout": exempt}, now=NOW + 60 * MINUTE).status.decision == "Allow"


def test_what_needs_an_approval_waits() -> None:
    assert look(gate(), {"checkout": says(objective("Approve"), reason="r")}).status.decision == "Hold"


def test_the_most_severe_source_wins_and_the_others_are_told() -> None:
    refused = SPENT.model_copy(update={"objectives": says(objective("Deny")).objectives})
    status = look(gate(), {"a": SPENT, "b": refused, "c": FINE}).status
    assert (status.decision, status.because) == ("Deny", "ErrorBudgetPolicy b: Exhausted")
    assert "Closed by ErrorBudgetPolicy a: Exhausted too." in status.message


@pytest.mark.parametrize("fail", ["Hold", "Allow"])
@pytest.mark.parametrize("last", ["Allow", "Hold", "Unknown"])
def test_without_data_the_last_decision_holds_and_then_the_fail_mode_decides(last: str, fail: str) -> None:
    spec = gate(failMode={"staleAfter": "10m", "decision": fail})
    lost = says(objective(last, lost=NOW), reason="r", recovers="x")
    result = look(spec, {"checkout": lost}, now=NOW + 9 * MINUTE)
    assert result.status.decision == last
    assert result.status.unknown_since == NOW
    assert result.due == NOW + 10 * MINUTE
    result = look(spec, {"checkout": lost}, now=NOW + 10 * MINUTE)
    assert result.status.decision == fail
    assert f"after 10m failMode decides {fail}" in result.status.message
    assert result.status.because == "ErrorBudgetPolicy checkout: data missing"
    assert result.due is None


def test_what_is_known_to_be_spent_stays_closed_whatever_else_is_missing() -> None:
    both = says(objective("Hold"), objective("Allow", lost=NOW, name="b"), state="Exhausted", reason="a is spent")
    for decision in ("Hold", "Allow"):
        status = look(gate(failMode={"decision": decision}), {"checkout": both}, now=NOW + 60 * MINUTE).status
        assert status.decision == "Hold"
        assert status.message.startswith("a is spent. ")


def test_a_policy_that_does_not_exist_is_not_knowing() -> None:
    life = gate()
    result = look(life, {"checkout": None})
    assert result.status.decision == "Unknown"
    assert (result.ready.status, result.ready.reason) == ("False", "PolicyMissing")
    later = life.model_copy(update={"status": result.status})
    status = look(later, {"checkout": None}, now=NOW + 10 * MINUTE).status
    assert status.decision == "Hold"
    assert status.message.startswith(
        "ErrorBudgetPolicy checkout does not exist, at least since 2026-03-01T13:05:00Z, and after 10m failMode decides"
    )


def test_deleting_the_policy_does_not_open_a_closed_gate_at_once() -> None:
    closed = gate().model_copy(update={"status": look(gate(), {"checkout": SPENT}).status})
    assert look(closed, {"checkout": None}, now=NOW + MINUTE).status.decision == "Hold"


objectives = st.builds(
    lambda decision, lost: objective(decision, NOW - lost * MINUTE if lost is not None else None),
    st.sampled_from(["Allow", "Hold", "Deny", "Unknown"]),
    st.none() | st.integers(0, 30),
).filter(lambda found: found["decision"] != "Unknown" or "unknownSince" in found)
policies = st.dictionaries(
    st.sampled_from("abc"), st.none() | st.lists(objectives, max_size=4).map(lambda found: says(*found)), min_size=1
)


@given(policies, st.sampled_from(["Hold", "Allow"]))
def test_a_known_refusal_always_counts_and_not_knowing_never_lasts(
    found: dict[str, ErrorBudgetPolicyStatus | None], fail: str
) -> None:
    life = gate(failMode={"staleAfter": "10m", "decision": fail})
    status = look(life, found).status
    stated = [o for policy in found.values() if policy for o in policy.objectives]
    known = {o.decision for o in stated if o.unknown_since is None or NOW - o.unknown_since < 10 * MINUTE}
    severity = ("Allow", "Unknown", "Hold", "Deny").index
    assert severity(status.decision) >= max((severity(d) for d in known & {"Hold", "Deny"}), default=0)
    if fail == "Hold" and any(o.unknown_since and NOW - o.unknown_since >= 10 * MINUTE for o in stated):
        assert status.decision in ("Hold", "Deny")
    later = look(after(life, look(life, found)), found, now=NOW + 40 * MINUTE).status
    assert later.decision != "Unknown"
    assert later.message or later.unknown_since is None


def test_the_message_is_one_line_and_bounded() -> None:
    long = SPENT.model_copy(update={"reason": "x" * 1024, "recovers": "y" * 1024})
    message = look(gate(), {"checkout": long}).status.message
    assert "\n" not in message
    assert len(message) <= 2048


# --- learning which images are good


def rollout(tag: str, *, complete: bool = True, name: str = "checkout") -> Workload:
    return Workload(f"Deployment/{name}", (f"{name}:{tag}",), complete)


def after(gate: ReleaseGate, result: Plan[ReleaseGateStatus]) -> ReleaseGate:
    stored = result.status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return gate.model_copy(update={"status": ReleaseGateStatus.model_validate(stored)})


def ran(gate: ReleaseGate, tag: str, minutes: int, policy: ErrorBudgetPolicyStatus = FINE) -> ReleaseGate:
    """The gate after a rollout was complete for some minutes, looked at twice."""
    first = after(gate, look(gate, {"checkout": policy}, [rollout(tag)], NOW))
    return after(first, look(first, {"checkout": policy}, [rollout(tag)], NOW + minutes * MINUTE))


def test_a_rollout_that_stood_its_time_is_known_to_be_good() -> None:
    result = look(gate(), {"checkout": FINE}, [rollout("v41")])
    assert [entry.workload for entry in result.status.learning] == ["Deployment/checkout"]
    assert result.due == NOW + 10 * MINUTE
    assert ran(gate(), "v41", 9).status.known_good_images == []
    learnt = ran(gate(), "v41", 10)
    assert learnt.status.known_good_images == ["checkout:v41"]
    assert learnt.status.learning == []


@pytest.mark.parametrize(
    ("policy", "tag", "complete"),
    [
        (SPENT, "v41", True),
        (says(objective("Allow", lost=NOW)), "v41", True),
        (FINE, "v41", False),
        (FINE, "latest", True),
    ],
)
def test_nothing_is_learnt_while_closed_without_data_incomplete_or_from_a_tag_that_moves(
    policy: ErrorBudgetPolicyStatus, tag: str, complete: bool
) -> None:
    first = after(gate(), look(gate(), {"checkout": policy}, [rollout(tag, complete=complete)]))
    late = NOW + 60 * MINUTE
    status = look(first, {"checkout": policy}, [rollout(tag, complete=complete)], late).status
    assert (status.known_good_images, status.learning) == ([], [])


def test_an_interruption_begins_the_time_anew() -> None:
    life = after(gate(), look(gate(), {"checkout": FINE}, [rollout("v41")], NOW))
    life = after(life, look(life, {"checkout": SPENT}, [rollout("v41")], NOW + 5 * MINUTE))
    life = after(life, look(life, {"checkout": FINE}, [rollout("v41")], NOW + 6 * MINUTE))
    assert look(life, {"checkout": FINE}, [rollout("v41")], NOW + 15 * MINUTE).status.known_good_images == []
    assert look(life, {"checkout": FINE}, [rollout("v41")], NOW + 16 * MINUTE).status.known_good_images


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=40), st.integers(1, 5))
def test_the_list_stays_bounded_and_keeps_what_runs(releases: list[tuple[int, bool]], keep: int) -> None:
    life = gate(knownGood={"after": "10m", "keep": keep})
    for number, stood in releases:
        life = ran(life, f"v{number}", 10 if stood else 1)
        good = life.status.known_good_images
        assert len(good) <= keep
        assert len(set(good)) == len(good)
        if stood:
            assert f"checkout:v{number}" in good


def test_what_runs_is_kept_even_beyond_the_limit() -> None:
    life = gate(knownGood={"keep": 1})
    workloads = [rollout("v1", name=name) for name in ("a", "b", "c")]
    life = after(life, look(life, {"checkout": FINE}, workloads))
    life = after(life, look(life, {"checkout": FINE}, workloads, NOW + 10 * MINUTE))
    assert sorted(life.status.known_good_images) == ["a:v1", "b:v1", "c:v1"]


def test_a_steady_state_changes_nothing() -> None:
    life = ran(gate(), "v41", 10)
    for minutes in range(11, 400, 7):
        status = look(life, {"checkout": FINE}, [rollout("v41")], NOW + minutes * MINUTE).status
        assert status == life.status.model_copy(update={"conditions": status.conditions})
