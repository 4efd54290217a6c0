"""What the API server refuses stands in the conditions of whom it is for, and a refusal that lasts writes nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

import devcluster
from devcluster import CommandError, waiting
from ninefold.kube.crd import crd
from ninefold.kube.refusals import Refusals
from tests import direct
from tests.faultproxy import FaultProxy
from tests.kube import shade
from tests.kube.lamp import Lamp
from tests.kube.lamps import Lamps
from tests.kube.shade import SHADE
from tests.processes import OperatorProcess, wait_for
from tests.refusing import refusing

Start = Callable[..., OperatorProcess]
NO_HALL = "This house has no hall."


def condition(lamps: Lamps, name: str, kind: str) -> str:
    """The message of a condition that is true; "" if it is not."""
    found = lamps.get(name).get("status", {}).get("conditions", ())
    return next((each["message"] for each in found if each["type"] == kind and each["status"] == "True"), "")


def await_refusal(lamps: Lamps, words: str, manifest: dict[str, Any]) -> None:
    def refused() -> bool:
        try:
            lamps.kubectl("apply", "--server-side", "--dry-run=server", "-f", "-", input=json.dumps(manifest))
        except CommandError as error:
            return words in str(error)
        return False

    waiting.until(refused, "the policy to be in force", 20)


def test_what_is_refused_is_told_to_whom_it_is_for_and_told_once() -> None:
    woken: list[str] = []
    refusals: Refusals[str] = Refusals(woken.append)
    refusals.note("record b", "gate", "No b.")
    refusals.note("record a", "gate", "No a.")
    assert woken == ["gate", "gate"]
    refusals.note("record a", "gate", "No a.")
    assert woken == ["gate", "gate"], "the same again is no news"
    verdict = refusals.verdict("gate")
    assert verdict is not None
    assert verdict.message == "No a. The API server refuses 1 more write."
    refusals.note("record a", "other", "No a.")
    assert woken[2:] == ["gate", "other"]
    refusals.clear("record a")
    refusals.clear("record b")
    refusals.clear("record b")
    assert woken[4:] == ["other", "gate"]
    assert refusals.verdict("gate") is refusals.verdict("other") is None


@contextmanager
def without_hall(lamps: Lamps) -> Iterator[None]:
    """The Lamp `a` wants another one, which the API server refuses, and says so."""
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a")
    hall = {"apiVersion": Lamp.api.api_version, "kind": "Lamp", "metadata": {"name": "hall"}, "spec": {}}
    with refusing(lamps.cluster, Lamp.api, lamps.namespace, "object.metadata.name != 'hall'", NO_HALL):
        await_refusal(lamps, NO_HALL, hall)
        lamps.cluster.kubectl("label", "namespace", lamps.namespace, "wants=hall", "for=a")
        wait_for("it to be told", lambda: NO_HALL in condition(lamps, "a", "WriteRefused"))
        yield


def test_an_object_that_cannot_be_made_is_told_by_whom_it_is_for(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy
) -> None:
    lamp_operator()
    with without_hall(lamps):
        told = condition(lamps, "a", "WriteRefused")
        assert f"refuses to create the Lamp {lamps.namespace}/hall (" in told
        assert "repeated with a growing delay" in told
        assert lamps.ready("a") == ("True", "Lit"), "what can be done for it is done"
        before = len(proxy.requests)
        # A growing delay: no more than 0.5, 1, 2 and 4 s after one another, and nothing is written for it.
        time.sleep(5)
        assert len([one for one in proxy.writes(since=before) if one.path.endswith("/lamps")]) < 8
        assert not [one for one in proxy.writes(since=before) if "/lamps/a" in one.path]
    wait_for("the hall", lambda: {lamp["metadata"]["name"] for lamp in lamps.all()} == {"a", "hall"}, 60)
    wait_for("it to be told no more", lambda: not condition(lamps, "a", "WriteRefused"))


def test_what_is_wanted_no_more_is_told_no_more(lamps: Lamps, lamp_operator: Start) -> None:
    lamp_operator()
    with without_hall(lamps):
        lamps.cluster.kubectl("label", "namespace", lamps.namespace, "wants-")
        wait_for("it to be told no more", lambda: not condition(lamps, "a", "WriteRefused"), 60)


@pytest.fixture
def narrow(cluster: devcluster.Cluster, lamp_crd: None) -> Iterator[Callable[[str], None]]:
    """Sets the schema of a lamp's status to that of a version that does not know what is written now."""

    def narrowed(field: str) -> None:
        made = crd(Lamp)
        schema = made["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]["properties"]
        if field == "lit":
            schema["lit"] = {"type": "string"}
        elif field == "conditions":
            schema["conditions"] = {"type": "string"}
        # Replaced, so that nothing of the field's present schema stays.
        cluster.kubectl("replace", "-f", "-", input=json.dumps(made))

    yield narrowed
    narrowed("")


def test_a_status_that_is_refused_is_told_in_the_conditions_alone(
    lamps: Lamps, lamp_operator: Start, proxy: FaultProxy, narrow: Callable[[str], None]
) -> None:
    lamp_operator()
    narrow("lit")
    lamps.apply("a", bulbs=["red"])
    lamps.wait_ready("a", "Refused", 60)
    message = condition(lamps, "a", "WriteRefused")
    assert f"refuses to store the status of the Lamp {lamps.namespace}/a (422 Invalid): " in message
    assert "status.lit" in message
    assert "Apply the CRDs of this version" in message
    assert set(lamps.config_maps()) == {"a-red"}, "what it stands for is done all the same"
    before, version = len(proxy.requests), lamps.get("a")["metadata"]["resourceVersion"]
    time.sleep(5)
    assert len([one for one in proxy.writes(since=before) if "/lamps/a/" in one.path]) < 8
    assert lamps.get("a")["metadata"]["resourceVersion"] == version, "a refusal that lasts writes nothing"
    narrow("")
    lamps.wait_ready("a", "Lit", 60)
    assert not condition(lamps, "a", "WriteRefused")


def test_a_status_of_which_nothing_is_taken_is_told_by_an_event(
    lamps: Lamps, lamp_operator: Start, narrow: Callable[[str], None]
) -> None:
    operator = lamp_operator()
    narrow("conditions")
    lamps.apply("a", bulbs=["red"])

    def events() -> list[str]:
        items = direct.items(lamps.cluster, "events", lamps.namespace)
        return [item["message"] for item in items if item["reason"] == "Refused"]

    wait_for("it to be told", lambda: any("refuses to store the status of the Lamp" in each for each in events()), 60)
    assert operator.running
    narrow("")
    # An edit is looked at without the pause that the refusals have made long.
    lamps.apply("a", bulbs=["blue"])
    lamps.wait_ready("a", "Lit", 60)


@pytest.fixture
def shades(proxy: FaultProxy, lamps: Lamps, cluster: devcluster.Cluster, tmp_path: Path) -> Iterator[OperatorProcess]:
    cluster.kubectl("apply", "--server-side", "-f", "-", input=json.dumps(shade.crd()))
    wait_for("shades to be served", lambda: cluster.api.request("GET", SHADE.path())[0] == 200)
    with ExitStack() as stack:
        command = ["-m", "tests.kube.shade"]
        yield stack.enter_context(OperatorProcess(command, proxy.kubeconfig, tmp_path / "operator.log"))


def test_what_cannot_be_held_is_told_by_what_it_follows(
    lamps: Lamps, shades: OperatorProcess, proxy: FaultProxy
) -> None:
    whole = {"apiVersion": SHADE.api_version, "kind": SHADE.kind, "metadata": {"name": "s"}, "spec": {"cloth": "linen"}}
    jammed = "This shade is jammed."
    with refusing(lamps.cluster, SHADE, lamps.namespace, "!has(object.spec.drawn)", jammed):
        await_refusal(lamps, jammed, {**whole, "spec": {"drawn": True}})
        lamps.apply("a", bulbs=["red"])
        lamps.kubectl("apply", "-f", "-", input=json.dumps(whole))
        lamps.kubectl("annotate", SHADE.name, "s", "example.com/lamp=a")
        wait_for("it to be told", lambda: jammed in condition(lamps, "a", "WriteRefused"))
        assert f"refuses to write to the Shade {lamps.namespace}/s (" in condition(lamps, "a", "WriteRefused")
        lamps.wait_ready("a")

        def settled() -> bool:
            version = lamps.get("a")["metadata"]["resourceVersion"]
            time.sleep(1)
            return bool(lamps.get("a")["metadata"]["resourceVersion"] == version)

        wait_for("the status to be written", settled)
        before = len(proxy.requests)
        time.sleep(5)
        assert not [one for one in proxy.writes(since=before) if "/lamps/a" in one.path]
    wait_for("it to be told no more", lambda: not condition(lamps, "a", "WriteRefused"), 60)
