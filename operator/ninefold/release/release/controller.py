"""Creates a record of each revision of a gated workload, and updates it until nothing in it can change any more.

The records are not children of their gate: a user who deletes a gate in an emergency would delete the record of the
emergency, a status lists at most 64 children, and a record that cannot be written would keep the gate from deciding. So
a record without an owner is created when its key is reconciled and it is missing (`missing`).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from datetime import datetime, timedelta

from ninefold.domain.measurements.measurement import Measurement, Measurements
from ninefold.domain.selectors.objectives import selected
from ninefold.kube.api import DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET, Api, Key, Manifest
from ninefold.kube.controller import Controller, Grant, Watch
from ninefold.kube.fields import seconds
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.gate.spec import Records
from ninefold.release.override.resource import Override
from ninefold.release.release import delivered as of_tools
from ninefold.release.release import revision as of_workloads
from ninefold.release.release.delivered import READS
from ninefold.release.release.overrides_passed import passed_by
from ninefold.release.release.plan import Later, Observed, plan
from ninefold.release.release.records import BY_WORKLOAD, key_for, next_record, sequence
from ninefold.release.release.resource import PassedBy, Release, ReleaseStatus
from ninefold.release.release.revision import Revision
from ninefold.release.release.spending import SpendingReading
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.release.workloads.annotation import gate_of, named
from ninefold.release.workloads.selection import over, under_gate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy

_BUILT_IN = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET)
WORKLOADS = (*_BUILT_IN, ROLLOUT)
_KINDS = {api.kind: api for api in (*WORKLOADS, *READS)}


def _namespace_if_open(record: Manifest) -> Iterable[str]:
    return [] if record.get("status", {}).get("closed") else [Key.of(record).namespace]


def _revisions(api: Api) -> Index:
    """Indexes objects by namespace and the hash of their present revision; the name of a record ends with that hash."""

    def values(manifest: Manifest) -> Iterable[tuple[str, str]]:
        revision = _read(api, manifest)
        return [(revision.key.namespace, revision.hash)] if revision else []

    return Index(api, values)


def _followers(api: Api) -> Index:
    """Indexes objects of delivery tools by the gate that they name."""
    return Index(api, lambda manifest: [gate] if (gate := gate_of(manifest)) else [])


_BY_GATE = {api: _followers(api) for api in READS}
_BY_REVISION = {api: _revisions(api) for api in _KINDS.values()}
_OPEN = Index(Release.api, _namespace_if_open)
"""Records that are not closed, by their namespace."""


def _records(store: Store, kind: str, workload: Key) -> list[Manifest]:
    """Returns the records of a workload, the oldest first."""
    return sorted(store.found(BY_WORKLOAD, (workload.namespace, kind, workload.name)), key=sequence)


def _of_workload(api: Api) -> Watch:
    def keys(manifest: Manifest, store: Store) -> Iterable[Key]:
        """The records of the workload that are not closed, and the record of its present revision."""
        key = Key.of(manifest)
        records = _records(store, api.kind, key)
        yield from (Key.of(record) for record in records if not record.get("status", {}).get("closed"))
        revision = _read(api, manifest)
        if revision is not None and _gate_of(api, manifest, store):
            yield key_for(revision, records)

    return Watch(api, keys, optional=api not in _BUILT_IN, status=READS.get(api))


def _of_gate(gate: Manifest, store: Store) -> Iterable[Key]:
    """The missing records of the workloads and objects under a gate."""
    for api, manifest in under_gate(gate, store):
        if api in WORKLOADS:
            yield from _wanting(api, manifest, store)
    for api, index in _BY_GATE.items():
        for manifest in store.found(index, Key.of(gate)):
            yield from _wanting(api, manifest, store)


def _wanting(api: Api, manifest: Manifest, store: Store) -> Iterable[Key]:
    """The record of the object's present revision, if that record is missing."""
    if revision := _read(api, manifest):
        key = key_for(revision, _records(store, api.kind, revision.key))
        if store.get(Release.api, key) is None:
            yield key


class ReleaseController(Controller[Release, Observed]):
    """Reads measurements from the snapshot that all objectives share, and everything else from the store."""

    resource = Release
    makes = True
    watches = (*(_of_workload(api) for api in WORKLOADS), Watch(ReleaseGate.api, _of_gate))
    grants = (Grant(Release.api, ("create", "delete"), "Release: a record of each revision, deleted when it is old."),)

    def __init__(self, measurements: Measurements, delivered: Iterable[Api] = ()) -> None:
        """`delivered` lists the kinds of Flux and Argo CD that the operator may read here."""
        self._measurements = measurements
        self.watches = (*ReleaseController.watches, *(_of_workload(api) for api in delivered))

    def missing(self, key: Key, store: Store) -> Manifest | None:
        wanted = (key.namespace, key.name.rpartition("-")[2])
        candidates = ((api, manifest) for api, index in _BY_REVISION.items() for manifest in store.found(index, wanted))
        for api, manifest in candidates:
            revision = _read(api, manifest)
            if revision is None:
                continue
            records = _records(store, api.kind, revision.key)
            gate = _gate_of(api, manifest, store)
            if gate is not None and key_for(revision, records) == key:
                services = (slo["spec"].get("service", "") for slo in _objectives(gate, store))
                name = Key.of(gate).name if Key.of(gate).namespace == key.namespace else str(Key.of(gate))
                overrides = _passed_by(api, manifest, revision, records, store)
                return next_record(revision, records, name, services, overrides)
        return None

    def wanted_by(self, manifest: Manifest) -> tuple[Api, Key]:
        return ReleaseGate.api, named(manifest["spec"]["gate"], Key.of(manifest).namespace)

    async def observe(self, resource: Release, store: Store, now: datetime) -> Observed:
        namespace, workload = resource.key.namespace, resource.spec.workload
        records = _records(store, workload.kind, Key(namespace, workload.name))
        gate = store.get(ReleaseGate.api, named(resource.spec.gate, namespace))
        kept = _kept(gate)
        api = _KINDS.get(workload.kind)
        manifest = store.get(api, Key(namespace, workload.name)) if api else None
        return Observed(
            workload=_read(api, manifest) if api and manifest else None,
            gone=api is not None and store.serves(api) and manifest is None,
            later=[Later.of(record) for record in records if sequence(record) > resource.spec.sequence],
            readings={} if gate is None or resource.status.closed else self._readings(gate, store, now),
            keep=kept.keep,
            max_age=timedelta(seconds=seconds(kept.max_age)),
        )

    def plan(self, resource: Release, observed: Observed, now: datetime) -> Plan[ReleaseStatus]:
        return plan(resource, observed, now)

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        """A new record: it follows the earlier records of its workload, and the oldest may exceed the limit."""
        manifest = now or before or {}
        if "outcome" in manifest.get("status", {}):
            return
        workload = manifest["spec"]["workload"]
        key = Key(Key.of(manifest).namespace, workload["name"])
        yield from (Key.of(record) for record in _records(store, workload["kind"], key))

    async def feed(self, store: Store) -> AsyncIterator[Key]:
        async for slo_id in self._measurements.changes():
            for record in store.found(_OPEN, slo_id.partition("/")[0]):
                yield Key.of(record)

    def _readings(self, gate: Manifest, store: Store, now: datetime) -> dict[str, SpendingReading]:
        snapshot = self._measurements.snapshot
        measured = snapshot.by_id if snapshot.fresh(now) else {}
        return {Key.of(slo).name: _reading(measured.get(str(Key.of(slo)))) for slo in _objectives(gate, store)}


def _read(api: Api, manifest: Manifest) -> Revision | None:
    return (of_tools.read if api in READS else of_workloads.read)(api.kind, manifest)


def _gate_of(api: Api, workload: Manifest, store: Store) -> Manifest | None:
    """Returns the gate under which a release of the workload is recorded: the first gate over it with a budget policy,
    otherwise the first gate, since a release under two gates is still one release. An object of a delivery tool follows
    the gate that it names."""
    if api in READS:
        followed = gate_of(workload)
        return store.get(ReleaseGate.api, followed) if followed else None
    return min(over(api, workload, store), key=_without_budgets, default=None)


def _passed_by(
    api: Api, workload: Manifest, revision: Revision, records: Sequence[Manifest], store: Store
) -> list[PassedBy]:
    """Returns the Overrides with which a revision passed closed gates; none for an object of a delivery tool, since
    only workloads pass gates."""
    if api in READS:
        return []
    parsed = (store.resource(ReleaseGate, Key.of(gate)) for gate in over(api, workload, store))
    gates = [gate for gate in parsed if gate is not None]
    newest = records[-1] if records else None
    return passed_by(gates, newest, revision.images, lambda key: store.resource(Override, key))


def _without_budgets(gate: Manifest) -> bool:
    """Whether the gate has no objective with which to measure the cost of a release."""
    return not any("errorBudgetPolicy" in source for source in (gate.get("spec") or {}).get("sources") or ())


def _kept(gate: Manifest | None) -> Records:
    """Returns how many records are kept, and how long; the defaults if the gate is deleted or does not say."""
    return Records.model_validate((gate or {}).get("spec", {}).get("records") or {})


def _objectives(gate: Manifest, store: Store) -> Iterable[Manifest]:
    """Returns the objectives of the gate's budget policies."""
    namespace = Key.of(gate).namespace
    names = [source.get("errorBudgetPolicy") for source in gate["spec"].get("sources", ())]
    policies = [store.get(ErrorBudgetPolicy.api, Key(namespace, name)) for name in names if name]
    wanted = [policy["spec"]["objectives"] for policy in policies if policy]
    slos = {Key.of(slo): slo for objectives in wanted for slo in selected(objectives, namespace, store)}
    return slos.values()


def _reading(measured: Measurement | None) -> SpendingReading:
    return SpendingReading.of(measured.data, measured.budget_left, measured.burn) if measured else SpendingReading()
