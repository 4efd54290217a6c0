"""Reads what the sources say. The gates below are made and kept by the controller of their own kind: each by itself, so
that a namespace in which one cannot be made holds up no other, nor the decision."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import NAMESPACE, Key, Manifest
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.keeping import key_of, made_for, selected
from ninefold.release.clusterreleasegate.plan import Observed, called, plan
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate, ClusterReleaseGateStatus
from ninefold.release.gate.policy_status import policy_status
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy


def _all(manifest: Manifest, store: Store) -> Iterable[Key]:
    return store.keys(ClusterReleaseGate.api)


def _policies(gate: Manifest) -> Iterable[Key]:
    """The policies that have a say in a gate."""
    named = (source.get("errorBudgetPolicy") for source in gate["spec"].get("sources") or ())
    return [Key(each["namespace"], each["name"]) for each in named if each]


_BY_POLICY = Index(ClusterReleaseGate.api, _policies)


def _naming(policy: Manifest, store: Store) -> Iterable[Key]:
    """The gates for which this policy has a say."""
    return (Key.of(gate) for gate in store.found(_BY_POLICY, Key.of(policy)))


def _named(gate: Manifest, store: Store) -> Iterable[Key]:
    """The one for which a gate has just been made, or has gone. What a gate decides is nothing to it."""
    key = Key.of(gate)
    new = gate.get("status", {}).get("observedGeneration", -1) < 0
    if key.name.startswith(PREFIX) and (new or store.get(ReleaseGate.api, key) is None):
        yield Key("", key.name.removeprefix(PREFIX))


class ClusterReleaseGateController(Controller[ClusterReleaseGate, Observed]):
    """Decides for many namespaces; the gates that are kept there do the rest."""

    resource = ClusterReleaseGate
    watches = (Watch(NAMESPACE, _all), Watch(ErrorBudgetPolicy.api, _naming), Watch(ReleaseGate.api, _named))

    async def observe(self, resource: ClusterReleaseGate, store: Store, now: datetime) -> Observed:
        references = [each.error_budget_policy for each in resource.spec.sources if each.error_budget_policy]
        namespaces = list(selected(resource.spec.namespaces, store))
        gates = {name: store.get(ReleaseGate.api, key_of(resource.metadata.name, name)) for name in namespaces}
        return Observed(
            namespaces=namespaces,
            missing=[name for name, gate in gates.items() if not made_for(resource, gate)],
            policies={called(each): policy_status(store, Key(each.namespace, each.name)) for each in references},
        )

    def plan(self, resource: ClusterReleaseGate, observed: Observed, now: datetime) -> Plan[ClusterReleaseGateStatus]:
        return plan(resource, observed, now)
