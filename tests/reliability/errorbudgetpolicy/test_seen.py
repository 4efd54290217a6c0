"""Policies, corrections and dashboards find their objectives by indexes, and are looked at whenever they see others."""

from __future__ import annotations

import asyncio
import json
import zlib
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.looking import NOW, Event, after
from tests.release.gate.test_lookups import Figures

from ninefold.domain.measurements.measurement import Snapshot
from ninefold.kube.api import Api
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.reliability.correction.controller import CorrectionController
from ninefold.reliability.correction.occurrences import applies
from ninefold.reliability.correction.resource import Correction, correcting
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.errorbudgetpolicy.identity import Identities
from ninefold.reliability.errorbudgetpolicy.observe import observed
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

NAMES = st.sampled_from(["a", "c"])
LABELS = st.sampled_from([{}, {"tier": "a"}, {"tier": "b"}, {"tier": "a", "team": "x"}])
OBJECTIVES = st.sampled_from(
    [{"service": "web"}, {"names": ["a"]}, {"names": ["b", "c"]}, {"matchLabels": {"tier": "a", "team": "x"}}]
)
RATIO = {"ratio": {"bad": "bad_total", "total": "all_total"}}
COMPOSITE = {"composite": {"components": [{"objective": "a"}, {"objective": "c"}]}}


@st.composite
def slos(draw: st.DrawFn) -> tuple[Api, dict[str, Any]]:
    indicator = draw(st.sampled_from([RATIO, RATIO, COMPOSITE]))
    service, objective = draw(st.sampled_from(["web", "api"])), draw(st.sampled_from(["99", "99.9"]))
    spec = {"service": service, "objective": objective, "window": {"rolling": "30d"}, "indicator": indicator}
    # Another spec is another generation.
    generation = zlib.crc32(json.dumps(spec).encode())
    conditions = [{"type": "Ready", "status": draw(st.sampled_from(["True", "False"]))}]
    uid, labels = draw(st.sampled_from("uv")), draw(LABELS)
    return ServiceLevelObjective.api, {
        "metadata": {"name": draw(NAMES), "labels": labels, "generation": generation, "uid": uid},
        "spec": spec,
        "status": {"conditions": conditions, "observedGeneration": generation},
    }


@st.composite
def policies(draw: st.DrawFn) -> tuple[Api, dict[str, Any]]:
    rules = [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted", "then": {"gate": "Hold"}}]
    return ErrorBudgetPolicy.api, {
        "metadata": {"name": draw(NAMES)},
        "spec": {"objectives": draw(OBJECTIVES), "rules": rules},
    }


@st.composite
def corrections(draw: st.DrawFn) -> tuple[Api, dict[str, Any]]:
    once = {"start": "2026-03-01T11:00:00Z", "end": "2026-03-01T13:00:00Z"}
    return Correction.api, {
        "metadata": {"name": draw(NAMES)},
        "spec": {"objectives": draw(OBJECTIVES), "reason": "a move", "once": once},
        "status": {"objectiveCount": draw(st.integers(0, 1))},
    }


@st.composite
def dashboards(draw: st.DrawFn) -> tuple[Api, dict[str, Any]]:
    spec: dict[str, Any] = draw(st.sampled_from([{"service": "web"}, {"fleet": {}}]))
    if draw(st.booleans()):
        spec = {**spec, "objectives": draw(OBJECTIVES)}
    return Dashboard.api, {"metadata": {"name": draw(NAMES)}, "spec": spec}


EVENTS = st.tuples(
    st.sampled_from(["put", "put", "put", "remove"]),
    st.sampled_from(["shop", "shop", "shop", "attic"]),
    st.one_of(slos(), slos(), policies(), corrections(), dashboards()),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(EVENTS, max_size=14))
def test_whoever_sees_something_else_is_looked_at(events: list[Event]) -> None:
    controller = ErrorBudgetPolicyController(Figures())
    store = after(events, [controller, CorrectionController(), DashboardController(tiers)])
    for policy in store.resources(ErrorBudgetPolicy):
        found, excused = (store.all(api, policy.key.namespace) for api in (ServiceLevelObjective.api, Correction.api))
        walked = observed(policy, found, Snapshot(), NOW, Identities(), excused)
        assert asyncio.run(controller.observe(policy, store, NOW)) == walked
    for slo in store.resources(ServiceLevelObjective):
        manifest = store.get(ServiceLevelObjective.api, slo.key)
        assert manifest is not None
        walked_names = {each.metadata.name for each in store.resources(Correction) if applies(each, slo)}
        assert {each["metadata"]["name"] for each in correcting(manifest, store)} == walked_names


def test_of_a_status_a_policy_reads_whether_its_rules_are_in_force() -> None:
    (watch,) = (each for each in ErrorBudgetPolicyController.watches if each.api == ServiceLevelObjective.api)
    store = after([("put", "shop", (ErrorBudgetPolicy.api, {"metadata": {"name": "p"}, "spec": {}}))], [])
    metadata = {"namespace": "shop", "name": "a", "uid": "u", "generation": 2}
    ready = [{"type": "Ready", "status": "True"}]
    before: dict[str, Any] = {
        "metadata": metadata,
        "spec": {"service": "web"},
        "status": {"observedGeneration": 1, "conditions": ready},
    }
    for change, concerns in (
        ({"status": {**before["status"], "current": "99.2"}}, False),
        ({"status": {**before["status"], "observedGeneration": 2}}, True),
        ({"metadata": {**metadata, "uid": "v"}}, True),
        ({"metadata": {**metadata, "managedFields": [{"manager": "ann", "time": "2026-03-01T12:00:00Z"}]}}, True),
        ({"spec": {"service": "api"}}, True),
    ):
        assert [key.name for key in watch.concerns(before, {**before, **change}, store)] == ["p"] * concerns
