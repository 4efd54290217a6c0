"""Reports whether an Override counts. The gate lets changes pass, and the API server enforces it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from ninefold.kube.api import Key, Manifest
from ninefold.kube.controller import Controller, Watch
from ninefold.kube.index import Index
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.release.override.plan import Observed, plan
from ninefold.release.override.resource import Override, OverrideStatus, meant_for
from ninefold.release.release.resource import Release
from ninefold.release.releasegate.resource import ReleaseGate


def _overrides(release: Manifest) -> Iterable[Key]:
    """The Overrides with which a release passed closed gates."""
    passed = release["spec"].get("overrides") or ()
    return [Key(Key.of(release).namespace, override["name"]) for override in passed]


_BY_OVERRIDE = Index(Release.api, _overrides)


def _uses(override: Override, store: Store) -> Iterator[Manifest]:
    """Yields the records that name this Override, and not an earlier Override of the same name."""
    made = override.metadata.creation_timestamp
    for release in store.found(_BY_OVERRIDE, override.key):
        recorded = datetime.fromisoformat(release["metadata"]["creationTimestamp"])
        if made is None or recorded >= made:
            yield release


class OverrideController(Controller[Override, Observed]):
    """Decides only the state of the Override; it never touches a gate."""

    resource = Override
    watches = (
        Watch(ReleaseGate.api, lambda gate, store: [override.key for override in meant_for(Key.of(gate), store)]),
        Watch(Release.api, lambda release, store: _overrides(release)),
    )

    async def observe(self, resource: Override, store: Store, now: datetime) -> Observed:
        gates = store.resources(ReleaseGate, resource.key.namespace)
        return Observed(sorted(gates, key=lambda gate: gate.key), uses=sum(1 for _ in _uses(resource, store)))

    def plan(self, resource: Override, observed: Observed, now: datetime) -> Plan[OverrideStatus]:
        return plan(resource, observed, now)
