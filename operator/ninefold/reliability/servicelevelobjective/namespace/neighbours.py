"""The other objectives of a namespace: which one records a shared indicator, and which must be reconciled. Pure.

Everything is read from the store. The compiled facts of an objective are remembered until it is edited.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from ninefold.domain.measurements.measurement import Snapshot
from ninefold.kube.api import Key, Manifest
from ninefold.kube.conditions import STALLED
from ninefold.kube.errors import Stalled
from ninefold.kube.index import Index
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.cost.estimate import estimate
from ninefold.reliability.servicelevelobjective.namespace import shared_indicator
from ninefold.reliability.servicelevelobjective.recording import indicator
from ninefold.reliability.servicelevelobjective.recording.corrections import NONE, Corrections
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

API = ServiceLevelObjective.api

Correcting = Callable[[ServiceLevelObjective], Corrections]
"""Returns the time that does not count for an objective."""


@dataclass(frozen=True, slots=True)
class NeighbourFacts:
    """Facts of the compiled rules of an objective that reads the raw series itself."""

    number: int | None
    """The number of its indicator."""
    revision: str
    samples: int
    """The samples that its rules read, for a single group, without the user's expressions."""


@dataclass(frozen=True, slots=True)
class _Mark:
    """What must change for other objectives to be reconciled."""

    number: int | None
    recording: bool
    """Whether others may read its recordings: it is served, evaluated, and reads the raw series itself."""
    able: bool


_VERSIONS = 2
"""How many versions of an objective have facts: a change is the difference between the old and the new version."""


class Neighbours:
    """The compiled facts of the objectives of all namespaces. `share` says whether indicators are shared at all."""

    def __init__(self, *, share: bool, aliases: bool = False) -> None:
        self._share = share
        self._aliases = aliases
        self._facts: dict[Key, dict[tuple[str, int], NeighbourFacts | None]] = {}
        """The facts of the last versions of each objective."""
        self.alike = Index(API, self._indicator)
        """Objectives by namespace and indicator."""

    def facts(self, manifest: Manifest) -> NeighbourFacts | None:
        """The facts of an objective; None if it cannot be compiled."""
        metadata = manifest["metadata"]
        version = (metadata.get("uid", ""), metadata.get("generation", 0))
        known = self._facts.setdefault(Key.of(manifest), {})
        if version not in known:
            while len(known) >= _VERSIONS:
                del known[next(iter(known))]
            known[version] = self._compile(manifest)
        return known[version]

    def compiled(
        self,
        slo: ServiceLevelObjective,
        store: Store,
        snapshot: Snapshot,
        corrections: Callable[[ServiceLevelObjective], Corrections],
    ) -> Group:
        """The rules of an objective, which may read recordings of another objective.

        Events that another objective recorded lack the time that did not count for it, so an objective with a
        Correction shares nothing.
        """
        own = corrections(slo)
        if not self._share:
            return Group(slo, own, aliases=self._aliases)
        leader = self._leader(slo, store, snapshot, corrections) if own == NONE else None
        base = shared_indicator.read_from(leader) if leader else shared_indicator.recorded
        return Group(slo, own, base=base, aliases=self._aliases)

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        """The objectives whose rules may change because this objective was created, changed or deleted: those after it
        that have, or had, the same indicator; none if nothing that they read has changed."""
        if now is None and before is not None:
            gone = self._mark(before) if self._share else None
            self._facts.pop(Key.of(before), None)
            return self._behind(Key.of(before), (gone,), store)
        if not self._share or now is None:
            return ()
        marks = (self._mark(before) if before else None, self._mark(now))
        return self._behind(Key.of(now), marks, store) if marks[0] != marks[1] else ()

    def _behind(self, key: Key, marks: Iterable[_Mark | None], store: Store) -> set[Key]:
        numbers = {mark.number for mark in marks if mark is not None and mark.number is not None}
        alike = (Key.of(other) for number in numbers for other in store.found(self.alike, (key.namespace, number)))
        return {other for other in alike if other > key}

    def _indicator(self, manifest: Manifest) -> Iterable[tuple[str, int]]:
        facts = self.facts(manifest) if self._share else None
        return [] if facts is None or facts.number is None else [(Key.of(manifest).namespace, facts.number)]

    def _leader(
        self,
        slo: ServiceLevelObjective,
        store: Store,
        snapshot: Snapshot,
        corrections: Callable[[ServiceLevelObjective], Corrections],
    ) -> Key | None:
        """The objective whose recordings to read: the smallest name among those that are known to record this
        indicator now.

        Until that is known, nothing changes, so that no evaluation is without data.
        """
        number = shared_indicator.number(Target.of(slo))
        if number is None:
            return None
        reads = slo.status.rules.reads if slo.status.rules else None
        alike = map(Key.of, store.found(self.alike, (slo.key.namespace, number)))
        for key in sorted(key for key in alike if key < slo.key):
            manifest = store.get(API, key)
            facts = self.facts(manifest) if manifest and able(manifest) else None
            if manifest is None or facts is None or corrections(ServiceLevelObjective.parse(manifest)) != NONE:
                continue
            figure = snapshot.by_id.get(str(key)) if snapshot.reachable else None
            loaded = figure is not None and figure.revision == facts.revision
            if loaded or (reads == key.name and not _rules(manifest).get("reads")):
                return key
        return None

    def _mark(self, manifest: Manifest) -> _Mark:
        facts, rules = self.facts(manifest), _rules(manifest)
        well = facts is not None and able(manifest)
        recording = well and bool(rules.get("loaded")) and facts is not None and rules["revision"] == facts.revision
        return _Mark(facts.number if facts else None, recording, well)

    def _compile(self, manifest: Manifest) -> NeighbourFacts | None:
        try:
            slo = ServiceLevelObjective.parse(manifest)
            base = shared_indicator.recorded if self._share else indicator.base
            group = Group(slo, base=base, aliases=self._aliases)
            number = shared_indicator.number(group.target) if self._share else None
        except Stalled:
            return None
        return NeighbourFacts(number, group.revision, estimate(group).cost().samples)


def able(manifest: Manifest) -> bool:
    """Whether an objective is served: neither suspended, nor stalled, nor being deleted."""
    return (
        not manifest["spec"].get("suspend")
        and "deletionTimestamp" not in manifest["metadata"]
        and stalled(manifest) is None
    )


def stalled(manifest: Manifest) -> str | None:
    """The reason why an objective is stalled; None if it is not."""
    for condition in (manifest.get("status") or {}).get("conditions", ()):
        if condition["type"] == STALLED and condition["status"] == "True":
            return str(condition["reason"])
    return None


def _rules(manifest: Manifest) -> dict[str, Any]:
    return (manifest.get("status") or {}).get("rules") or {}
