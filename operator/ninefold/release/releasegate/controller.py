"""Reads what a gate's sources say and which workloads are under it. The API server enforces what is decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import DAEMON_SET, DEPLOYMENT, STATEFUL_SET, Key, Manifest
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate, ReleaseGateStatus
from ninefold.release.releasegate.workload import Workload, matches, read
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicyStatus

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)


def _gates(manifest: Manifest, store: Store) -> Iterable[Key]:
    # All of the namespace: a workload whose labels changed concerns the gate that it left, too.
    return store.keys(ReleaseGate.api, Key.of(manifest).namespace)


class ReleaseGateController(Controller[ReleaseGate, Observed]):
    """Decides; it never touches a workload."""

    resource = ReleaseGate
    watches = (Watch(ErrorBudgetPolicy.api, _gates), *(Watch(api, _gates) for api in WORKLOADS))

    async def observe(self, resource: ReleaseGate, store: Store, now: datetime) -> Observed:
        names = [source.error_budget_policy for source in resource.spec.sources if source.error_budget_policy]
        return Observed(
            policies={name: _policy(store, Key(resource.key.namespace, name)) for name in dict.fromkeys(names)},
            workloads=_workloads(resource, store),
        )

    def plan(self, resource: ReleaseGate, observed: Observed, now: datetime) -> Plan[ReleaseGateStatus]:
        return plan(resource, observed, now)


def _policy(store: Store, key: Key) -> ErrorBudgetPolicyStatus | None:
    manifest = store.get(ErrorBudgetPolicy.api, key)
    if manifest is None:
        return None
    try:
        return ErrorBudgetPolicy.parse(manifest).status
    except Stalled:
        # It cannot be read, so it says nothing; its own status says why.
        return ErrorBudgetPolicyStatus.model_validate({})


def _workloads(resource: ReleaseGate, store: Store) -> list[Workload]:
    labels = resource.spec.workloads.match_labels
    return [
        read(api.kind, manifest)
        for api in WORKLOADS
        for manifest in store.all(api, resource.key.namespace)
        if matches(labels, manifest)
    ]
