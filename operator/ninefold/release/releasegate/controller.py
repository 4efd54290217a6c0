"""Reads what a gate's sources say and which workloads are under it. The API server enforces what is decided."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import CRON_JOB, DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET, Key, Manifest
from ninefold.kube.controller import Controller, Watch, in_namespace_of
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.override.resource import Override
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate, ReleaseGateStatus
from ninefold.release.releasegate.workload import Workload, concerns, read
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, ErrorBudgetPolicyStatus

WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, ROLLOUT)


class ReleaseGateController(Controller[ReleaseGate, Observed]):
    """Decides; it never touches a workload."""

    resource = ReleaseGate
    watches = (
        Watch(ErrorBudgetPolicy.api, in_namespace_of(ReleaseGate.api)),
        Watch(Override.api, in_namespace_of(ReleaseGate.api)),
        Watch(Release.api, in_namespace_of(ReleaseGate.api)),
        *(Watch(api, in_namespace_of(ReleaseGate.api), optional=api == ROLLOUT) for api in WORKLOADS),
    )

    async def observe(self, resource: ReleaseGate, store: Store, now: datetime) -> Observed:
        names = [source.error_budget_policy for source in resource.spec.sources if source.error_budget_policy]
        namespace, workloads = resource.key.namespace, _workloads(resource, store)
        return Observed(
            policies={name: _policy(store, Key(namespace, name)) for name in dict.fromkeys(names)},
            workloads=workloads,
            overrides=store.resources(Override, namespace),
            releases=_releases(workloads, store, namespace),
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


def _releases(workloads: Iterable[Workload], store: Store, namespace: str) -> list[Manifest]:
    names = {workload.name for workload in workloads}
    records = store.all(Release.api, namespace)
    return [record for record in records if "{kind}/{name}".format_map(record["spec"]["workload"]) in names]


def _workloads(resource: ReleaseGate, store: Store) -> list[Workload]:
    return [
        read(api.kind, manifest)
        for api in WORKLOADS
        for manifest in store.all(api, resource.key.namespace)
        if concerns(resource.spec.workloads, api.kind, manifest)
    ]
