"""No user is told in pydantic's words what is wrong."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from ninefold.kinds import MODELS
from ninefold.kube.faults import sentence
from tests.processes import ROOT

JUNK: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    10**30,
    1.5,
    float("nan"),
    "",
    "x" * 20_000,
    "\ud800",
    [],
    [[]],
    {},
    {"a": 1},
)
SAMPLES = [
    document
    for file in sorted((ROOT / "manifests" / "samples").glob("*.yaml"))
    for document in yaml.safe_load_all(file.read_text())
    if document["apiVersion"].startswith("ninefold.dev/")
]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    for name, part in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from places(part, (*path, name))


def damaged(spec: Any) -> Iterator[Any]:
    for path in places(spec):
        for junk in JUNK:
            made = {"spec": copy.deepcopy(spec)}
            *above, last = ("spec", *path)
            part = made
            for name in above:
                part = part[name]
            part[last] = junk
            yield made["spec"]
        if path:
            yield _without(spec, path)


def _without(spec: Any, path: tuple[Any, ...]) -> Any:
    made = part = copy.deepcopy(spec)
    for name in path[:-1]:
        part = part[name]
    del part[path[-1]]
    return made


@pytest.mark.parametrize("kind", MODELS, ids=lambda kind: kind.api.kind)
def test_each_fault_of_a_damaged_sample_says_what_to_write(kind: Any) -> None:
    own = [document for document in SAMPLES if document["kind"] == kind.api.kind]
    faults = 0
    for spec in (spec for document in own for spec in damaged(document["spec"])):
        try:
            kind.model_validate({"metadata": {"name": "a", "namespace": "b"}, "spec": spec}, extra="forbid")
        except ValidationError as error:
            for fault in error.errors(include_url=False):
                faults += 1
                said = sentence(fault)
                assert fault["type"] in ("cel", "quoted") or said != fault["msg"], fault
                assert "kubectl explain" not in said, f"{fault['type']} has no words of ours"
                assert not any(word in said for word in ("Input", "valid ", "Value error")), said
    assert faults or not own
