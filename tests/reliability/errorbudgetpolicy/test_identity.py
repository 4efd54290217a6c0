"""What makes an objective another one: what its figures depend on, and nothing else."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ninefold.kube.api import Manifest
from ninefold.kube.store import trim
from ninefold.reliability.errorbudgetpolicy.carrying import difference
from ninefold.reliability.errorbudgetpolicy.identity import Identities, is_hindered, is_in_force, last_manager
from ninefold.reliability.errorbudgetpolicy.status import Identity

RATIO = {"ratio": {"bad": 'sum(rate(requests_total{code="500"}[$window]))', "total": "requests_total"}}


def slo(name: str = "right", **spec: Any) -> dict[str, Any]:
    body = {"service": "checkout", "objective": "99.9", "window": {"rolling": "30d"}, "indicator": RATIO, **spec}
    return {"metadata": {"name": name, "namespace": "shop", "uid": f"uid-of-{name}", "labels": {}}, "spec": body}


def identity(manifest: Manifest, *others: Manifest, corrections: tuple[Manifest, ...] = ()) -> Identity:
    found = {other["metadata"]["name"]: other for other in (manifest, *others)}
    return Identities().of(manifest, found.get, corrections)


def composite(name: str = "journey", *, of: tuple[str, str] = ("right", "left")) -> dict[str, Any]:
    components = [{"objective": each} for each in of]
    return slo(name, indicator={"composite": {"mode": "Serial", "components": components}})


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"objective": "5"}, None),
        ({"description": "in other words"}, None),
        ({"alerting": {"disabled": True}}, None),
        ({"suspend": True}, "Suspended"),
        ({"prometheus": "edge"}, "Indicator"),
        (
            {"indicator": {"ratio": {**RATIO["ratio"], "bad": 'sum( rate( requests_total{code = "500"}[$window] ) )'}}},
            None,
        ),
        ({"indicator": {"boolean": {"selector": "up"}}}, "Indicator"),
        ({"indicator": {"ratio": {"bad": 'requests_total{code="501"}', "total": "requests_total"}}}, "Indicator"),
        ({"indicator": {"ratio": {"bad": "sum(", "total": "requests_total"}}}, "Indicator"),
        ({"groupBy": ["region"]}, "Indicator"),
        ({"timeSlices": {"target": "95"}}, "Indicator"),
        ({"window": {"rolling": "7d"}}, "Window"),
        ({"window": {"calendar": {"period": "Month"}}}, "Window"),
        ({"service": "elsewhere"}, None),
    ],
)
def test_an_edit(spec: dict[str, Any], expected: str | None) -> None:
    assert difference(identity(slo()), identity(slo(**spec))) == expected


def test_an_objective_that_was_suspended_may_have_had_other_rules() -> None:
    suspended = identity(slo(suspend=True))
    assert difference(suspended, suspended) is None
    assert difference(suspended, identity(slo())) == "Indicator"


def test_a_new_object_of_the_same_spec() -> None:
    again = slo()
    again["metadata"]["uid"] = "another"
    assert difference(identity(slo()), identity(again)) == "Remade"
    assert difference(identity(slo()), None) == "Gone"
    renamed = identity(slo("left"))
    assert (renamed.indicator, renamed.window) == (identity(slo()).indicator, identity(slo()).window)


def test_a_composite_is_what_its_components_are() -> None:
    was = identity(composite(), slo("right"), slo("left"))
    assert difference(was, identity(composite(), slo("right", objective="5"), slo("left"))) is None
    edited = slo("left", indicator={"boolean": {"selector": "up"}})
    assert difference(was, identity(composite(), slo("right"), edited)) == "Indicator"
    assert difference(was, identity(composite(), slo("right"))) == "Indicator"
    again = slo("left")
    again["metadata"]["uid"] = "another"
    assert difference(was, identity(composite(), slo("right"), again)) == "Remade"
    # Of components of components, too, and one that is made of itself ends.
    circle = composite("left", of=("right", "journey"))
    assert difference(was, identity(composite(), slo("right"), circle)) == "Indicator"


def test_moving_under_a_correction_is_an_edit_and_writing_one_is_not() -> None:
    outage = {"metadata": {"name": "outage"}, "spec": {"objectives": {"matchLabels": {"tier": "batch"}}}}
    everything = {"metadata": {"name": "moving"}, "spec": {"objectives": {"service": "checkout"}}}
    was = identity(slo(), corrections=(outage,))
    moved = slo()
    moved["metadata"]["labels"] = {"tier": "batch"}
    assert difference(was, identity(moved, corrections=(outage,))) == "Corrections"
    assert difference(was, identity(slo(), corrections=(outage, everything))) is None
    labelled = copy.deepcopy(moved)
    labelled["metadata"]["labels"] = {"team": "cart"}
    assert difference(was, identity(labelled, corrections=(outage,))) is None
    part = identity(composite(), moved, slo("left"), corrections=(outage,))
    assert difference(identity(composite(), slo("right"), slo("left"), corrections=(outage,)), part) == "Corrections"


def test_the_last_writer_is_kept_of_the_managed_fields_and_nothing_else() -> None:
    entries = [
        {"manager": "helm", "time": "2026-03-01T12:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "kubectl-edit", "time": "2026-03-02T12:00:00Z", "fieldsV1": {"f:spec": {}}},
        {"manager": "ninefold", "time": "2026-03-03T12:00:00Z", "subresource": "status", "fieldsV1": {}},
    ]
    manifest = {"apiVersion": "ninefold.dev/v1alpha1", **slo()}
    manifest["metadata"]["managedFields"] = entries
    kept = trim(manifest)
    assert kept["metadata"]["managedFields"] == [{"manager": "kubectl-edit", "time": "2026-03-02T12:00:00Z"}]
    assert last_manager(kept) == "kubectl-edit at 2026-03-02T12:00:00Z"
    assert last_manager(slo()) == ""
    assert "managedFields" not in trim({**manifest, "apiVersion": "apps/v1"})["metadata"]


def test_rules_are_in_force_once_the_status_says_so_of_this_spec() -> None:
    manifest = slo()
    manifest["metadata"]["generation"] = 2
    ready = {"type": "Ready", "status": "True"}
    for generation, conditions, expected in ((2, [ready], True), (1, [ready], False), (2, [], False)):
        manifest["status"] = {"observedGeneration": generation, "conditions": conditions}
        assert is_in_force(manifest) is expected


def test_rules_do_not_run_that_cannot_be_written_or_are_not_evaluated() -> None:
    taken = {"type": "Stalled", "status": "True", "reason": "NameTaken"}
    refused = {"type": "WriteRefused", "status": "True", "reason": "Refused"}
    invalid = {"type": "Stalled", "status": "True", "reason": "InvalidPromQL"}
    for conditions, expected in (([taken], True), ([refused], True), ([invalid], False), ([], False)):
        assert is_hindered({**slo(), "status": {"conditions": conditions}}) is expected
    for rules, expected in (
        ({"loaded": True, "health": "Ok"}, False),
        ({"loaded": True, "health": "Failing"}, True),
        ({"loaded": False}, True),
        # Prometheus does not answer.
        ({"loaded": None}, False),
    ):
        assert is_hindered({**slo(), "status": {"rules": rules}}) is expected
