"""What an objective's look ends in: conditions, data states, and figures that are written only when they matter."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reliability.slo.objectives import group, objective

from ninefold.kube.errors import Stalled
from ninefold.kube.model import Condition
from ninefold.kube.plan import Plan
from ninefold.reliability.servicelevelobjective.figure import FRESH, Figure, Health, Snapshot
from ninefold.reliability.servicelevelobjective.output import Output
from ninefold.reliability.servicelevelobjective.plan import Observed, plan
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective, ServiceLevelObjectiveStatus
from ninefold.reliability.servicelevelobjective.rules import Group

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WELL = Health(evaluated=True, error="")


def figure(**values: Any) -> Figure:
    """A healthy service that has spent 60 % of its budget."""
    return Figure(
        **{
            "budget_left": 0.4,
            "error_ratio": 0.0006,
            "burn": {"5m": 0.5, "1h": 0.62, "6h": 1.1},
            "coverage": 1.0,
            "events_per_second": 50.0,
            "revision": group().revision,
            **values,
        }
    )


def look(
    seen: Figure | None,
    slo: ServiceLevelObjective | None = None,
    health: Health | None = WELL,
    age: timedelta = timedelta(seconds=5),
    **observed: Any,
) -> Plan[ServiceLevelObjectiveStatus]:
    slo = slo or objective()
    by_id = {slo.slo_id: seen} if seen else {}
    snapshot = Snapshot(at=NOW - age, reachable=True, error="", by_id=by_id)
    return plan(slo, Observed(**{"snapshot": snapshot, "group": Group(slo), "health": health, **observed}), NOW)


def after(planned: Plan[ServiceLevelObjectiveStatus], **spec: Any) -> ServiceLevelObjective:
    """The objective as it is stored once the plan has been carried out."""
    ready = Condition(
        type="Ready",
        status=planned.ready.status,
        reason=planned.ready.reason,
        message=planned.ready.message,
        last_transition_time=NOW,
    )
    status = planned.status.model_copy(update={"observed_generation": 1, "conditions": [ready]})
    return objective(**spec).model_copy(update={"status": status})


def test_a_healthy_objective_shows_its_figures() -> None:
    planned = look(figure())
    status = planned.status
    assert (planned.ready.status, planned.ready.reason) == ("True", "RulesLoaded")
    assert (status.data, status.current, status.coverage) == ("Healthy", "99.94", "100 %")
    assert status.budget is not None
    assert (status.budget.left, status.budget.total, status.budget.exhausted_at) == ("40.0 %", "0.1 %", None)
    assert status.burn == {"1h": "0.62x", "6h": "1.1x"}
    assert status.rules is not None
    assert (status.rules.loaded, status.rules.health) == (True, "Ok")
    assert [child["kind"] for child in planned.children] == ["PrometheusRule"]
    assert planned.due is not None


@pytest.mark.parametrize(
    ("seen", "state"),
    [
        (figure(), "Healthy"),
        (figure(events_per_second=0.0), "Idle"),
        (figure(events_per_second=0.0, budget_left=None, error_ratio=None, burn={}), "Idle"),
        # It was measured, now there is nothing to measure.
        (figure(events_per_second=None), "Broken"),
        # Never any data.
        (figure(events_per_second=None, coverage=0.0, budget_left=None, error_ratio=None, burn={}), "Unknown"),
        (None, "Unknown"),
    ],
)
def test_data_states_are_told_apart_and_never_shown_as_good_or_bad(seen: Figure | None, state: str) -> None:
    status = look(seen).status
    assert status.data == state
    if state == "Unknown":
        assert (status.current, status.budget, status.burn, status.coverage) == (None, None, {}, None)
    if seen is not None and seen.budget_left is None:
        assert (status.current, status.budget, status.burn) == (None, None, {})


def test_a_rule_that_fails_makes_the_data_broken() -> None:
    planned = look(figure(), health=Health(evaluated=True, error="slo:events:rate5m: many-to-many"))
    assert (planned.ready.status, planned.ready.reason) == ("False", "RuleFailing")
    assert "many-to-many" in planned.ready.message
    assert planned.status.data == "Broken"


@pytest.mark.parametrize("seen", [None, figure(revision="old")])
def test_rules_that_prometheus_does_not_evaluate_yet(seen: Figure | None) -> None:
    planned = look(seen, health=None)
    assert (planned.ready.status, planned.ready.reason) == ("False", "RulesNotLoaded")
    assert "ruleSelector" in planned.ready.message
    assert planned.children, "what was written stays"
    config = look(seen, health=None, output=Output("ConfigMap"))
    assert "ninefold.dev/rules=true" in config.ready.message


def test_prometheus_that_tells_nothing_about_rules_is_no_fault() -> None:
    planned = look(figure(), health=None)
    assert planned.ready.status == "True"
    assert planned.status.rules is not None
    assert planned.status.rules.health == "Unknown"


def test_one_failed_poll_changes_nothing_and_a_minute_makes_it_unknown() -> None:
    before = after(look(figure()))
    assert look(figure(), before, age=FRESH - timedelta(seconds=1)).status.data == "Healthy"
    lost = Snapshot(at=NOW - FRESH, error="http://prometheus: no answer", by_id={"shop/checkout": figure()})
    planned = look(figure(), before, health=None, snapshot=lost)
    assert (planned.ready.status, planned.ready.reason) == ("False", "PrometheusUnreachable")
    assert "no answer" in planned.ready.message
    assert planned.status.data == "Unknown"
    assert planned.status.budget is None
    assert planned.children, "the rules go on without the operator"


def test_a_restart_of_the_operator_changes_nothing() -> None:
    before = after(look(figure()))
    planned = look(None, before, health=None, snapshot=Snapshot())
    assert planned.status == before.status
    assert planned.ready == look(figure()).ready
    # With other rules than before there is nothing to hold on to.
    changed = after(look(figure()), objective="99.5")
    assert look(None, changed, health=None, snapshot=Snapshot()).ready.status == "Unknown"


def test_what_prometheus_refuses_is_stalled_in_its_own_words() -> None:
    with pytest.raises(Stalled, match=r"spec\.indicator: Prometheus refuses it: parse error"):
        look(None, refusal="parse error at char 3")


def test_the_prediction_is_made_only_where_it_is_honest() -> None:
    def exhausted_at(**values: Any) -> datetime | None:
        budget = look(figure(**values)).status.budget
        return budget.exhausted_at if budget else None

    assert exhausted_at(burn={"1h": 10.0}) == NOW + timedelta(days=30) * 0.4 / 10
    assert exhausted_at(burn={"1h": 0.9}) is None
    assert exhausted_at(burn={"1h": 10.0}, coverage=0.5) is None
    assert exhausted_at(burn={"1h": 10.0}, budget_left=-0.1) is None


def test_noise_around_a_steady_state_writes_nothing() -> None:
    random.seed(1)
    first = look(figure())
    before = after(first)
    for _ in range(300):
        noisy = figure(
            budget_left=0.4 + random.uniform(-0.004, 0.004),
            error_ratio=0.0006 + random.uniform(-5e-6, 5e-6),
            burn={"1h": 0.62 * random.uniform(0.85, 1.15), "6h": 1.1 * random.uniform(0.9, 1.1)},
            events_per_second=random.uniform(30, 60),
        )
        assert look(noisy, before).status == before.status


@given(
    old=st.floats(-3, 1), new=st.floats(-3, 1), burn=st.floats(0, 1000), then=st.floats(0, 1000), cover=st.floats(0, 1)
)
def test_what_is_shown_is_never_far_from_what_is_measured(
    old: float, new: float, burn: float, then: float, cover: float
) -> None:
    before = after(look(figure(budget_left=old, burn={"1h": burn})))
    now = look(figure(budget_left=new, burn={"1h": then}, coverage=cover), before).status
    assert now.budget is not None
    assert now.coverage is not None
    left = float(now.budget.left.removesuffix(" %"))
    assert abs(left - new * 100) <= 0.6
    assert not (left > 0.05 and new < -0.0005), "overspent never looks like something left"
    assert abs(float(now.burn["1h"].removesuffix("x")) - then) <= max(0.11, 0.3 * then)
    assert abs(float(now.coverage.removesuffix(" %")) - cover * 100) <= 10.5


@pytest.mark.parametrize(
    ("ratio", "target", "shown"),
    [(0.0, "99.9", "100.00"), (0.00001, "99.9", "99.99"), (0.0006, "99.9", "99.94"), (0.000049, "99.99", "99.995")],
)
def test_the_current_value_is_cut_and_never_flatters(ratio: float, target: str, shown: str) -> None:
    slo = objective(objective=target)
    assert look(figure(error_ratio=ratio, revision=Group(slo).revision), slo).status.current == shown


def test_a_window_that_has_filled_up_is_shown_as_full() -> None:
    before = after(look(figure(coverage=0.93)))
    assert look(figure(coverage=0.97), before).status.coverage == "93 %"
    assert look(figure(coverage=1.0), before).status.coverage == "100 %"
