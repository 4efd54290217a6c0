"""An object that an older schema let in and that cannot be read now: its neighbours are served all the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import yaml

import devcluster
from tests.e2e.objects import Objects, gate
from tests.processes import ROOT, OperatorProcess, wait_for

FAR = "9999-12-31T23:59:59-23:59"
SENTENCE = "write a time from 1970 to 8999, such as 2026-11-23T18:00:00Z"


def override(name: str, until: str) -> dict[str, Any]:
    spec = {"gate": "hand", "by": "admin", "reason": "a fix", "until": until}
    return {"apiVersion": "ninefold.dev/v1alpha1", "kind": "Override", "metadata": {"name": name}, "spec": spec}


@pytest.fixture
def without_bounds(cluster: devcluster.Cluster, installed: None) -> Iterator[Callable[[], None]]:
    """Overrides may end at any time until the function is called."""
    text = (ROOT / "crds/overrides.yaml").read_text()

    def apply(text: str) -> None:
        cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    older = yaml.safe_load(text)
    schema = older["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["until"]
    del schema["x-kubernetes-validations"]
    apply(yaml.safe_dump(older))
    yield lambda: apply(text)
    apply(text)


def test_a_stop_by_hand_is_taken_over_beside_an_override_that_cannot_be_read(
    objects: Objects, without_bounds: Callable[[], None], start_operator: Callable[..., OperatorProcess]
) -> None:
    wait_for("the older schema to be served", lambda: _takes(objects, override("far", FAR)))
    without_bounds()
    wait_for("the bounds", lambda: not _accepts(objects, override("farther", FAR)))
    assert SENTENCE in objects.refusal(override("farther", FAR))
    operator = start_operator()
    objects.apply(override("near", "2099-01-01T00:00:00Z"))
    stop = {"by": "admin", "reason": "the provider is down"}
    objects.apply(gate("hand", workloads={"scope": "Namespace"}, sources=[], stop=stop))
    wait_for("the gate to close", lambda: objects.status("gate", "hand").get("decision") == "Hold")
    wait_for("its fault to be told", lambda: objects.condition("override", "far", "Stalled")[0] == "True")
    assert objects.condition("override", "far") == ("False", "InvalidSpec", f"spec.until: {SENTENCE}")
    wait_for("its neighbour to be looked at", lambda: objects.status("override", "near").get("state") == "Refused")
    assert "Traceback" not in operator.text()
    assert operator.text().count(SENTENCE) == 1, "one line for what changed, not one for each look"
    objects.kubectl("delete", "override", "far")


def _takes(objects: Objects, manifest: dict[str, Any]) -> bool:
    try:
        objects.apply(manifest)
    except devcluster.CommandError:
        return False
    return True


def _accepts(objects: Objects, manifest: dict[str, Any]) -> bool:
    taken = _takes(objects, manifest)
    if taken:
        objects.kubectl("delete", "override", manifest["metadata"]["name"])
    return taken
