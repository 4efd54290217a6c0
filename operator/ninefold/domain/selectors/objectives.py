"""Which ServiceLevelObjectives of a namespace are meant: by name, by service, or by labels. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from pydantic import Field

from ninefold.domain.resource_set import Diagnostic
from ninefold.kube.api import GROUP, VERSION, Api, Key, Manifest
from ninefold.kube.fields import LabelValue, MatchLabels, ObjectName
from ninefold.kube.index import Index
from ninefold.kube.model import Model
from ninefold.kube.store import Store

OBJECTIVES = Api(GROUP, VERSION, "ServiceLevelObjective", "servicelevelobjectives")
"""What is selected; the kind itself belongs to a stage."""
MAX_OBJECTIVES = 64
"""How many objectives can be selected by their names; by service or labels it may be more."""


class Objectives(Model, exactly_one_of=("service", "names", "match_labels")):
    """Which objectives of the same namespace are meant."""

    service: LabelValue | None = Field(
        default=None, description="All ServiceLevelObjectives whose spec.service has this value."
    )
    names: list[ObjectName] | None = Field(
        default=None, min_length=1, max_length=MAX_OBJECTIVES, description="The ServiceLevelObjectives of these names."
    )
    match_labels: MatchLabels | None = Field(
        default=None, description="All ServiceLevelObjectives that carry these labels."
    )


def selects(objectives: Mapping[str, Any], slo: Manifest) -> bool:
    """Whether `Objectives`, as they stand on the wire, select a ServiceLevelObjective of their namespace."""
    labels = slo["metadata"].get("labels") or {}
    wanted = objectives.get("matchLabels")
    return (
        slo["metadata"]["name"] in (objectives.get("names") or ())
        or objectives.get("service", "") == slo.get("spec", {}).get("service")
        or (wanted is not None and all(labels.get(key) == value for key, value in wanted.items()))
    )


def found_by(slo: Manifest) -> Iterator[tuple[str, ...]]:
    """What an objective can be selected by."""
    namespace = Key.of(slo).namespace
    yield namespace, "name", Key.of(slo).name
    yield namespace, "service", slo.get("spec", {}).get("service") or ""
    yield from ((namespace, "label", key, value) for key, value in (slo["metadata"].get("labels") or {}).items())


def looks_for(objectives: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, ...]]:
    """Of what an objective is found by, that of which each one has something that `Objectives` select there."""
    yield from ((namespace, "name", name) for name in objectives.get("names") or ())
    if service := objectives.get("service"):
        yield namespace, "service", service
    # One of several labels finds them all, and some more.
    for key, value in sorted((objectives.get("matchLabels") or {}).items())[:1]:
        yield namespace, "label", key, value


_SELECTED = Index(OBJECTIVES, found_by)


def selected(objectives: Mapping[str, Any], namespace: str, store: Store) -> list[Manifest]:
    """The objectives of a namespace that `Objectives`, as they stand on the wire, select; by name."""
    found = {Key.of(slo): slo for term in looks_for(objectives, namespace) for slo in store.found(_SELECTED, term)}
    return [slo for _, slo in sorted(found.items()) if selects(objectives, slo)]


def names_missing(objectives: Objectives, namespace: str, present: Collection[str]) -> Iterator[Diagnostic]:
    """Names that lead out of the files."""
    for index, name in enumerate(objectives.names or ()):
        if name not in present:
            yield Diagnostic(("spec", "objectives", "names", index), absent(OBJECTIVES, name, namespace), warning=True)


def absent(api: Api, name: str, namespace: str) -> str:
    return f"no {api.kind} {name} of namespace {namespace} is in these files"


def nothing_selected(namespace: str) -> str:
    return f"no ServiceLevelObjective of namespace {namespace} in these files is selected"
