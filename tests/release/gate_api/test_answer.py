"""What is answered about gates in a store."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.release.gate_api import gates
from tests.release.releasegate.blaming import blames

from ninefold.kube.store import Store
from ninefold.release.gate_api.answer import STALE_AFTER, Answer, answer
from ninefold.release.gate_api.question import Question, WrongCall, question

FRESH = 1.0
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
NEVER = float("inf")
DECISIONS = ("Allow", "Unknown", "Hold", "Deny")


def ask(store: Store, by: str = "gate", name: str = "checkout", age: float = FRESH, *revisions: str) -> Answer:
    pairs = [("namespace", "shop"), (by, name), *(("revision", revision) for revision in revisions)]
    return answer(store, question(pairs), age, NOW)


@pytest.fixture
def store() -> Store:
    return Store()


def test_an_answer_is_what_the_gate_says(store: Store) -> None:
    gates.gate(
        store, "Hold", because="ErrorBudgetPolicy checkout: Exhausted", message="Spent.", until="2026-03-01T13:00:00Z"
    )
    assert ask(store).as_dict() == {
        "decision": "Hold",
        "reason": "ErrorBudgetPolicy checkout: Exhausted",
        "message": "Spent.",
        "since": gates.SINCE,
        "until": "2026-03-01T13:00:00Z",
        "stale": False,
        "abort": False,
        "gate": "shop/checkout",
        "pace": 100,
    }


def test_a_closed_gate_says_whom_to_ask(store: Store) -> None:
    gates.gate(store, "Hold", message="Spent.", contact="#shop")
    assert ask(store).message == "Spent. Contact: #shop"
    assert ask(store, age=STALE_AFTER + 1).message.endswith(" Contact: #shop")
    gates.gate(store, "Allow", contact="#shop")
    assert "Contact" not in ask(store).message


def test_at_a_slower_pace_a_step_that_asks_for_it_waits_its_turn(store: Store) -> None:
    gates.gate(store, "Allow", pace="50")

    def steps(paced: str) -> list[Answer]:
        asked = question([("namespace", "shop"), ("gate", "checkout"), ("paced", paced)])
        return [answer(store, asked, FRESH, NOW + timedelta(minutes=minute)) for minute in range(100)]

    said = [step.decision for step in steps("true")]
    assert said.count("Allow") + said.count("Hold") == 100
    assert 45 < said.count("Allow") < 55
    waiting = next(step for step in steps("true") if step.decision == "Hold")
    assert (waiting.reason, waiting.pace) == ("pace", 50)
    assert waiting.message == "At a pace of 50 % this step waits its turn: ask again in a minute."
    assert {step.decision for step in steps("false") + steps("")} == {"Allow"}


def test_of_several_gates_the_slowest_sets_the_pace_and_an_override_lifts_it(store: Store) -> None:
    gates.deployment(store, "checkout", "checkout:v1")
    gates.gate(store, "Allow", name="a", pace="50")
    gates.gate(store, "Allow", name="b", pace="20")
    assert ask(store, "workload").pace == 20
    override = {"name": "fix", "by": "ann", "until": "2026-03-01T13:00:00Z"}
    gates.gate(store, "Allow", name="b", pace="20", overrides=[override])
    assert ask(store, "workload").pace == 50


def test_a_stopped_line_goes_for_every_gate_and_service_of_the_namespace(store: Store) -> None:
    gates.gate(store, "Allow")
    gates.policy(store, "checkout", service="checkout")
    asked = ("gate", "checkout"), ("service", "checkout")
    assert {ask(store, *each).decision for each in asked} == {"Allow"}
    line = "cluster.production"
    gates.gate(store, "Deny", name=line, app="none", message="ann has closed it.", blamed=blames("v1"))
    for each in asked:
        found = ask(store, *each)
        assert (found.decision, found.gate, found.message) == ("Deny", f"shop/{line}", "ann has closed it.")
        assert not found.abort
    # One that has not decided yet says nothing, and one of another namespace neither.
    gates.gate(store, "Unknown", name=line, app="none")
    gates.gate(store, "Hold", name=line, app="none", namespace="other")
    assert {ask(store, *each).decision for each in asked} == {"Allow"}
    assert ask(store, "gate", "none").decision == "Unknown", "a name that is misspelt is told all the same"


def test_a_gate_that_does_not_exist_is_unknown_and_says_so(store: Store) -> None:
    found = ask(store)
    assert (found.decision, found.gate, found.stale) == ("Unknown", None, False)
    assert found.message == "There is no ReleaseGate checkout in namespace shop."


def test_a_gate_of_another_namespace_has_no_say(store: Store) -> None:
    gates.gate(store, "Deny", namespace="other")
    assert ask(store).decision == "Unknown"
    gates.deployment(store, "checkout", "checkout:v1")
    assert ask(store, "workload").decision == "Unknown"


def test_a_gate_nobody_has_looked_at_since_its_change_is_stale_and_aborts_nothing(store: Store) -> None:
    gates.gate(store, "Deny", observedGeneration=0, blamed=blames("v42"))
    found = ask(store, "gate", "checkout", FRESH, "v42")
    assert (found.decision, found.stale, found.abort) == ("Deny", True, False)
    assert "has not reconciled it since" in found.message


def test_a_gate_that_cannot_be_read_is_unknown(store: Store) -> None:
    gates.gate(store, "Allow", fail_mode={"staleAfter": "soon"})
    found = ask(store)
    assert (found.decision, found.reason) == ("Unknown", "the gate cannot be read")
    assert "staleAfter" in found.message


def test_one_gate_that_cannot_be_read_keeps_nobody_from_an_answer(store: Store) -> None:
    gates.deployment(store, "checkout", "checkout:v42")
    gates.gate(store, "Deny", name="a", fail_mode={"staleAfter": "soon"})
    gates.gate(store, "Allow", name="b")
    assert ask(store, "workload").gate == "shop/b"


@pytest.mark.parametrize("name", ["checkout", "Deployment/checkout"])
def test_a_workload_finds_the_most_severe_of_its_gates(store: Store, name: str) -> None:
    gates.deployment(store, "checkout", "checkout:v42")
    gates.gate(store, "Allow", name="a")
    gates.gate(store, "Hold", name="b")
    gates.gate(store, "Deny", name="c", app="payment")
    assert ask(store, "workload", name).gate == "shop/b"


def test_a_workload_of_another_kind_is_not_meant(store: Store) -> None:
    gates.deployment(store, "checkout", "checkout:v42")
    gates.gate(store, "Hold")
    found = ask(store, "workload", "StatefulSet/checkout")
    assert (found.decision, found.message) == (
        "Unknown",
        "No ReleaseGate in namespace shop covers the workload StatefulSet/checkout.",
    )


def test_a_service_finds_gates_by_the_objectives_of_their_policies(store: Store) -> None:
    gates.gate(store, "Hold")
    gates.policy(store, "checkout", "checkout-availability")
    assert ask(store, "service", "web").decision == "Unknown"
    gates.objective(store, "checkout-availability", "web")
    assert ask(store, "service", "web").decision == "Hold"
    gates.policy(store, "checkout", service="shop-front")
    assert ask(store, "service", "shop-front").decision == "Hold"


@pytest.mark.parametrize("decision", DECISIONS)
@pytest.mark.parametrize("blamed", [["checkout:v42", "abc"], ["checkout:v41"], []])
@pytest.mark.parametrize("age", [FRESH, STALE_AFTER + 1, NEVER])
def test_only_a_fresh_deny_that_blames_this_very_revision_aborts(
    store: Store, decision: str, blamed: list[str], age: float
) -> None:
    gates.gate(store, decision, blamed=blames(*blamed))
    found = ask(store, "gate", "checkout", age, "abc", "def")
    assert found.abort == (decision == "Deny" and "abc" in blamed and age == FRESH)
    assert not ask(store, "gate", "checkout", age).abort, "nobody asked about a revision"


@pytest.mark.parametrize("fail_mode", ["Hold", "Allow"])
@pytest.mark.parametrize(("age", "decided"), [(STALE_AFTER + 1, False), (601, True), (NEVER, True)])
@pytest.mark.parametrize("decision", DECISIONS)
def test_when_the_api_server_is_lost_what_is_closed_stays_closed_and_the_rest_is_decided_by_fail_mode(
    store: Store, decision: str, age: float, decided: bool, fail_mode: str
) -> None:
    gates.gate(store, decision, fail_mode={"staleAfter": "10m", "decision": fail_mode})
    found = ask(store, age=age)
    assert found.stale
    assert found.decision == (fail_mode if decided and decision in ("Allow", "Unknown") else decision)
    assert "has not heard from the API server" in found.message


def test_a_replica_that_never_read_says_so_about_what_it_does_not_know(store: Store) -> None:
    found = ask(store, age=NEVER)
    assert found.stale
    assert found.message.endswith("This replica has not heard from the API server since it started.")


@given(
    st.lists(st.tuples(st.sampled_from(DECISIONS), st.lists(st.sampled_from("abc"))), max_size=4),
    st.lists(st.sampled_from("abcd")),
    st.floats(min_value=0, allow_nan=False),
)
def test_no_answer_is_milder_than_any_gate_and_none_aborts_an_innocent(
    told: list[tuple[str, list[str]]], revisions: list[str], age: float
) -> None:
    store = Store()
    gates.deployment(store, "checkout", "checkout:v1")
    for number, (decision, blamed) in enumerate(told):
        gates.gate(store, decision, name=f"gate-{number}", blamed=blames(*blamed))
    found = answer(store, Question("shop", "workload", "checkout", tuple(revisions)), age, NOW)
    if age <= STALE_AFTER:
        assert found.decision == max((decision for decision, _ in told), key=DECISIONS.index, default="Unknown")
    assert found.stale == (age > STALE_AFTER)
    guilty = any(decision == "Deny" and set(blamed) & set(revisions) for decision, blamed in told)
    assert found.abort == (guilty and age <= STALE_AFTER)


@pytest.mark.parametrize(
    ("pairs", "sentence"),
    [
        ([], "give namespace and exactly one of"),
        ([("namespace", "shop")], "give namespace and exactly one of"),
        ([("gate", "a")], "give namespace and exactly one of"),
        ([("namespace", "shop"), ("gate", "a"), ("service", "b")], "exactly one of gate, workload or service"),
        ([("namespace", "shop"), ("gate", "")], "exactly one of"),
        ([("namespace", "shop"), ("gate", "a"), ("gate", "b")], "gate is given more than once"),
        ([("ns", "shop"), ("gate", "a")], "'ns' is not a parameter"),
        ([("namespace", "shop"), ("gate", "a"), ("paced", "yes")], "paced: write true or false"),
        ([("namespace", "shop"), ("gate", "a" * 601)], "gate is longer than 600 characters"),
        ([("namespace", "shop"), ("gate", "a"), *[("revision", "r")] * 65], "revision is given more than 64 times"),
    ],
)
def test_a_wrong_call_is_told_what_to_change(pairs: list[tuple[str, str]], sentence: str) -> None:
    with pytest.raises(WrongCall, match=sentence):
        question(pairs)


def test_a_parameter_that_a_template_left_empty_is_left_out() -> None:
    pairs = [("namespace", "shop"), ("gate", "a"), ("service", ""), ("revision", ""), ("revision", "r")]
    assert question(pairs) == Question("shop", "gate", "a", ("r",))
