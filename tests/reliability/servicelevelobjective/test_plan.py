"""What an objective's look ends in: conditions, data states, and figures that are written only when they matter."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import group, objective

from ninefold.domain.measurements.measurement import FRESH, Measurement, Snapshot, worst
from ninefold.kube.errors import Stalled
from ninefold.kube.model import Condition
from ninefold.kube.plan import Plan
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.feedback.buckets import advice
from ninefold.reliability.servicelevelobjective.feedback.detection import onset
from ninefold.reliability.servicelevelobjective.feedback.health import Health
from ninefold.reliability.servicelevelobjective.output.manifests import Output
from ninefold.reliability.servicelevelobjective.plan import Observed, plan
from ninefold.reliability.servicelevelobjective.resource import Latency, ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import ServiceLevelObjectiveStatus

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WELL = Health(evaluated=True, error="")


def figure(**values: Any) -> Measurement:
    """A healthy service that has spent 60 % of its budget."""
    return Measurement(
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
    seen: Measurement | None,
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
def test_data_states_are_told_apart_and_never_shown_as_good_or_bad(seen: Measurement | None, state: str) -> None:
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
def test_rules_that_prometheus_does_not_evaluate_yet(seen: Measurement | None) -> None:
    planned = look(seen, health=None)
    assert (planned.ready.status, planned.ready.reason) == ("False", "RulesNotLoaded")
    assert "ruleSelector" in planned.ready.message
    assert planned.children, "what was written stays"
    config = look(seen, health=None, output=Output("ConfigMap"))
    assert "ninefold.dev/rules=true" in config.ready.message


@pytest.mark.parametrize(
    ("generation", "minutes", "reason"),
    [(1, 0, "RulesRenewed"), (1, 4, "RulesRenewed"), (1, 5, "RulesNotLoaded"), (2, 0, "RulesNotLoaded")],
)
def test_rules_that_only_the_operator_has_changed_may_be_loaded_in_their_time(
    generation: int, minutes: int, reason: str
) -> None:
    stored = after(look(figure()))
    slo = stored.model_copy(update={"metadata": stored.metadata.model_copy(update={"generation": generation})})
    renewed = Group(slo, aliases=True)
    planned = look(figure(), slo, group=renewed)
    if minutes:
        rules = planned.status.rules
        assert rules is not None
        assert rules.since == NOW
        then = rules.model_copy(update={"since": NOW - timedelta(minutes=minutes)})
        status = after(planned).status.model_copy(update={"rules": then})
        planned = look(figure(), slo.model_copy(update={"status": status}), group=renewed)
    assert planned.ready.reason == reason
    assert planned.ready.status == ("True" if reason == "RulesRenewed" else "False")


def test_an_edit_is_not_ready_until_it_is_loaded() -> None:
    planned = look(figure(revision="old"), after(look(figure(revision="old"))))
    assert planned.ready.reason == "RulesNotLoaded"


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

    assert exhausted_at(exhausted_in=103_680.0) == NOW + timedelta(seconds=103_680)
    assert exhausted_at(exhausted_in=None) is None
    assert exhausted_at(exhausted_in=10.0, coverage=0.5) is None


def test_a_period_of_the_calendar_says_when_it_ends_and_predicts_no_further() -> None:
    """It is noon on the first of March; a day and a half of the month have data, all that there can be."""
    monthly: dict[str, Any] = {"window": {"calendar": {"period": "Month", "timeZone": "Asia/Tokyo"}}}
    slo = objective(**monthly)

    def status(**values: Any) -> ServiceLevelObjectiveStatus:
        return look(figure(revision=Group(slo).revision, **values), slo).status

    seen = status(exhausted_in=86_400.0, coverage=21 / 24 / 31)
    assert seen.period_ends == datetime(2026, 3, 31, 15, tzinfo=UTC)
    assert seen.budget is not None
    assert seen.budget.exhausted_at == NOW + timedelta(days=1)
    later = status(exhausted_in=40 * 86_400.0, coverage=21 / 24 / 31).budget
    assert later is not None
    assert later.exhausted_at is None, "the next period has a budget of its own"
    unsure = status(exhausted_in=86_400.0, coverage=0.001).budget
    assert unsure is not None
    assert unsure.exhausted_at is None


GROUPED: dict[str, Any] = {"groupBy": ["region"]}


def grouped(**groups: Measurement) -> Measurement:
    return replace(worst(groups), revision=group(**GROUPED).revision)


def test_an_objective_with_groups_is_as_good_as_its_worst_and_shows_them_in_order() -> None:
    seen = grouped(eu=figure(), us=figure(budget_left=-0.5, burn={"1h": 3.0}), ap=figure(events_per_second=None))
    status = look(seen, objective(**GROUPED)).status
    assert (status.budget.left if status.budget else None, status.burn, status.group_count) == (
        "-50.0 %",
        {"1h": "3x", "6h": "1.1x"},
        3,
    )
    assert [(g.name, g.left, g.data) for g in status.groups] == [
        ("us", "-50.0 %", "Healthy"),
        ("ap", "40.0 %", "Broken"),
        ("eu", "40.0 %", "Healthy"),
    ]


def test_only_the_worst_groups_are_shown_of_very_many() -> None:
    many = {f"r{number:03}": figure(budget_left=number / 100) for number in range(100)}
    status = look(grouped(**many), objective(**GROUPED)).status
    assert (len(status.groups), status.groups[0].name, status.group_count) == (16, "r000", 100)


def test_noise_around_a_steady_state_of_groups_writes_nothing() -> None:
    random.seed(2)
    before = after(look(grouped(eu=figure(), us=figure(budget_left=0.8)), objective(**GROUPED)), **GROUPED)
    for _ in range(100):
        noisy = (figure(budget_left=left + random.uniform(-0.004, 0.004)) for left in (0.4, 0.8))
        assert look(grouped(**dict(zip(("eu", "us"), noisy, strict=True))), before).status == before.status


def test_more_bad_events_than_events_are_told_and_taken_back() -> None:
    told = look(figure(excess=2.5))
    assert told.conditions["IndicatorPlausible"].status == "False"
    assert "There are 2.5 times as many bad events as events in all" in told.conditions["IndicatorPlausible"].message
    assert look(figure()).conditions == {}
    condition = Condition(
        type="IndicatorPlausible", status="False", reason="MoreThanAll", message="", last_transition_time=NOW
    )
    before = after(told)
    status = before.status.model_copy(update={"conditions": [*before.status.conditions, condition]})
    cured = look(figure(), before.model_copy(update={"status": status}))
    assert cured.conditions["IndicatorPlausible"].status == "True"


def test_blame_is_shown_in_whole_percent_and_stays_while_it_is_about_right() -> None:
    first = look(figure(blame={"shop/b": 0.337, "shop/a": 0.663}))
    assert first.status.blame == {"shop/a": "66 %", "shop/b": "34 %"}
    assert look(figure(blame={"shop/b": 0.36, "shop/a": 0.64}), after(first)).status.blame == first.status.blame


def test_what_the_alerts_do_stands_in_the_status() -> None:
    tiers = look(figure()).status.tiers
    assert [(t.tier, t.severity, t.outage_after, t.budget, t.resets_within) for t in tiers] == [
        ("14.4x/1h", "Page", "112s", "2 %", "6m"),
        ("6x/6h", "Page", "3m", "5 %", "31m"),
        ("3x/1d", "Ticket", "5m", "10 %", "2h"),
        ("1x/3d", "Ticket", "5m", "10 %", "6h"),
    ]


def test_a_threshold_without_a_bucket_is_stalled_with_the_nearest() -> None:
    with pytest.raises(Stalled) as refused:
        look(None, bucket="spec.indicator.latency.threshold: ...")
    assert refused.value.reason == "NoSuchBucket"
    for threshold, words in (("300ms", "write 250ms or 500ms,"), ("0.3", "write 0.25 or 0.5,"), ("3s", "write 2.5s,")):
        bounds = [Decimal("0.25"), Decimal("0.5"), Decimal("2.5")]
        assert words in advice(Latency(histogram="h", threshold=threshold), bounds)
    assert advice(Latency(histogram="h", threshold="250ms"), [Decimal("0.25")]) == ""
    milliseconds = [Decimal(each) for each in (10, 100, 1000, 2500, 5000, 10_000)]
    assert advice(Latency(histogram="h", threshold="5s"), milliseconds) == (
        "spec.indicator.latency.threshold: the histogram has no bucket with the bound 5s, and one with 5000: if it "
        'counts milliseconds, write "5000"'
    )
    # B12: the nearest of another unit is no advice.
    for histogram, threshold, there, words in (
        ("h", "5m", "1 5 10", 'one with 5: if it counts minutes, write "5"'),
        ("h", "300ms", "100000 300000", 'one with 300000: if it counts microseconds, write "300000"'),
        ("h_seconds", "250", "0.1 0.25", 'one with 0.25: if it counts seconds, write "250ms"'),
        ("h_seconds", "60s", "1 10", "write 10s, the nearest"),
    ):
        latency = Latency(histogram=histogram, threshold=threshold)
        assert words in advice(latency, [Decimal(each) for each in there.split()])


def test_the_onset_of_a_burn_is_the_last_time_that_it_went_above_1() -> None:
    at, began = datetime.fromtimestamp(600, UTC), datetime.fromtimestamp(120, UTC)
    assert onset([(0, 5.0), (60, 0.5), (120, 2.0), (180, 30.0), (240, 20.0)], at) == (began, 30.0)
    assert onset([], at) == (at, 0.0)


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
    [
        (0.0, "99.9", "100.00"),
        (0.00001, "99.9", "99.99"),
        (0.0006, "99.9", "99.94"),
        (0.000049, "99.99", "99.995"),
        (1.0000000000000002, "99.9", "0.00"),
    ],
)
def test_the_current_value_is_cut_and_never_flatters(ratio: float, target: str, shown: str) -> None:
    slo = objective(objective=target)
    assert look(figure(error_ratio=ratio, revision=Group(slo).revision), slo).status.current == shown


def test_a_window_that_has_filled_up_is_shown_as_full() -> None:
    before = after(look(figure(coverage=0.93)))
    assert look(figure(coverage=0.97), before).status.coverage == "93 %"
    assert look(figure(coverage=1.0), before).status.coverage == "100 %"
