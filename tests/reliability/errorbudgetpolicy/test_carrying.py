"""An objective that closed the gate, deleted and edited in the ways that people do it: when the gate opens, and what
the policy says. The property over all ways is in test_spent.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from tests.builders.errorbudgetpolicy import RULES, policy
from tests.reliability.errorbudgetpolicy.life import Life, dump, existing, healthy
from tests.reliability.errorbudgetpolicy.shop import TICK, Shop

from ninefold.domain.schedules.calendar import Calendar
from ninefold.kube.fields import rfc3339
from ninefold.release.gate.source_budget import of_policy
from ninefold.release.gate.spec import FailMode
from ninefold.release.gate.status import GateStatus
from ninefold.reliability.errorbudgetpolicy.carrying import bounded
from ninefold.reliability.errorbudgetpolicy.holding import is_weaker
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.status import (
    MAX_CARRIED,
    ActiveRule,
    Carried,
    ErrorBudgetPolicyStatus,
    ObjectiveState,
)

HOURS = 6
BUDGET = [RULES[1]]
BURN = [RULES[2]]


def spent(rules: Sequence[Mapping[str, Any]] = RULES, **spec: str) -> Shop:
    """A day of a service that fails a little, then an hour of an outage: half of the last hour has failed."""
    shop = Shop(policy=policy(rules))
    shop.create("right", **spec)
    go(shop, 24, failing=0.001)
    go(shop, 1, failing=0.5)
    assert not shop.is_open
    return shop


def go(shop: Shop, hours: float, failing: float = 0.0) -> None:
    for _ in range(round(hours * HOURS)):
        shop.tick(failing)


def opens_after(shop: Shop, failing: float = 0.0) -> timedelta:
    """How long until the gate opens."""
    begin = shop.now
    while not shop.is_open:
        shop.tick(failing)
        assert shop.now < begin + timedelta(days=3)
    return shop.now - begin


def gate(shop: Shop) -> str:
    """What a gate says for which nobody knowing is no reason to hold."""
    fail_mode = FailMode(stale_after="1m", decision="Allow")
    opinion = of_policy("checkout", shop.policy.status, fail_mode, GateStatus(), shop.now + timedelta(hours=1))
    return f"{opinion.decision}: {opinion.message}"


def only(shop: Shop) -> ObjectiveState:
    (state,) = shop.policy.status.objectives
    return state


def delete(shop: Shop) -> None:
    shop.delete("right")


def replace_by_another(shop: Shop) -> None:
    shop.delete("right")
    shop.create("left", counts="up")


def count_something_else(shop: Shop) -> None:
    shop.edit("right", counts="up")


def shorten(shop: Shop) -> None:
    shop.edit("right", window="1h")


@pytest.mark.parametrize("edit", [delete, replace_by_another, count_something_else, shorten])
def test_what_was_spent_stays_spent_for_the_length_of_its_window(edit: Callable[[Shop], None]) -> None:
    shop = spent()
    edit(shop)
    shop.look()
    assert shop.policy.status.decision == "Deny"
    assert gate(shop).startswith("Deny: "), "the data of what is gone are no matter of failMode"
    assert opens_after(shop) >= timedelta(hours=12)


@pytest.mark.parametrize("edit", [delete, count_something_else])
def test_an_alert_that_burns_cannot_be_edited_away_within_its_own_hour(edit: Callable[[Shop], None]) -> None:
    shop = spent(BURN)
    edit(shop)
    assert opens_after(shop, failing=0.5) >= timedelta(hours=12)


def test_suspended_rules_that_are_deleted_take_nothing_back() -> None:
    shop = spent()
    shop.suspend("right")
    shop.delete_rules("right")
    for _ in range(12 * HOURS):
        shop.tick(0.0)
        assert gate(shop).startswith("Deny: "), "the data of what is suspended are no matter of failMode"


def test_a_suspended_objective_is_measured_again_once_it_is_resumed() -> None:
    shop = spent(BUDGET)
    twin = shop.twin()
    shop.suspend("right")
    shop.look()
    assert "right is suspended, so that the operator does not maintain its rules" in shop.policy.status.reason
    go(shop, 1)
    go(twin, 1)
    shop.suspend("right", False)
    assert opens_after(shop) == opens_after(twin), "its rules stayed, so nothing is missing"


def test_a_weaker_promise_changes_nothing() -> None:
    shop = spent()
    twin = shop.twin()
    shop.edit("right", target="5")
    shop.look()
    go(shop, 1, failing=0.5)
    go(twin, 1, failing=0.5)
    assert only(shop).budget_left == only(twin).budget_left
    assert "right is held to 99 %, its objective when it closed gates" in shop.policy.status.reason
    assert opens_after(shop) == opens_after(twin)
    shop.tick(0.5)
    assert shop.is_open, "with the gate open the weaker promise is the promise"


def test_a_stricter_promise_counts_at_once() -> None:
    shop = spent(BUDGET)
    before = only(shop).budget_left
    shop.edit("right", target="99.9")
    shop.tick(0.0)
    assert only(shop).budget_left != before
    assert only(shop).carried is None


def test_what_is_not_selected_any_more_is_followed_until_it_has_recovered() -> None:
    shop = spent()
    twin = shop.twin()
    shop.edit("right", service="elsewhere")
    shop.look()
    assert "right is still followed, although it is no longer selected" in shop.policy.status.reason
    assert opens_after(shop) == opens_after(twin)
    shop.tick(0.0)
    assert shop.policy.status.objectives == []


def test_the_policy_itself_may_let_an_untouched_objective_go() -> None:
    shop = spent()
    shop.edit("right", service="elsewhere")
    # What an editor has moved away stays, whatever the policy says later.
    shop.look()
    shop.policy = shop.policy.model_copy(update={"metadata": replace_generation(shop, 7)})
    shop.look()
    assert not shop.is_open


def replace_generation(shop: Shop, generation: int) -> Any:
    return shop.policy.metadata.model_copy(update={"generation": generation})


def test_gitops_recreates_it_and_it_opens_soon_after_the_untouched_one() -> None:
    shop = spent(BUDGET)
    twin = shop.twin()
    shop.delete("right")
    shop.look()
    shop.create("right")
    later = opens_after(shop) - opens_after(twin)
    # No tick was lost, so nothing is missing from its window.
    assert later <= TICK
    assert shop.policy.status.objectives[0].carried is None


def test_time_that_nobody_measured_counts_as_if_everything_had_failed() -> None:
    shop = spent(BUDGET)
    shop.delete("right")
    go(shop, 1, failing=0.0)
    shop.create("right")
    shop.tick(0.0)
    assert only(shop).carried is not None
    left = only(shop).budget_left or ""
    # An hour of twelve is 8.3 % of the events, and the budget is 1 % of them.
    assert float(left.split(" ")[0]) < -700
    assert "what it had spent stays spent, and time without measurements counts as failed" in shop.policy.status.reason
    assert opens_after(shop) >= timedelta(hours=10)


@pytest.mark.parametrize("first", [True, False])
def test_a_rename_is_followed_and_burn_rates_end_by_the_new_name(first: bool) -> None:
    shop = spent(BURN)
    if first:
        shop.create("left")
        go(shop, 0.5, failing=0.5)
        shop.delete("right")
    else:
        shop.delete("right")
        shop.create("left")
    shop.tick(0.5)
    shop.tick(0.5)
    carried = {state.name: state.carried for state in shop.policy.status.objectives}["right"]
    assert carried is not None
    assert (carried.change, carried.measured_by) == ("Renamed", "left")
    assert timedelta(hours=1) <= opens_after(shop) <= timedelta(hours=2)


def test_changed_and_changed_back_is_not_what_it_was() -> None:
    """Its recordings hold ten thousand times as many good events from the time between."""
    shop = spent(BUDGET)
    shop.edit("right", counts="up")
    shop.tick(0.5)
    shop.edit("right", counts="http")
    shop.tick(0.0)
    assert only(shop).carried is not None
    assert opens_after(shop) >= timedelta(hours=12)


def test_a_restart_in_the_middle_changes_nothing() -> None:
    shop = spent()
    shop.delete("right")
    shop.look()
    before = dump(shop.policy.status)
    shop.policy = shop.policy.model_copy(update={"status": ErrorBudgetPolicyStatus.model_validate(before)})
    shop.look()
    assert dump(shop.policy.status) == before


def test_a_steady_state_writes_nothing() -> None:
    shop = spent()
    shop.edit("right", counts="up")
    shop.look()
    before = dump(shop.policy.status)
    go(shop, 3, failing=0.5)
    assert dump(shop.policy.status) == before


def test_it_is_forgiven_by_name_and_only_once() -> None:
    shop = spent()
    shop.delete("right")
    shop.look()
    carried = only(shop).carried
    assert carried is not None
    told = f"ninefold policy forgive, or spec.forgive of the policy, objective right, since {rfc3339(carried.since)}"
    assert f"forgives it: {told}" in gate(shop)
    said = {"objective": "right", "since": rfc3339(carried.since), "by": "ann", "reason": "it counted probes"}
    shop.policy = policy(forgive=[said]).model_copy(update={"status": shop.policy.status})
    shop.look()
    assert shop.is_open
    newest, carrying, *_ = shop.policy.status.transitions
    assert newest.reason == "ann has forgiven what right had spent: it counted probes"
    assert carrying.reason.startswith("right no longer exists (seen 2026-03-02T13:00:00Z)")
    shop.create("right")
    go(shop, 1, failing=0.5)
    shop.delete("right")
    go(shop, 2)
    assert not shop.is_open, "what is spent later is not forgiven"


def test_the_last_field_manager_is_named_as_what_it_is() -> None:
    shop = spent()
    shop.look()
    found = shop.objectives()
    assert all(not objective.changed_by for objective in found)
    shop.edit("right", counts="up")
    shop.changed_by = "kubectl-edit at 2026-03-02T13:00:00Z"
    shop.look()
    assert (
        "right counts other events (seen 2026-03-02T13:00:00Z, last changed by kubectl-edit at 2026-03-02T13:00:00Z, "
        "as its field managers say); what it had spent stays spent" in shop.policy.status.reason
    )


def carried_state(number: int, hours: int) -> ObjectiveState:
    at = Shop().now
    rule = ActiveRule(rule=f"budget left below {number % 8} %", state="Exhausted", gate="Hold", since=at)
    until = at + timedelta(hours=hours)
    return ObjectiveState(
        name=f"slo-{number:04}",
        decision="Deny" if number == 7 else "Hold",
        data="Unknown",
        active=[rule],
        carried=Carried(change="Gone", since=at, until=until),
    )


def test_a_thousand_spent_and_deleted_push_out_nothing() -> None:
    states = [carried_state(number, hours=number % 500 + 1) for number in range(1000)]
    kept = bounded(states)
    assert len(kept) == MAX_CARRIED
    (sum_of_all,) = [state for state in kept if state.carried and state.carried.more]
    assert sum_of_all.carried is not None
    assert sum_of_all.carried.more == 1000 - MAX_CARRIED
    assert sum_of_all.decision == "Deny"
    assert {rule.rule for rule in sum_of_all.active} == {rule.rule for state in states for rule in state.active}
    assert all(state.carried and state.carried.until <= sum_of_all.carried.until for state in states)


def test_an_exemption_is_seen_through() -> None:
    """What is exempt now and deleted meanwhile is not forgotten by the end of the exemption."""
    shop = spent()
    until = shop.now + timedelta(hours=2)
    exempt = {"reason": "a move", "until": rfc3339(until)}
    shop.policy = policy(exempt=exempt).model_copy(update={"status": shop.policy.status})
    shop.look()
    assert shop.is_open
    shop.delete("right")
    go(shop, 2)
    assert not shop.is_open


def test_a_month_takes_along_what_was_spent_in_it() -> None:
    month = Calendar(period="Month")
    life = Life(policy(BUDGET), window="Month", calendar=month)
    life.look(healthy(-0.5))
    # Life calls the window as people do; an identity has the time zone, too.
    (state,) = life.status.objectives
    assert state.identity is not None
    spent = state.model_copy(update={"identity": state.identity.model_copy(update={"window": "Month UTC"})})
    status = life.status.model_copy(update={"objectives": [spent]})
    life.policy = life.policy.model_copy(update={"status": status})
    life.look([])
    (state,) = life.status.objectives
    assert state.carried is not None
    assert rfc3339(state.carried.until) == "2026-04-01T00:25:00Z"
    life.look([], after=timedelta(days=32))
    assert life.status.objectives == []


@pytest.mark.parametrize(("promise", "weaker"), [("99.9", False), ("99.95", False), ("99.8", True), ("5", True)])
def test_a_promise_is_weaker_than_another_by_more_than_rounding(promise: str, weaker: bool) -> None:
    identity = existing(WatchedObjective("right", "30d", healthy(0.5))).identity
    assert identity is not None
    figures = BudgetReading("Healthy", 0.5, promised=float(promise) / 100)
    written = BudgetReading("Healthy", 0.5, promised=float(Decimal(promise) / 100))
    for reading in (figures, written):
        assert is_weaker(identity, WatchedObjective("right", "30d", reading)) is weaker


def test_statuses_of_an_older_operator_are_read() -> None:
    shop = spent()
    stored = dump(shop.policy.status)
    for state in stored["objectives"]:
        del state["identity"]
    shop.policy = shop.policy.model_copy(update={"status": ErrorBudgetPolicyStatus.model_validate(stored)})
    other = replace(shop, policy=shop.policy).twin()
    shop.look()
    assert only(shop).identity is not None
    other.delete("right")
    other.look()
    assert only(other).carried is not None
    assert not other.is_open
