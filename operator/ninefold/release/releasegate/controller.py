"""Reads the opinions of a gate's sources and the workloads under it. The API server enforces the decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import ClassVar

from ninefold.kube.api import NAMESPACE, ROLLOUT, Api, Key, Manifest
from ninefold.kube.controller import Content, Controller, Grant, Watch
from ninefold.kube.errors import Stalled
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.keeping import corrected, is_unwanted, kept, key_of
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate
from ninefold.release.gate.policy_status import policy_status
from ninefold.release.gate.status import GateStatus, ReleaseGateStatus
from ninefold.release.override.resource import Override, meant_for
from ninefold.release.release.records import BY_WORKLOAD
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.delegation import seen, shown_by, unguarded
from ninefold.release.workloads.selection import over, under
from ninefold.release.workloads.workload import WORKLOADS, Workload
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

_BY_ABOVE = Index(
    ReleaseGate.api,
    lambda gate: [source.get("clusterReleaseGate") for source in gate["spec"].get("sources") or ()],
)
"""Gates by the ClusterReleaseGates that they name."""

_KINDS = {api.kind: api for api in WORKLOADS}


def _policies(gate: Manifest) -> Iterable[Key]:
    names = (source.get("errorBudgetPolicy") for source in gate["spec"].get("sources") or ())
    return [Key(Key.of(gate).namespace, name) for name in names if name]


_BY_POLICY = Index(ReleaseGate.api, _policies)


def _naming(policy: Manifest, store: Store) -> Iterable[Key]:
    return (Key.of(gate) for gate in store.found(_BY_POLICY, Key.of(policy)))


def _opened_by(override: Manifest, store: Store) -> Iterable[Key]:
    namespace, gate = Key.of(override).namespace, override["spec"].get("gate")
    return [Key(namespace, gate)] if gate else store.keys(ReleaseGate.api, namespace)


def _showing(api: Api, manifest: Manifest, store: Store) -> Iterable[Key]:
    """The gates to which a workload may look different when this workload changes."""
    return (Key.of(gate) for shown in shown_by(api, manifest, store) for gate in over(*shown, store))


def _recording(record: Manifest, store: Store) -> Iterable[Key]:
    """The gates over the workload of a record."""
    workload = record["spec"]["workload"]
    api = _KINDS.get(workload["kind"])
    manifest = store.get(api, Key(Key.of(record).namespace, workload["name"])) if api else None
    return (Key.of(gate) for gate in over(api, manifest, store)) if api and manifest else ()


def _below(manifest: Manifest, store: Store) -> Iterable[Key]:
    """The gates that name a ClusterReleaseGate as a source, and those that are kept for it or must be created."""
    name = Key.of(manifest).name
    yield from (key_of(name, Key.of(namespace).name) for namespace in store.all(NAMESPACE))
    yield from (Key.of(gate) for gate in store.found(_BY_ABOVE, name))


def _kept_in(namespace: Manifest, store: Store) -> Iterable[Key]:
    return [key_of(above.name, Key.of(namespace).name) for above in store.keys(ClusterReleaseGate.api)]


class ReleaseGateController(Controller[ReleaseGate, Observed]):
    """Decides whether the gate is closed; it never touches a workload."""

    resource = ReleaseGate
    makes = True
    contents: ClassVar[Mapping[Api, Content]] = {
        ReleaseGate.api: Content(
            f"object.metadata.name.startsWith('{PREFIX}')", f"gates named {PREFIX}..., for ClusterReleaseGates"
        )
    }
    grants = (
        Grant(ReleaseGate.api, ("create", "patch", "delete"), "ClusterReleaseGate: keeps a gate in each namespace."),
    )
    watches = (
        Watch(ErrorBudgetPolicy.api, _naming),
        Watch(Override.api, _opened_by),
        Watch(Release.api, _recording),
        Watch(ClusterReleaseGate.api, _below),
        Watch(NAMESPACE, _kept_in),
        *(Watch(api, partial(_showing, api), optional=api == ROLLOUT, both=True) for api in WORKLOADS),
    )

    def missing(self, key: Key, store: Store) -> Manifest | None:
        return kept(key, store)

    def wanted_by(self, manifest: Manifest) -> tuple[Api, Key]:
        """Returns the ClusterReleaseGate: the controller creates gates only for these."""
        return ClusterReleaseGate.api, Key("", Key.of(manifest).name.removeprefix(PREFIX))

    def corrected(self, manifest: Manifest, store: Store) -> Manifest | None:
        return corrected(manifest, store)

    async def observe(self, resource: ReleaseGate, store: Store, now: datetime) -> Observed:
        names = [source.error_budget_policy for source in resource.spec.sources if source.error_budget_policy]
        above = [source.cluster_release_gate for source in resource.spec.sources if source.cluster_release_gate]
        namespace = resource.key.namespace
        covered = under(resource.spec.workloads, namespace, store)
        workloads = [seen(api, manifest, store) for api, manifest in covered]
        return Observed(
            policies={name: policy_status(store, Key(namespace, name)) for name in dict.fromkeys(names)},
            workloads=workloads,
            overrides=meant_for(resource.key, store),
            unguarded=unguarded(covered),
            releases=_releases(workloads, store, namespace),
            above={name: _above(store, name) for name in dict.fromkeys(above)},
            unwanted=is_unwanted(resource.key, store),
        )

    def plan(self, resource: ReleaseGate, observed: Observed, now: datetime) -> Plan[ReleaseGateStatus]:
        return plan(resource, observed, now)


def _above(store: Store, name: str) -> GateStatus | None:
    manifest = store.get(ClusterReleaseGate.api, Key("", name))
    if manifest is None:
        return None
    try:
        return ClusterReleaseGate.parse(manifest).status
    except Stalled:
        return GateStatus.model_validate({})


def _releases(workloads: Iterable[Workload], store: Store, namespace: str) -> list[Manifest]:
    named = (workload.name.partition("/") for workload in workloads)
    return [record for kind, _, name in named for record in store.found(BY_WORKLOAD, (namespace, kind, name))]
