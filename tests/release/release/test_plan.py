"""What a Release says: its outcome, what it cost, and when it is dropped."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.release import DAY, MINUTE, NOW, release, revision

from ninefold.kube.fields import percentage
from ninefold.kube.plan import Plan
from ninefold.release.release.plan import EVIDENCE, OPENING, WATCHED, Later, Observed, plan
from ninefold.release.release.resource import ObjectiveCost, ReleaseStatus
from ninefold.release.release.spending import SpendingReading

CALM = {"availability": SpendingReading(left=0.9, burn=0.4)}


def seen(state: str = "Rolling", **further: Any) -> Observed:
    """As the controller sees the release of `releases.release`."""
    workload = replace(revision(state=state), over=None)
    plain = Observed(workload, gone=False, later=(), readings=CALM, keep=20, max_age=90 * DAY)
    return replace(plain, **further)


class Life:
    """A release that is looked at again and again, as its status goes on."""

    def __init__(self, **about: Any) -> None:
        self.release = release(**about)

    def look(self, observed: Observed, now: datetime) -> Plan[ReleaseStatus]:
        result = plan(self.release, observed, now)
        # As it is stored and read back.
        stored = ReleaseStatus.model_validate(result.status.model_dump(mode="json", by_alias=True))
        self.release = self.release.model_copy(update={"status": stored})
        return result


def test_a_rollout_from_its_beginning_to_its_end() -> None:
    life = Life()
    status = life.look(seen(), NOW).status
    assert (status.outcome, status.start, status.end) == ("Progressing", NOW, None)
    result = life.look(seen("Complete"), NOW + 4 * MINUTE)
    assert (result.status.outcome, result.status.end, result.status.took) == ("Succeeded", NOW + 4 * MINUTE, "4m")
    assert (result.ready.status, result.ready.reason) == ("True", "Succeeded")
    assert result.ready.message == "Deployment checkout rolled out this release in 4m."
    assert result.due == NOW + 4 * MINUTE + WATCHED
    assert life.look(seen("Complete"), NOW + 4 * MINUTE + WATCHED).status.closed


def test_the_end_is_when_the_workload_says_so() -> None:
    life = Life()
    life.look(seen(), NOW)
    late = seen("Complete", workload=replace(revision(), over=NOW + 3 * MINUTE))
    assert life.look(late, NOW + 30 * MINUTE).status.end == NOW + 3 * MINUTE


def test_what_was_rolled_out_stays_so() -> None:
    life = Life()
    life.look(seen(), NOW)
    before = life.look(seen("Complete"), NOW + MINUTE).status
    for state in ("Rolling", "GaveUp", "Complete"):
        assert life.look(seen(state), NOW + 5 * MINUTE).status == before


def test_a_rollout_that_gives_up_and_goes_on_is_not_aborted() -> None:
    life = Life()
    life.look(seen(), NOW)
    assert life.look(seen("GaveUp"), NOW + 10 * MINUTE).status.outcome == "Aborted"
    assert life.look(seen("GaveUp"), NOW + 20 * MINUTE).status.end == NOW + 10 * MINUTE
    status = life.look(seen("Complete"), NOW + 30 * MINUTE).status
    assert (status.outcome, status.took) == ("Succeeded", "30m")


@pytest.mark.parametrize("complete", [True, False])
def test_a_rollback_undoes_the_release_before_it(complete: bool) -> None:
    life = Life()
    life.look(seen(), NOW)
    if complete:
        life.look(seen("Complete"), NOW + MINUTE)
    back = Later("checkout-3", NOW + 9 * MINUTE, rolls_back=True, ended=NOW + 9.5 * MINUTE)
    result = life.look(seen(later=(back,)), NOW + 10 * MINUTE)
    assert (result.status.outcome, result.status.undone) == ("RolledBack", NOW + 9 * MINUTE)
    assert result.status.end == (NOW + MINUTE if complete else NOW + 9 * MINUTE)
    assert result.ready.message == "checkout-3 undid this release at 2026-03-01T12:09:00Z."
    # What it did may show a while later.
    assert not result.status.closed
    assert result.due == NOW + 9.5 * MINUTE + EVIDENCE
    assert life.look(seen(later=(back,)), result.due).status.closed


@pytest.mark.parametrize(
    ("complete", "outcome"), [(True, "Succeeded"), (False, "Superseded")], ids=["complete", "under way"]
)
def test_the_next_release_supersedes_only_what_is_under_way(complete: bool, outcome: str) -> None:
    life = Life()
    life.look(seen(), NOW)
    if complete:
        life.look(seen("Complete"), NOW + MINUTE)
    following = Later("checkout-3", NOW + 9 * MINUTE, False)
    status = life.look(seen(later=(following,)), NOW + 10 * MINUTE).status
    assert (status.outcome, status.closed) == (outcome, True)


def burning(left: float, burn: float, fast: float) -> dict[str, SpendingReading]:
    return {"availability": SpendingReading(left, burn, fast)}


def test_what_a_release_did_counts_against_it_though_it_shows_after_it_was_undone() -> None:
    life, back = Life(), Later("checkout-3", NOW + MINUTE, rolls_back=True)
    life.look(seen(), NOW)
    undone: dict[str, Any] = {"later": (back,)}
    life.look(seen(readings=burning(0.89, 1.2, 14)), NOW + MINUTE / 2)
    life.look(seen(readings=burning(0.85, 2.9, 35), **undone), NOW + 1.5 * MINUTE)
    status = life.look(seen(readings=burning(0.8, 4.4, 53), **undone), NOW + 3 * MINUTE).status
    (cost,) = status.objectives
    assert (cost.burn_began, cost.burn_ended, cost.suspicion) == (NOW + MINUTE / 2, None, "0.60")
    assert cost.rolling == "5.00 %", "what is lost later is lost under the rollback"
    status = life.look(seen(readings=burning(0.8, 4.3, 0.2), **undone), NOW + 7 * MINUTE).status
    assert status.objectives[0].burn_ended == NOW + 7 * MINUTE


def test_nothing_is_seen_of_a_release_once_the_next_but_one_has_begun() -> None:
    life = Life()
    life.look(seen(), NOW)
    back, again = Later("checkout-3", NOW + MINUTE, True), Later("checkout-4", NOW + 2 * MINUTE, False)
    life.look(seen(later=(back,)), NOW + 1.5 * MINUTE)
    status = life.look(seen(later=(back, again), readings=burning(0.5, 90, 300)), NOW + 2 * MINUTE).status
    assert status.closed
    after = life.look(seen(later=(back, again), readings=burning(0.1, 900, 900)), NOW + 3 * MINUTE).status
    assert after == status


def test_a_rollback_is_not_suspected_for_what_it_undoes() -> None:
    life = Life()
    spec = life.release.spec.model_copy(update={"rolls_back_to": "checkout-1"})
    life.release = life.release.model_copy(update={"spec": spec})
    life.look(seen(), NOW)
    status = life.look(seen("Complete", readings=burning(0.5, 22, 60)), NOW + MINUTE).status
    assert (status.suspicion, status.objectives[0].burn_began) == ("0.00", None)
    assert status.spent == "40.00 %"


def test_a_burst_that_passes_is_forgotten_and_the_next_has_its_own_beginning() -> None:
    life = Life()
    life.look(seen(), NOW)
    life.look(seen("Complete", readings=burning(0.9, 0.5, 9)), NOW + MINUTE)
    life.look(seen("Complete", readings=burning(0.9, 0.5, 0.1)), NOW + 6 * MINUTE)
    status = life.look(seen("Complete", readings=burning(0.8, 8, 60)), NOW + 20 * MINUTE).status
    assert status.objectives[0].burn_began == NOW + 20 * MINUTE


def test_a_deleted_workload_aborts_what_is_under_way() -> None:
    life = Life()
    life.look(seen(), NOW)
    result = life.look(seen(workload=None, gone=True), NOW + MINUTE)
    assert (result.status.outcome, result.status.end) == ("Aborted", NOW + MINUTE)
    assert result.ready.message == "Deployment checkout was deleted."
    unseen = Life().look(seen(workload=None, gone=True), NOW + MINUTE).status
    assert (unseen.outcome, unseen.start, unseen.end) == ("Aborted", None, None)


def test_a_workload_that_cannot_be_read_changes_nothing() -> None:
    life = Life()
    before = life.look(seen(), NOW).status
    assert life.look(seen(workload=None), NOW + MINUTE).status == before


def test_what_ran_before_there_were_records_has_no_beginning_and_no_cost() -> None:
    """As when a gate is made for a workload that has been there for months."""
    status = Life(sequence=1).look(seen("Complete"), NOW).status
    assert (status.outcome, status.start, status.end) == ("Succeeded", None, None)
    assert (status.spent, status.suspicion, status.objectives, status.closed) == ("Unknown", "Unknown", [], True)
    told = seen("Complete", workload=replace(revision(), over=NOW - 5 * DAY))
    assert Life(sequence=1).look(told, NOW).status.end == NOW - 5 * DAY


def test_what_is_ill_when_records_begin_is_no_rollout_that_began() -> None:
    life = Life(sequence=1)
    assert life.look(seen(), NOW).status.start is None
    assert life.look(seen("Complete"), NOW + MINUTE).status.end is None


def test_the_first_rollout_begins_with_its_workload() -> None:
    new = seen(workload=replace(revision(state="Rolling"), created=NOW - timedelta(seconds=3)))
    assert Life(sequence=1).look(new, NOW).status.start == NOW - timedelta(seconds=3)


def test_what_was_rolled_out_while_nobody_looked_has_an_end_and_no_beginning() -> None:
    status = Life().look(seen("Complete"), NOW).status
    assert (status.outcome, status.start, status.end, status.spent) == ("Succeeded", None, NOW, "Unknown")


def test_what_it_costs_is_told_apart_by_when() -> None:
    life = Life()
    life.look(seen(), NOW)
    life.look(seen(readings={"availability": SpendingReading(0.88, 8.0)}), NOW + 2 * MINUTE)
    life.look(seen("Complete", readings={"availability": SpendingReading(0.8799, 8.0)}), NOW + 4 * MINUTE)
    status = life.look(
        seen("Complete", readings={"availability": SpendingReading(0.85, 22.0)}), NOW + 12 * MINUTE
    ).status
    (cost,) = status.objectives
    assert (cost.rolling, cost.since, cost.left) == ("2.01 %", "2.99 %", "85.00 %")
    assert status.spent == "5.00 %"
    # The burn began while it rolled, however late it is at its worst.
    assert (cost.burn_before, cost.burn_after, cost.suspicion) == ("0.4x", "22x", "0.91")
    assert status.suspicion == "0.91"


def test_a_later_burn_does_not_replace_an_earlier_one_that_is_worse() -> None:
    life = Life()
    life.look(seen(), NOW)
    life.look(seen("Complete", readings={"availability": SpendingReading(0.8, 22.0)}), NOW + MINUTE)
    calm = life.look(seen("Complete"), NOW + 20 * MINUTE).status.objectives[0]
    assert calm.burn_ended == NOW + 20 * MINUTE
    status = life.look(
        seen("Complete", readings={"availability": SpendingReading(0.5, 900.0)}), NOW + 10 * 60 * MINUTE
    ).status
    assert (status.objectives[0].burn_after, status.suspicion) == ("22x", "0.91")
    assert status.objectives[0].burn_ended == calm.burn_ended


def test_a_burn_that_comes_back_soon_goes_on() -> None:
    life = Life()
    life.look(seen(), NOW)
    life.look(seen("Complete", readings=burning(0.8, 22, 60)), NOW + MINUTE)
    life.look(seen("Complete"), NOW + 20 * MINUTE)
    cost = life.look(seen("Complete", readings=burning(0.8, 80, 160)), NOW + 25 * MINUTE).status.objectives[0]
    assert (cost.burn_began, cost.burn_ended, cost.burn_after) == (NOW + MINUTE, None, "80x")
    assert cost.burn_paused


@pytest.mark.parametrize("readings", [{}, {"availability": SpendingReading()}])
def test_without_data_nothing_is_told(readings: dict[str, SpendingReading]) -> None:
    life = Life()
    life.look(seen(readings=readings), NOW)
    late = seen("Complete", readings={"availability": SpendingReading(0.2, 30.0)})
    status = life.look(late, NOW + OPENING + MINUTE).status
    assert (status.spent, status.suspicion) == ("Unknown", "Unknown")


def test_data_that_come_within_a_minute_are_those_that_it_found() -> None:
    life = Life()
    life.look(seen(readings={}), NOW)
    life.look(seen(), NOW + timedelta(seconds=20))
    assert life.look(seen("Complete"), NOW + 4 * MINUTE).status.spent == "0.00 %"


def test_a_gap_in_the_data_loses_nothing() -> None:
    life = Life()
    life.look(seen(), NOW)
    life.look(seen(readings={}), NOW + 2 * MINUTE)
    status = life.look(seen("Complete", readings={"availability": SpendingReading(0.7, 1.0)}), NOW + 4 * MINUTE).status
    assert status.spent == "20.00 %"


@given(st.lists(st.tuples(st.integers(0, 600), st.floats(-2, 1), st.floats(0, 1000)), max_size=12), st.integers(0, 600))
def test_looking_again_writes_nothing_and_costs_only_grow(looks: list[tuple[int, float, float]], end: int) -> None:
    life = Life()
    life.look(seen(), NOW)
    spent, lost, previous = 0.0, 0.0, 90.0
    for second, left, burn in sorted(looks):
        observed = seen(
            "Complete" if second >= end else "Rolling", readings={"availability": SpendingReading(left, burn)}
        )
        now = NOW + timedelta(seconds=second)
        status = life.look(observed, now).status
        assert life.look(observed, now).status == status
        (cost,) = status.objectives
        assert percentage(status.spent or "") >= spent
        spent = percentage(status.spent or "")
        lost, previous = lost + max(previous - 100 * left, 0), 100 * left
        # Never more than every single loss, and nothing of half a percent or more is forgotten.
        assert spent <= lost + 0.02 * len(looks)
        assert abs(percentage(cost.left or "") - 100 * left) <= 0.51


@given(st.integers(0, 40), st.integers(1, 20), st.integers(0, 200), st.booleans())
def test_what_is_too_many_or_too_old_is_dropped_but_the_present_one(
    later: int, keep: int, age: int, gone: bool
) -> None:
    followers = tuple(Later(f"checkout-{number}", NOW, False) for number in range(later))
    observed = seen("Complete", later=followers, keep=keep, gone=gone, workload=None if gone else revision())
    result = plan(release(), observed, NOW + age * DAY)
    too_old = age >= 90 and (later > 0 or gone)
    assert result.discard == (later >= keep or too_old)


def test_an_old_one_is_looked_at_when_its_time_has_come() -> None:
    life = Life()
    life.look(seen(), NOW)
    life.look(seen("Complete"), NOW + MINUTE)
    following = Later("checkout-3", NOW + DAY, False)
    assert life.look(seen(later=(following,)), NOW + DAY).due == NOW + 90 * DAY


def test_before_its_workload_is_seen_nothing_is_said() -> None:
    other = replace(revision("checkout:v9"), state="Rolling")
    result = plan(release(), seen(workload=other), NOW)
    assert (result.status.outcome, result.ready.reason) == (None, "Waiting")


def test_figures_that_are_none_count_as_not_measured() -> None:
    """A status may have been written by anybody where the policies are not installed."""
    wrong = {"left": "99999d", "rolling": "nan %", "since": "1,5 %", "burnBefore": "evil", "suspicion": "high"}
    cost = ObjectiveCost.model_validate({"name": "checkout", **wrong, "burnAfter": "22x"})
    assert cost == ObjectiveCost(name="checkout", burn_after="22x")
