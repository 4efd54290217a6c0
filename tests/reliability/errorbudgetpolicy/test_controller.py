"""From the store and the shared snapshot to readings, and from a changed figure to the policies that it concerns."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.counting import CountingStore

from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.domain.schedules.span import Span
from ninefold.domain.selectors.objectives import selected, selects
from ninefold.kube.api import Key
from ninefold.kube.fields import rfc3339
from ninefold.kube.store import Store
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading
from ninefold.reliability.errorbudgetpolicy.observe import reading
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Readings:
    """Figures without a Prometheus: a snapshot, and a list of changes."""

    def __init__(self, snapshot: Snapshot, changed: tuple[str, ...] = ()) -> None:
        self.snapshot = snapshot
        self._changed = changed

    async def changes(self) -> AsyncIterator[str]:
        for slo_id in self._changed:
            yield slo_id


def slo(name: str, service: str = "checkout", **labels: str) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "resourceVersion": "1"},
        "spec": {"service": service, "window": {"rolling": "30d"}},
    }


def policy(name: str, objectives: dict[str, Any]) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop", "resourceVersion": "1"},
        "spec": {"objectives": objectives, "rules": [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted"}]},
    }


@pytest.mark.parametrize(
    ("objectives", "selected"),
    [
        ({"service": "checkout"}, True),
        ({"service": "cart"}, False),
        ({"names": ["other", "latency"]}, True),
        ({"names": ["other"]}, False),
        ({"matchLabels": {"tier": "1"}}, True),
        ({"matchLabels": {"tier": "1", "team": "x"}}, False),
    ],
)
def test_selection(objectives: dict[str, Any], selected: bool) -> None:
    assert selects(objectives, slo("latency", tier="1")) is selected


@pytest.mark.parametrize(
    ("figure", "age", "expected"),
    [
        (
            Measurement(budget_left=0.4, burn={"1h": 2.0}, events_per_second=7.0),
            5,
            BudgetReading("Healthy", 0.4, {"1h": 2.0}),
        ),
        (Measurement(budget_left=0.4, events_per_second=0.0), 5, BudgetReading("Idle", 0.4)),
        (Measurement(budget_left=0.4, coverage=0.5), 5, BudgetReading("Broken", 0.4, coverage=0.5)),
        (Measurement(), 5, BudgetReading("Unknown", absent=True)),
        (None, 5, BudgetReading("Unknown", absent=True)),
        (Measurement(budget_left=0.4, events_per_second=7.0), 60, BudgetReading("Unknown")),
    ],
)
def test_a_figure_as_a_reading(figure: Measurement | None, age: int, expected: BudgetReading) -> None:
    by_id = {"shop/latency": figure} if figure else {}
    snapshot = Snapshot(at=NOW - timedelta(seconds=age), reachable=True, error="", by_id=by_id)
    assert reading("shop/latency", snapshot, NOW) == expected


async def observe(controller: ErrorBudgetPolicyController, store: Store, objectives: dict[str, Any]) -> Any:
    return await controller.observe(ErrorBudgetPolicy.parse(policy("p", objectives)), store, NOW)


@pytest.fixture
def store() -> Store:
    store = Store()
    for manifest in (slo("latency"), slo("availability"), slo("cart", service="cart")):
        store.put(ServiceLevelObjective.api, manifest)
    for manifest in (policy("by-service", {"service": "checkout"}), policy("by-name", {"names": ["cart"]})):
        store.put(ErrorBudgetPolicy.api, manifest)
    return store


def run(coroutine: Any) -> Any:
    return asyncio.run(coroutine)


def test_it_observes_what_is_selected_and_what_is_missing(store: Store) -> None:
    controller = ErrorBudgetPolicyController(Readings(Snapshot()))
    observed = run(observe(controller, store, {"service": "checkout"}))
    assert [(o.name, o.window) for o in observed.objectives] == [("availability", "30d"), ("latency", "30d")]
    assert not observed.asked
    observed = run(observe(controller, store, {"names": ["latency", "gone"]}))
    assert [(o.name, o.window) for o in observed.objectives] == [("gone", ""), ("latency", "30d")]


def test_what_a_finalizer_holds_while_it_is_being_deleted_is_gone(store: Store) -> None:
    """Nobody keeps its rules any more."""
    going = slo("latency")
    going["metadata"] |= {"resourceVersion": "2", "deletionTimestamp": rfc3339(NOW), "finalizers": ["a.example/b"]}
    store.put(ServiceLevelObjective.api, going)
    controller = ErrorBudgetPolicyController(Readings(Snapshot()))
    observed = run(observe(controller, store, {"names": ["latency"]}))
    assert [(o.name, o.window, o.identity) for o in observed.objectives] == [("latency", "", None)]


def test_a_composite_is_hindered_where_a_component_is(store: Store) -> None:
    taken = {"type": "Stalled", "status": "True", "reason": "NameTaken"}
    part, whole = slo("latency"), slo("journey")
    part |= {"metadata": part["metadata"] | {"resourceVersion": "2"}, "status": {"conditions": [taken]}}
    whole["spec"]["indicator"] = {"composite": {"mode": "Serial", "components": [{"objective": "latency"}]}}
    store.put(ServiceLevelObjective.api, part)
    store.put(ServiceLevelObjective.api, whole)
    controller = ErrorBudgetPolicyController(Readings(Snapshot()))
    observed = run(observe(controller, store, {"names": ["availability", "journey", "latency"]}))
    assert [o.hindered for o in observed.objectives] == [False, True, True]
    (watch, *_) = controller.watches
    before = {**part, "status": {}}
    assert list(watch.concerns(before, part, store)), "the policy looks again"


def test_a_window_of_the_calendar_is_known_by_its_present_period(store: Store) -> None:
    calendars = {
        "latency": {"period": "Month", "timeZone": "America/New_York"},
        "availability": {"period": "Week", "timeZone": "Mars/Olympus"},
    }
    for name, calendar in calendars.items():
        manifest = slo(name)
        manifest["metadata"]["resourceVersion"] = "2"
        manifest["spec"]["window"] = {"calendar": calendar}
        store.put(ServiceLevelObjective.api, manifest)
    controller = ErrorBudgetPolicyController(Readings(Snapshot()))
    unheard_of, month = run(observe(controller, store, {"service": "checkout"})).objectives
    assert (unheard_of.window, unheard_of.period, unheard_of.length) == ("Week", None, 0)
    assert month.window == "Month"
    assert month.period == Span(datetime(2026, 3, 1, 5, tzinfo=UTC), datetime(2026, 4, 1, 4, tzinfo=UTC))
    # Clocks are set forward in it.
    assert month.length == (31 * 24 - 1) * 3600


def test_figures_are_trusted_for_a_minute_after_prometheus_was_lost(store: Store) -> None:
    at = NOW - timedelta(seconds=20)
    snapshot = Snapshot(at=at, reachable=False, error="refused", by_id={})
    controller = ErrorBudgetPolicyController(Readings(snapshot))
    observed = run(observe(controller, store, {"service": "checkout"}))
    assert observed.stale_at == at + timedelta(seconds=60)


def test_a_changed_figure_wakes_the_policies_that_select_its_objective(store: Store) -> None:
    changed = ("shop/latency", "shop/cart", "shop/gone", "elsewhere/latency")
    controller = ErrorBudgetPolicyController(Readings(Snapshot(), changed))

    async def keys() -> list[Key]:
        return [key async for key in controller.feed(store)]

    assert run(keys()) == [Key("shop", "by-service"), Key("shop", "by-name")]


@pytest.mark.parametrize(
    ("figure", "absent"),
    [
        (None, True),
        (Measurement(coverage=0.0, revision="r"), True),
        (Measurement(coverage=0.1, budget_left=0.5), False),
        (Measurement(events_per_second=0.0), False),
    ],
)
def test_that_there_were_never_data_is_said_by_prometheus_alone(figure: Measurement | None, absent: bool) -> None:
    by_id = {"shop/a": figure} if figure else {}
    snapshot = Snapshot(at=NOW, reachable=True, error="", by_id=by_id)
    assert reading("shop/a", snapshot, NOW).absent is absent
    assert not reading("shop/a", snapshot, NOW + timedelta(minutes=5)).absent, "not asked is not absent"


def test_a_changed_figure_costs_whom_it_concerns_whatever_else_there_is() -> None:
    store = CountingStore()
    for number in range(300):
        store.put(ServiceLevelObjective.api, slo(f"slo-{number}", service=f"service-{number}"))
        store.put(ErrorBudgetPolicy.api, policy(f"policy-{number}", {"service": f"service-{number}"}))
    controller = ErrorBudgetPolicyController(Readings(Snapshot(), ("shop/slo-3", "shop/slo-7")))

    async def fed() -> list[str]:
        store.since_now()
        return [key.name async for key in controller.feed(store)]

    assert run(fed()) == ["policy-3", "policy-7"]
    # Once more, with filled indexes: an objective and a policy for each.
    assert run(fed()) == ["policy-3", "policy-7"]
    assert store.handed_out <= 8


SELECTIONS = st.one_of(
    st.builds(lambda service: {"service": service}, st.sampled_from(["a", "b"])),
    st.builds(lambda chosen: {"names": chosen}, st.lists(st.sampled_from(["x", "y", "z"]), min_size=1)),
    st.builds(
        lambda labels: {"matchLabels": labels},
        st.dictionaries(st.sampled_from(["tier", "team"]), st.sampled_from(["1", "2"]), min_size=1),
    ),
)
OBJECTIVES = st.dictionaries(
    st.sampled_from(["x", "y", "z"]),
    st.tuples(
        st.sampled_from(["a", "b"]),
        st.dictionaries(st.sampled_from(["tier", "team"]), st.sampled_from(["1", "2"])),
    ),
)


@given(OBJECTIVES, SELECTIONS)
def test_what_is_found_by_the_index_is_what_a_walk_selects(
    there: dict[str, tuple[str, dict[str, str]]], selection: dict[str, Any]
) -> None:
    store = Store()
    for name, (service, labels) in there.items():
        store.put(ServiceLevelObjective.api, slo(name, service, **labels))
        elsewhere = slo(name, service, **labels)
        elsewhere["metadata"]["namespace"] = "elsewhere"
        store.put(ServiceLevelObjective.api, elsewhere)
    store.put(ErrorBudgetPolicy.api, policy("p", selection))
    walked = sorted(name for name in there if selects(selection, slo(name, there[name][0], **there[name][1])))
    assert [found["metadata"]["name"] for found in selected(selection, "shop", store)] == walked
    changed = tuple(f"shop/{name}" for name in sorted(there))
    controller = ErrorBudgetPolicyController(Readings(Snapshot(), changed))

    async def fed() -> int:
        return len([key async for key in controller.feed(store)])

    assert run(fed()) == len(walked)
