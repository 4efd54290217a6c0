"""Overrides: when they count, what they are told, and that they end by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders.override import override
from tests.builders.releasegate import gate

from ninefold.kube.fields import rfc3339
from ninefold.release.clusterreleasegate import plan as cluster_plan
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.override import plan as override_plan
from ninefold.release.override.resource import Override
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus

FRIDAY = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
STOPPED = {"stop": {"by": "bob", "reason": "x"}}


@pytest.mark.parametrize(
    ("rules", "asked", "state"),
    [
        ({}, override(FRIDAY, FRIDAY + HOUR), "InForce"),
        ({}, override(FRIDAY, FRIDAY + HOUR, gate=None, scope="Namespace"), "InForce"),
        ({}, override(FRIDAY, FRIDAY + HOUR, gate="cart"), "Refused"),
        ({}, override(FRIDAY - HOUR, FRIDAY), "Over"),
        ({}, override(FRIDAY, FRIDAY + 9 * HOUR), "Refused"),
        # Asked for early to be used late.
        ({}, override(FRIDAY - 8 * HOUR, FRIDAY + HOUR), "Refused"),
        ({"approvals": 1}, override(FRIDAY, FRIDAY + HOUR), "Pending"),
        ({"approvals": 1}, override(FRIDAY, FRIDAY + HOUR, "ann"), "Pending"),
        ({"approvals": 2}, override(FRIDAY, FRIDAY + HOUR, "bob", "bob"), "Pending"),
        ({"approvals": 1}, override(FRIDAY, FRIDAY + HOUR, "bob"), "InForce"),
        ({}, override(FRIDAY, FRIDAY + HOUR, suspend=True), "Pending"),
    ],
)
def test_an_override_counts_or_says_why_not(rules: dict[str, Any], asked: Override, state: str) -> None:
    stopped = gate(**STOPPED, overrides=rules)
    told = override_plan.plan(asked, override_plan.Observed([stopped]), FRIDAY)
    if not asked.spec.suspend:
        assert told.status.state == state
        assert (told.ready.status == "True") is (state == "InForce")
    decided = plan(stopped, Observed({}, (), [asked]), FRIDAY)
    assert [each.name for each in decided.status.overrides] == (["fix"] if state == "InForce" else [])
    # The gate is closed all the same: the record shows what was overridden.
    assert decided.status.decision == "Hold"
    if state == "InForce":
        assert decided.due == FRIDAY + HOUR
        assert [note.reason for note in decided.events] == ["Closed", "Overridden"]


ASKED = {"name": "availability", "data": "Healthy", "decision": "Approve"}
HELD = ASKED | {
    "decision": "Hold",
    "active": [{"rule": "c", "state": "Caution", "gate": "Approve", "since": rfc3339(FRIDAY)}],
}


@pytest.mark.parametrize("objective", [ASKED, HELD], ids=["asked", "asked and held"])
@pytest.mark.parametrize("above", [False, True], ids=["policy", "kept gate"])
def test_what_takes_an_approval_takes_another_person(objective: dict[str, Any], above: bool) -> None:
    """Though the gate's own rules ask for none; also where a ClusterReleaseGate passes it on."""
    policy = ErrorBudgetPolicyStatus.model_validate({"state": "Caution", "objectives": [objective], "reason": "r"})
    line = ClusterReleaseGate.parse(
        {"metadata": {"name": "line"}, "spec": {"sources": [{"errorBudgetPolicy": {"namespace": "a", "name": "b"}}]}}
    )
    closed = cluster_plan.plan(line, cluster_plan.Observed(["shop"], [], {"a/b": policy}), FRIDAY).status
    source = {"clusterReleaseGate": "line"} if above else {"errorBudgetPolicy": "b"}
    held = gate(sources=[source])
    for asked, state in (
        (override(FRIDAY, FRIDAY + HOUR), "Pending"),
        (override(FRIDAY, FRIDAY + HOUR, "eve"), "InForce"),
    ):
        decided = plan(
            held, Observed({} if above else {"b": policy}, (), [asked], above={"line": closed} if above else {}), FRIDAY
        )
        assert decided.status.decision == "Hold"
        assert "approval of another person, by an Override" in decided.status.message
        assert [each.name for each in decided.status.overrides] == (["fix"] if state == "InForce" else [])
        known = held.model_copy(update={"status": decided.status})
        told = override_plan.plan(asked, override_plan.Observed([known]), FRIDAY)
        assert told.status.state == state
        assert "1 person besides ann must approve" in told.ready.message or state == "InForce"


def test_an_override_without_a_gate_says_so_and_one_that_ends_is_told_once() -> None:
    asked = override(FRIDAY, FRIDAY + HOUR)
    told = override_plan.plan(asked, override_plan.Observed([]), FRIDAY)
    assert (told.status.state, told.ready.reason) == ("Refused", "GateMissing")
    begun = override_plan.plan(asked, override_plan.Observed([gate()]), FRIDAY)
    assert [note.reason for note in begun.events] == ["InForce"]
    later = asked.model_copy(update={"status": begun.status})
    ended = override_plan.plan(later, override_plan.Observed([gate()]), FRIDAY + HOUR)
    assert ([note.reason for note in ended.events], ended.due) == (["Over"], None)
    assert (ended.status.since, ended.status.ended) == (FRIDAY, FRIDAY + HOUR)


def test_what_an_override_did_stays_on_record_however_short_its_author_makes_it() -> None:
    asked = override(FRIDAY, FRIDAY + HOUR)
    begun = override_plan.plan(asked, override_plan.Observed([gate()], uses=2), FRIDAY + timedelta(minutes=1))
    earlier = override(FRIDAY, FRIDAY - HOUR).model_copy(update={"status": begun.status})
    ended = override_plan.plan(earlier, override_plan.Observed([gate()], uses=1), FRIDAY + timedelta(minutes=2))
    assert (ended.status.state, ended.status.since) == ("Over", FRIDAY + timedelta(minutes=1))
    assert (ended.status.ended, ended.status.uses) == (FRIDAY + timedelta(minutes=2), 2)
    late = earlier.model_copy(update={"status": ended.status})
    again = override_plan.plan(late, override_plan.Observed([gate()]), FRIDAY + DAY)
    assert again.status == ended.status
