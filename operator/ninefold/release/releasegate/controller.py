"""Reads what a gate's sources say and which workloads are under it. The API server enforces what is decided."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import ClassVar

from ninefold.kube.api import NAMESPACE, ROLLOUT, Api, Key, Manifest
from ninefold.kube.controller import Content, Controller, Grant, Watch, in_namespace_of
from ninefold.kube.errors import Stalled
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.keeping import corrected, is_unwanted, kept, key_of
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate
from ninefold.release.override.resource import Override
from ninefold.release.release.records import BY_WORKLOAD
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.elsewhere import seen, unguarded
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import GateStatus, ReleaseGate, ReleaseGateStatus
from ninefold.release.releasegate.workload import WORKLOADS, Workload, concerns
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicyStatus

_BY_ABOVE = Index(
    ReleaseGate.api,
    lambda gate: [source.get("clusterReleaseGate") for source in gate["spec"].get("sources") or ()],
)
"""Gates by the ClusterReleaseGates that they name."""


def _below(manifest: Manifest, store: Store) -> Iterable[Key]:
    """The gates that go by a ClusterReleaseGate, and those that are to be kept for it."""
    name = Key.of(manifest).name
    yield from (key_of(name, Key.of(namespace).name) for namespace in store.all(NAMESPACE))
    yield from (Key.of(gate) for gate in store.found(_BY_ABOVE, name))


def _kept_in(namespace: Manifest, store: Store) -> Iterable[Key]:
    return [key_of(above.name, Key.of(namespace).name) for above in store.keys(ClusterReleaseGate.api)]


class ReleaseGateController(Controller[ReleaseGate, Observed]):
    """Decides; it never touches a workload."""

    resource = ReleaseGate
    makes = True
    contents: ClassVar[Mapping[Api, Content]] = {
        ReleaseGate.api: Content(
            f"object.metadata.name.startsWith('{PREFIX}')", f"gates named {PREFIX}..., for ClusterReleaseGates"
        )
    }
    grants = (
        Grant(ReleaseGate.api, ("create", "patch", "delete"), "ClusterReleaseGate: its gates are kept in namespaces."),
    )
    watches = (
        Watch(ErrorBudgetPolicy.api, in_namespace_of(ReleaseGate.api)),
        Watch(Override.api, in_namespace_of(ReleaseGate.api)),
        Watch(Release.api, in_namespace_of(ReleaseGate.api)),
        Watch(ClusterReleaseGate.api, _below),
        Watch(NAMESPACE, _kept_in),
        *(Watch(api, in_namespace_of(ReleaseGate.api), optional=api == ROLLOUT) for api in WORKLOADS),
    )

    def missing(self, key: Key, store: Store) -> Manifest | None:
        return kept(key, store)

    def wanted_by(self, manifest: Manifest) -> tuple[Api, Key]:
        """Made are gates for ClusterReleaseGates alone."""
        return ClusterReleaseGate.api, Key("", Key.of(manifest).name.removeprefix(PREFIX))

    def corrected(self, manifest: Manifest, store: Store) -> Manifest | None:
        return corrected(manifest, store)

    async def observe(self, resource: ReleaseGate, store: Store, now: datetime) -> Observed:
        names = [source.error_budget_policy for source in resource.spec.sources if source.error_budget_policy]
        above = [source.cluster_release_gate for source in resource.spec.sources if source.cluster_release_gate]
        namespace, workloads = resource.key.namespace, _workloads(resource, store)
        return Observed(
            policies={name: policy_status(store, Key(namespace, name)) for name in dict.fromkeys(names)},
            workloads=workloads,
            overrides=store.resources(Override, namespace),
            unguarded=unguarded({each.name for each in workloads}, store, namespace),
            releases=_releases(workloads, store, namespace),
            above={name: _above(store, name) for name in dict.fromkeys(above)},
            unwanted=is_unwanted(resource.key, store),
        )

    def plan(self, resource: ReleaseGate, observed: Observed, now: datetime) -> Plan[ReleaseGateStatus]:
        return plan(resource, observed, now)


def policy_status(store: Store, key: Key) -> ErrorBudgetPolicyStatus | None:
    manifest = store.get(ErrorBudgetPolicy.api, key)
    if manifest is None:
        return None
    try:
        return ErrorBudgetPolicy.parse(manifest).status
    except Stalled:
        # It cannot be read, so it says nothing; its own status says why.
        return ErrorBudgetPolicyStatus.model_validate({})


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


def _workloads(resource: ReleaseGate, store: Store) -> list[Workload]:
    return [
        seen(api, manifest, store)
        for api in WORKLOADS
        for manifest in store.all(api, resource.key.namespace)
        if concerns(resource.spec.workloads, api.kind, manifest)
    ]
