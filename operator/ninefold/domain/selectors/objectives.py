"""Selects ServiceLevelObjectives of a namespace: by name, by service, or by labels. Pure."""

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
"""The selected resource; the kind itself belongs to a stage."""
MAX_OBJECTIVES = 64
"""The most objectives that can be selected by name; a service or labels may select more."""


class Objectives(Model, exactly_one_of=("service", "names", "match_labels")):
    """The objectives of the same namespace that are selected."""

    service: LabelValue | None = Field(
        default=None, description="All ServiceLevelObjectives whose spec.service has this value."
    )
    names: list[ObjectName] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_OBJECTIVES,
        description="The ServiceLevelObjectives with these names.",
    )
    match_labels: MatchLabels | None = Field(
        default=None, description="All ServiceLevelObjectives that carry these labels."
    )


def selects(objectives: Mapping[str, Any], slo: Manifest) -> bool:
    """Whether `Objectives`, in wire form, select a ServiceLevelObjective of their namespace."""
    labels = slo["metadata"].get("labels") or {}
    wanted = objectives.get("matchLabels")
    return (
        slo["metadata"]["name"] in (objectives.get("names") or ())
        or objectives.get("service", "") == slo.get("spec", {}).get("service")
        or (wanted is not None and all(labels.get(key) == value for key, value in wanted.items()))
    )


def found_by(slo: Manifest) -> Iterator[tuple[str, ...]]:
    """The index terms of an objective: all that it can be selected by."""
    namespace = Key.of(slo).namespace
    yield namespace, "name", Key.of(slo).name
    yield namespace, "service", slo.get("spec", {}).get("service") or ""
    yield from ((namespace, "label", key, value) for key, value in (slo["metadata"].get("labels") or {}).items())


def looks_for(objectives: Mapping[str, Any], namespace: str) -> Iterator[tuple[str, ...]]:
    """Index terms such that each objective that `Objectives` select in the namespace has at least one of them."""
    yield from ((namespace, "name", name) for name in objectives.get("names") or ())
    if service := objectives.get("service"):
        yield namespace, "service", service
    # One of several labels finds all selected objectives, and some others.
    for key, value in sorted((objectives.get("matchLabels") or {}).items())[:1]:
        yield namespace, "label", key, value


_SELECTED = Index(OBJECTIVES, found_by)


def selected(objectives: Mapping[str, Any], namespace: str, store: Store) -> list[Manifest]:
    """The objectives of a namespace that `Objectives`, in wire form, select; sorted by name."""
    candidates = {Key.of(slo): slo for term in looks_for(objectives, namespace) for slo in store.found(_SELECTED, term)}
    return [slo for _, slo in sorted(candidates.items()) if selects(objectives, slo)]


def names_missing(objectives: Objectives, namespace: str, present: Collection[str]) -> Iterator[Diagnostic]:
    """Warnings about names of objectives that are not in the files."""
    for index, name in enumerate(objectives.names or ()):
        if name not in present:
            yield Diagnostic(("spec", "objectives", "names", index), absent(OBJECTIVES, name, namespace), warning=True)


def absent(api: Api, name: str, namespace: str) -> str:
    return f"no {api.kind} {name} of namespace {namespace} is in these files"


def nothing_selected(namespace: str) -> str:
    return f"no ServiceLevelObjective of namespace {namespace} in these files is selected"
