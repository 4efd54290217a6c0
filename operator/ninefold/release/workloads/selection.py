"""Finds the workloads under a gate, and the gates over a workload, by the terms that both name. Pure."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from functools import partial

from pydantic import ValidationError

from ninefold.kube.api import Api, Key, Manifest
from ninefold.kube.index import Index
from ninefold.kube.store import Store
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.selector import SERVICE_LABELS, TEAM_LABELS, Workloads
from ninefold.release.workloads.serving import mapped
from ninefold.release.workloads.workload import WORKLOADS, concerns


def _terms(api: Api, workload: Manifest) -> Iterator[Hashable]:
    """The terms by which a gate may select a workload: any, its name, and its labels."""
    namespace = Key.of(workload).namespace
    yield namespace, "any"
    yield namespace, "name", f"{api.kind}/{Key.of(workload).name}"
    selector = mapped(mapped(mapped(workload.get("spec")).get("selector")).get("matchLabels"))
    for key, value in (*mapped(workload["metadata"].get("labels")).items(), *selector.items()):
        if isinstance(value, str):
            yield namespace, "label", key, value


def _wanted(gate: Manifest) -> Iterator[Hashable]:
    """The terms by which a gate selects: each workload under the gate has at least one of them."""
    workloads, namespace = _meant(gate), Key.of(gate).namespace
    if workloads is not None:
        yield from _looks_for(workloads, namespace)


def _looks_for(workloads: Workloads, namespace: str) -> Iterator[Hashable]:
    if workloads.scope is not None:
        yield namespace, "any"
    yield from ((namespace, "name", name) for name in workloads.names or ())
    # One of several labels finds every match, and some others that `concerns` leaves out.
    pairs = sorted((workloads.match_labels or {}).items())[:1]
    pairs += [(key, workloads.service) for key in SERVICE_LABELS if workloads.service]
    pairs += [(key, workloads.team) for key in TEAM_LABELS if workloads.team]
    yield from ((namespace, "label", *pair) for pair in pairs)


_GATES = Index(ReleaseGate.api, _wanted)
_WORKLOADS = {api: Index(api, partial(_terms, api)) for api in WORKLOADS}


def under(workloads: Workloads, namespace: str, store: Store) -> list[tuple[Api, Manifest]]:
    """Returns the selected workloads of a namespace, by kind and name."""
    terms = list(_looks_for(workloads, namespace))
    candidates = {
        api: {Key.of(manifest): manifest for term in terms for manifest in store.found(index, term)}
        for api, index in _WORKLOADS.items()
    }
    return [
        (api, manifest)
        for api, manifests in candidates.items()
        for _, manifest in sorted(manifests.items())
        if concerns(workloads, api.kind, manifest)
    ]


def under_gate(gate: Manifest, store: Store) -> list[tuple[Api, Manifest]]:
    """Returns the workloads under a gate; none if the gate is invalid."""
    workloads = _meant(gate)
    return under(workloads, Key.of(gate).namespace, store) if workloads is not None else []


def over(api: Api, workload: Manifest, store: Store) -> list[Manifest]:
    """Returns the gates over a workload, by name. An invalid gate is not over any workload."""
    gates = {Key.of(gate): gate for term in _terms(api, workload) for gate in store.found(_GATES, term)}
    return [gate for _, gate in sorted(gates.items()) if _is_over(gate, api, workload)]


def _is_over(gate: Manifest, api: Api, workload: Manifest) -> bool:
    workloads = _meant(gate)
    return workloads is not None and concerns(workloads, api.kind, workload)


def _meant(gate: Manifest) -> Workloads | None:
    try:
        return Workloads.model_validate(mapped(gate.get("spec")).get("workloads") or {})
    except ValidationError:
        return None
