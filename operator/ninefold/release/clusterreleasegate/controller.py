"""Reads the sources of ClusterReleaseGates. The controller of ReleaseGates creates and keeps the gate in each
namespace by itself, so a namespace in which it cannot create the gate blocks neither the others nor the decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import NAMESPACE, Key, Manifest
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.keeping import key_of, made_for, selected
from ninefold.release.clusterreleasegate.plan import Observed, plan, policy_name
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate, ClusterReleaseGateStatus
from ninefold.release.gate.policy_status import policy_status
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy


def _all(manifest: Manifest, store: Store) -> Iterable[Key]:
    return store.keys(ClusterReleaseGate.api)


def _policies(gate: Manifest) -> Iterable[Key]:
    """The policies that a gate names as sources."""
    references = (source.get("errorBudgetPolicy") for source in gate["spec"].get("sources") or ())
    return [Key(reference["namespace"], reference["name"]) for reference in references if reference]


_BY_POLICY = Index(ClusterReleaseGate.api, _policies)


def _naming(policy: Manifest, store: Store) -> Iterable[Key]:
    """The gates that name this policy as a source."""
    return (Key.of(gate) for gate in store.found(_BY_POLICY, Key.of(policy)))


def _named(gate: Manifest, store: Store) -> Iterable[Key]:
    """The ClusterReleaseGate whose kept gate is new or deleted. It does not need the decisions of kept gates."""
    key = Key.of(gate)
    new = gate.get("status", {}).get("observedGeneration", -1) < 0
    if key.name.startswith(PREFIX) and (new or store.get(ReleaseGate.api, key) is None):
        yield Key("", key.name.removeprefix(PREFIX))


class ClusterReleaseGateController(Controller[ClusterReleaseGate, Observed]):
    """Decides for many namespaces; the kept gates apply the decision there."""

    resource = ClusterReleaseGate
    watches = (Watch(NAMESPACE, _all), Watch(ErrorBudgetPolicy.api, _naming), Watch(ReleaseGate.api, _named))

    async def observe(self, resource: ClusterReleaseGate, store: Store, now: datetime) -> Observed:
        references = [source.error_budget_policy for source in resource.spec.sources if source.error_budget_policy]
        namespaces = list(selected(resource.spec.namespaces, store))
        gates = {name: store.get(ReleaseGate.api, key_of(resource.metadata.name, name)) for name in namespaces}
        return Observed(
            namespaces=namespaces,
            missing=[name for name, gate in gates.items() if not made_for(resource, gate)],
            policies={
                policy_name(reference): policy_status(store, Key(reference.namespace, reference.name))
                for reference in references
            },
        )

    def plan(self, resource: ClusterReleaseGate, observed: Observed, now: datetime) -> Plan[ClusterReleaseGateStatus]:
        return plan(resource, observed, now)
