"""Which Prometheus measures an objective, and that one says nothing about the objectives of another."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders.servicelevelobjective import manifest

from ninefold.domain.measurements.measurement import FRESH, Measurement, Snapshot
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.domain.selectors.objectives import OBJECTIVES
from ninefold.integrations.prometheus import ConnectionOptions, Prometheus
from ninefold.kube.api import NAMESPACE, Key
from ninefold.kube.errors import Stalled
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

NOW = datetime(2026, 11, 29, tzinfo=UTC)
NOBODY = Prometheus(ConnectionOptions("http://127.0.0.1:1"))


def source(name: str, budgets: Mapping[str, float] | None = None, at: datetime = NOW, **more: Any) -> PrometheusSource:
    """A Prometheus that said this of objectives."""
    figures = MeasurementPoller(NOBODY, clock=lambda: NOW)
    by_id = {slo_id: Measurement(budget_left=left) for slo_id, left in (budgets or {}).items()}
    figures._snapshot = Snapshot(at=at, reachable=at == NOW, error="", by_id=by_id)
    return PrometheusSource(NOBODY, figures, name, **more)


def placed(
    *sources: PrometheusSource, objectives: Mapping[str, str | None], labels: Mapping[str, str] | None = None
) -> PrometheusSources:
    """With objectives by name, each with what it writes into spec.prometheus, in a namespace with labels."""
    store = Store()
    store.put(NAMESPACE, {"metadata": {"name": "shop", "labels": dict(labels or {}), "resourceVersion": "1"}})
    for name, prometheus in objectives.items():
        made = manifest(name, **({"prometheus": prometheus} if prometheus else {}))
        made["metadata"]["resourceVersion"] = "1"
        store.put(ServiceLevelObjective.api, made)
    found = PrometheusSources(sources, clock=lambda: NOW)
    found.bind(store)
    return found


TEAM = {"team": "pay"}


@pytest.mark.parametrize(
    ("wanted", "labels", "name"),
    [
        (None, {}, "default"),
        (None, TEAM, "pay"),
        ("free", {}, "free"),
        ("free", TEAM, "free"),
        ("pay", TEAM, "pay"),
        ("default", TEAM, "default"),
        ("pay", {}, None),
        ("other", TEAM, None),
    ],
)
def test_by_its_name_else_by_the_namespace_else_the_default(
    wanted: str | None, labels: dict[str, str], name: str | None
) -> None:
    found = placed(
        source("default"),
        source("free"),
        source("pay", namespaces=TEAM),
        objectives={"checkout": wanted},
        labels=labels,
    )
    spec = {"prometheus": wanted} if wanted else {}
    chosen = found.of(manifest("checkout", **spec))
    assert (chosen.name if chosen else None) == name
    key = Key.of(manifest("checkout"))
    if name is None:
        there = "default, free, pay" if labels == TEAM else "default, free"
        told = f"there is no {wanted} for this namespace: leave it out, or write one of {there}$"
        with pytest.raises(Stalled, match=told):
            found.named(key, wanted)
    else:
        assert found.named(key, wanted).name == name


def test_what_is_measured_are_the_objectives() -> None:
    assert ServiceLevelObjective.api == OBJECTIVES


def test_a_prometheus_says_nothing_about_the_objectives_of_another() -> None:
    found = placed(
        source("default", {"shop/a": 1, "shop/b": -9}),
        source("other", {"shop/a": -9, "shop/b": 0.5, "bank/c": -9}),
        objectives={"a": None, "b": "other", "d": "absent"},
    )
    snapshot = found.snapshot
    assert {slo_id: figure.budget_left for slo_id, figure in snapshot.by_id.items()} == {"shop/a": 1, "shop/b": 0.5}
    assert found.snapshot is snapshot, "it is put together once for each poll"


def test_one_that_is_dead_concerns_its_own_objectives_only() -> None:
    dead = source("other", {"shop/b": 0.5}, at=NOW - FRESH)
    found = placed(source("default", {"shop/a": 1}), dead, objectives={"a": None, "b": "other"})
    assert set(found.snapshot.by_id) == {"shop/a"}
    assert found.snapshot.reachable
    assert found.snapshot.fresh(NOW)
    lost = source("other", {"shop/b": 0.5}, at=NOW - FRESH + timedelta(seconds=1))
    found = placed(source("default", {"shop/a": 1}), lost, objectives={"a": None, "b": "other"})
    assert set(found.snapshot.by_id) == {"shop/a", "shop/b"}, "one failed poll says nothing"


def test_readers_are_woken_when_figures_are_too_old_to_count() -> None:
    async def scenario() -> None:
        now = NOW
        figures = MeasurementPoller(NOBODY, clock=lambda: now)
        figures._snapshot = Snapshot(at=NOW, reachable=False, error="", by_id={"shop/a": Measurement()})
        figures._fresh = True
        told: list[str] = []

        async def listen() -> None:
            async for slo_id in PrometheusSources([PrometheusSource(NOBODY, figures)]).changes():
                told.append(slo_id)

        listener = asyncio.create_task(listen())
        for after, expected in ((0, 1), (30, 1), (61, 2), (90, 2)):
            now = NOW + timedelta(seconds=after)
            await figures.poll()
            await asyncio.sleep(0.01)
            assert len(told) == expected, "at first a late reader is told what there is"
        listener.cancel()

    asyncio.run(scenario())
