"""Reconciles ErrorBudgetPolicies when the measurements of the objectives that they select change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Hashable, Iterable
from datetime import datetime

from ninefold.domain.measurements.measurement import Measurements
from ninefold.domain.selectors.objectives import found_by, looks_for, selected, selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.controller import Controller, Watch, in_namespace_of, written
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.correction.resource import Correction, correcting
from ninefold.reliability.errorbudgetpolicy.identity import (
    Identities,
    family_of,
    is_hindered,
    is_in_force,
    last_manager,
)
from ninefold.reliability.errorbudgetpolicy.observe import followed, observed
from ninefold.reliability.errorbudgetpolicy.plan import Observed, plan
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def _of(policy: Manifest) -> Iterable[Hashable]:
    """The index terms of the objectives that a policy selects or remembers: it evaluates a remembered objective even if
    it no longer selects it."""
    namespace = Key.of(policy).namespace
    yield from looks_for(policy.get("spec", {}).get("objectives") or {}, namespace)
    yield from ((namespace, "name", name) for name in _followed(policy))


_BY_OBJECTIVE = Index(ErrorBudgetPolicy.api, _of)


def _read(slo: Manifest) -> object:
    """The parts of an objective, apart from its measurements, that a policy depends on. The rest of its status changes
    often and would only cause needless reconciliations."""
    return slo["metadata"].get("uid"), written(slo), is_in_force(slo), is_hindered(slo), last_manager(slo)


def _seen_by(policy: ErrorBudgetPolicy, store: Store) -> Iterable[Manifest]:
    """The objectives that the policy selects or follows, and their components."""
    namespace = policy.key.namespace

    def find(name: str) -> Manifest | None:
        return store.get(ServiceLevelObjective.api, Key(namespace, name))

    wanted = policy.spec.objectives.wire()
    heads = [*selected(wanted, namespace, store), *filter(None, map(find, followed(policy.status)))]
    return {Key.of(part): part for slo in heads for _, part in family_of(slo, find) if part is not None}.values()


class ErrorBudgetPolicyController(Controller[ErrorBudgetPolicy, Observed]):
    """Measurements come from the snapshot that all objectives share, not from their statuses, which are for people."""

    resource = ErrorBudgetPolicy
    watches = (
        Watch(ServiceLevelObjective.api, in_namespace_of(ErrorBudgetPolicy.api), reads=_read),
        Watch(Correction.api, in_namespace_of(ErrorBudgetPolicy.api), reads=written),
    )

    def __init__(self, figures: Measurements) -> None:
        self._figures = figures
        self._identities = Identities()

    async def observe(self, resource: ErrorBudgetPolicy, store: Store, now: datetime) -> Observed:
        slos = _seen_by(resource, store)
        corrections = {Key.of(found): found for slo in slos for found in correcting(slo, store)}
        return observed(resource, slos, self._figures.snapshot, now, self._identities, corrections.values())

    def plan(self, resource: ErrorBudgetPolicy, observed: Observed, now: datetime) -> Plan[ErrorBudgetPolicyStatus]:
        return plan(resource, observed, now)

    async def feed(self, store: Store) -> AsyncIterator[Key]:
        async for slo_id in self._figures.changes():
            namespace, _, name = slo_id.partition("/")
            slo = store.get(ServiceLevelObjective.api, Key(namespace, name))
            for key in _concerned(slo, store) if slo else ():
                yield key


def _concerned(slo: Manifest, store: Store) -> set[Key]:
    """The policies that select or remember an objective."""
    policies = (policy for term in found_by(slo) for policy in store.found(_BY_OBJECTIVE, term))
    return {
        Key.of(policy)
        for policy in policies
        if selects(policy["spec"]["objectives"], slo) or Key.of(slo).name in _followed(policy)
    }


def _followed(policy: Manifest) -> set[str]:
    """The names of the objectives whose identity a policy remembers."""
    status = policy.get("status") or {}
    entries = (*status.get("objectives", ()), *status.get("others", ()))
    return {entry["name"] for entry in entries if "identity" in entry}
