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
from ninefold.release.gate.status import ReleaseGateStatus
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import GateSource, ReleaseGate
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import Workload
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

NOW = datetime(2026, 3, 1, 13, 5, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUNS = Serving(available=1)


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
    sources = [GateSource(error_budget_policy=name) for name in policies]
    gate = gate.model_copy(update={"spec": gate.spec.model_copy(update={"sources": sources})})
    return plan(gate, Observed(policies, workloads), now)


def test_a_spent_budget_closes_the_gate_and_says_all_that_a_refused_person_asks() -> None:
    running = Workload("Deployment/checkout", {"app": "example.com/shop/checkout:v43", "proxy": "proxy:1"}, Serving())
    lines = [f"app=example.com/shop/checkout:{tag} proxy=proxy:1" for tag in ("v42", "v41")]
    known = {"knownGoodRevisions": {"Deployment/checkout": "\n".join(lines)}}
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


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"matchLabels": {"app": "chekout"}}, "spec.workloads.matchLabels (app=chekout)"),
        ({"names": ["Deployment/a", "CronJob/b"]}, "spec.workloads.names (Deployment/a, CronJob/b)"),
        ({"service": "cart"}, "spec.workloads.service (cart)"),
    ],
)
def test_a_gate_that_holds_nothing_says_so(wanted: dict[str, Any], said: str) -> None:
    """It is as ready as before: its workload may come later. But it looks like no other."""
    result = look(gate(workloads=wanted), {"checkout": FINE})
    found = result.conditions["WorkloadsFound"]
    assert (result.ready.status, found.status, found.reason) == ("True", "False", "NoWorkloads")
    assert found.message == f"The gate covers nothing: no workload of this namespace matches {said}."
    running = Workload("Deployment/a", {"app": "a:v1"}, RUNS)
    result = look(gate(workloads=wanted), {"checkout": FINE}, [running])
    assert (result.conditions["WorkloadsFound"].status, result.ready.message) == (
        "True",
        "The gate covers 1 workload.",
    )


def test_a_gate_over_all_of_an_empty_namespace_is_as_it_should_be() -> None:
    result = look(gate(workloads={"scope": "Namespace"}), {"checkout": FINE})
    assert result.conditions["WorkloadsFound"].status == "True"


def test_the_pace_is_what_a_policy_says_also_while_the_gate_is_closed() -> None:
    slow = SPENT.model_copy(update={"pace": "25"})
    assert look(gate(), {"checkout": slow}).status.pace == "25"
    assert look(gate(), {"checkout": slow, "other": FINE}).status.pace == "25"


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
    return Workload(f"Deployment/{name}", {"app": f"{name}:{tag}"}, RUNS if complete else Serving())


def after(gate: ReleaseGate, result: Plan[ReleaseGateStatus]) -> ReleaseGate:
    stored = result.status.wire()
    return gate.model_copy(update={"status": ReleaseGateStatus.model_validate(stored)})


def good(status: ReleaseGateStatus, name: str = "checkout") -> list[str]:
    """The images of the container `app` that are known to be good, the newest first."""
    return [line.split()[0][4:] for line in status.known_good_revisions.get(f"Deployment/{name}", "").splitlines()]


def ran(gate: ReleaseGate, tag: str, minutes: int, policy: ErrorBudgetPolicyStatus = FINE) -> ReleaseGate:
    """The gate after a rollout was complete for some minutes, looked at twice."""
    first = after(gate, look(gate, {"checkout": policy}, [rollout(tag)], NOW))
    return after(first, look(first, {"checkout": policy}, [rollout(tag)], NOW + minutes * MINUTE))


def test_a_rollout_that_stood_its_time_is_known_to_be_good() -> None:
    result = look(gate(), {"checkout": FINE}, [rollout("v41")])
    assert [entry.workload for entry in result.status.learning] == ["Deployment/checkout"]
    assert result.due == NOW + 10 * MINUTE
    assert good(ran(gate(), "v41", 9).status) == []
    learnt = ran(gate(), "v41", 10)
    assert good(learnt.status) == ["checkout:v41"]
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
    assert (status.known_good_revisions, status.learning) == ({}, [])


def test_an_objective_that_never_had_data_keeps_nothing_from_being_learnt() -> None:
    """Who misspells a selector takes nobody's rollback away; where nothing is measured, nothing is known."""
    wrong = {**objective("Unknown", lost=NOW, name="typo"), "neverMeasured": True}
    assert good(ran(gate(), "v41", 10, says(wrong, objective("Allow"), reason="r")).status) == ["checkout:v41"]
    assert good(ran(gate(), "v41", 10, says(wrong, reason="r")).status) == []
    missing = objective("Allow", lost=NOW, name="missing")
    assert good(ran(gate(), "v41", 10, says(wrong, missing, objective("Allow"), reason="r")).status) == []


def test_an_interruption_begins_the_time_anew() -> None:
    life = after(gate(), look(gate(), {"checkout": FINE}, [rollout("v41")], NOW))
    life = after(life, look(life, {"checkout": SPENT}, [rollout("v41")], NOW + 5 * MINUTE))
    life = after(life, look(life, {"checkout": FINE}, [rollout("v41")], NOW + 6 * MINUTE))
    assert good(look(life, {"checkout": FINE}, [rollout("v41")], NOW + 15 * MINUTE).status) == []
    assert good(look(life, {"checkout": FINE}, [rollout("v41")], NOW + 16 * MINUTE).status)


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), max_size=40), st.integers(1, 5))
def test_the_list_stays_bounded_and_keeps_what_runs(releases: list[tuple[int, bool]], keep: int) -> None:
    life = gate(knownGood={"after": "10m", "keep": keep})
    for number, stood in releases:
        life = ran(life, f"v{number}", 10 if stood else 1)
        known = good(life.status)
        assert len(known) <= keep
        assert len(set(known)) == len(known)
        if stood:
            assert known[0] == f"checkout:v{number}"


def test_each_of_three_hundred_workloads_keeps_what_it_ran_before() -> None:
    """A gate over a namespace, or over a cluster: rollout undo is for each of them."""
    life = gate(knownGood={"after": "10m", "keep": 10})
    for number in range(4):
        workloads = [rollout(f"v{number}", name=f"service-{each}") for each in range(300)]
        for minutes in (0, 10):
            life = after(life, look(life, {"checkout": FINE}, workloads, NOW + minutes * MINUTE))
    for each in range(300):
        assert good(life.status, f"service-{each}")[:2] == [f"service-{each}:v3", f"service-{each}:v2"]


def test_where_there_is_no_room_for_all_the_newest_of_each_come_first() -> None:
    life, digest = gate(knownGood={"after": "10m"}), "0" * 64
    for number in range(4):
        names = [f"service-{each:04}" for each in range(1500)]
        workloads = [
            Workload(f"Deployment/{name}", {"app": f"images.example.com/shop/{name}:v{number}@sha256:{digest}"}, RUNS)
            for name in names
        ]
        # As many as may be under way at once are learnt in one go.
        for minutes in range(0, 80, 10):
            life = after(life, look(life, {"checkout": FINE}, workloads, NOW + minutes * MINUTE))
    known = life.status.known_good_revisions
    assert len(known) == 1500
    assert {len(each.splitlines()) for each in known.values()} == {2, 3}
    assert all(":v3@" in each.splitlines()[0] for each in known.values())
    assert len(life.status.model_dump_json(by_alias=True)) < 800_000


def test_what_an_earlier_version_has_learnt_is_taken_over_for_each_workload() -> None:
    """It did not say of which workload an image was."""
    old = ["checkout:v42", "proxy:1", "cart:v7", "checkout:v41"]
    running = Workload("Deployment/checkout", {"app": "checkout:v43", "proxy": "proxy:1"}, Serving())
    cart = Workload("Deployment/cart", {"app": "cart:v7"}, RUNS)
    life = gate({"decision": "Hold", "knownGoodImages": old})
    status = look(life, {"checkout": SPENT}, [running, cart]).status
    assert good(status) == ["checkout:v42", "checkout:v41"]
    assert good(status, "cart") == ["cart:v7"]
    assert status.known_good_images == []
    assert status.passes == (
        "A rollback of Deployment/checkout to checkout:v42 or of Deployment/checkout to checkout:v41 passes."
    )
    assert look(life, {"checkout": SPENT}).status.known_good_images == old, "before a workload has been seen"


def test_what_runs_is_kept_even_where_others_are_newer() -> None:
    life = ran(ran(gate(knownGood={"keep": 1}), "v1", 10), "v2", 10)
    assert good(life.status) == ["checkout:v2"]
    life = ran(ran(gate(knownGood={"keep": 2}), "v1", 10), "v2", 10)
    back = after(life, look(life, {"checkout": FINE}, [rollout("v1")]))
    narrower = back.model_copy(update={"spec": gate(knownGood={"keep": 1}).spec})
    assert good(look(narrower, {"checkout": FINE}, [rollout("v1")]).status) == ["checkout:v1"]


def test_a_steady_state_changes_nothing() -> None:
    life = ran(gate(), "v41", 10)
    for minutes in range(11, 400, 7):
        status = look(life, {"checkout": FINE}, [rollout("v41")], NOW + minutes * MINUTE).status
        assert status == life.status.model_copy(update={"conditions": status.conditions})


def test_an_objective_that_never_had_data_closes_nothing_unless_asked() -> None:
    wrong = {**objective("Unknown", lost=NOW, name="typo"), "neverMeasured": True}
    for others in ((), (objective("Allow"),)):
        late = look(gate(), {"checkout": says(wrong, *others, reason="r")}, now=NOW + 60 * MINUTE)
        assert late.status.decision == "Unknown"
        assert (late.status.because, late.due) == ("ErrorBudgetPolicy checkout: never measured", None)
        assert late.status.message.startswith("typo has never had any data: its condition SeriesFound says why.")
        asked = gate(failMode={"neverMeasured": "Decide"})
        status = look(asked, {"checkout": says(wrong, *others, reason="r")}, now=NOW + 60 * MINUTE).status
        assert (status.decision, status.because) == ("Hold", "ErrorBudgetPolicy checkout: data missing")


def test_an_objective_that_never_had_data_hides_no_other() -> None:
    wrong = {**objective("Unknown", lost=NOW, name="typo"), "neverMeasured": True}
    both = says(objective("Hold"), wrong, state="Exhausted", reason="a is spent")
    assert look(gate(), {"checkout": both}, now=NOW + 60 * MINUTE).status.message.startswith("a is spent. ")
    lost = says(objective("Allow", lost=NOW), wrong, reason="r")
    status = look(gate(), {"checkout": lost}, now=NOW + 60 * MINUTE).status
    assert (status.decision, status.because) == ("Hold", "ErrorBudgetPolicy checkout: data missing")
    assert status.message.startswith("availability has no data")
