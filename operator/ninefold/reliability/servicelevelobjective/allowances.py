"""Whether an objective fits into the quota of its namespace, from what the store knows of the others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from ninefold.kube.api import NAMESPACE, Key, Manifest
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.neighbours import API, Neighbours, able, stalled
from ninefold.reliability.servicelevelobjective.quota import ANNOTATION, Claim, Quota, refusal
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

EXCEEDED = "QuotaExceeded"


@dataclass(frozen=True, slots=True)
class Allowance:
    """What the quota says; both "" where all is well."""

    refusal: str = ""
    """Why the objective is not served."""
    malformed: str = ""
    """Why there is no quota although somebody wrote one."""


class Allowances:
    """Decides, and tells who may fit now that somebody has left room."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours
        self._held: dict[Key, tuple[int, int]] = {}
        """The samples and the generation of what counts against a quota."""

    def of(self, slo: ServiceLevelObjective, revision: str, asks: int, store: Store) -> Allowance:
        """`revision` and `asks` are of the rules that it would get: what they are, and the samples that they read."""
        written = _written(slo.key.namespace, store)
        if written is None:
            return Allowance()
        try:
            quota = Quota.parse(written)
        except ValueError as error:
            return Allowance(malformed=str(error))
        rules, manifest = slo.status.rules, store.get(API, slo.key)
        if manifest is None or (rules is not None and rules.revision == revision and slo.status.inventory):
            return Allowance()
        others = (other for other in store.all(API, slo.key.namespace) if Key.of(other) != slo.key)
        claims = [claim for other in others if (claim := self._claim(other)) is not None]
        return Allowance(refusal(quota, _claim(manifest, asks, self._has(manifest)), claims))

    def concerned(self, manifest: Manifest, store: Store) -> Iterator[Key]:
        """Who waits for room, if this objective has left some."""
        key = Key.of(manifest)
        before, now = self._held.pop(key, None), None
        if _written(key.namespace, store) is None:
            # Nobody waits; and what an objective reads is not worked out for nothing.
            return
        if store.get(API, key) is not None and (claim := self._claim(manifest)) is not None:
            now = self._held[key] = (claim.has or 0, manifest["metadata"].get("generation", 0))
        if before is None or (now is not None and now[0] >= before[0] and (now[0] or now == before)):
            return
        for other in store.all(API, key.namespace):
            if Key.of(other) != key and stalled(other) == EXCEEDED:
                yield Key.of(other)

    def _claim(self, manifest: Manifest) -> Claim | None:
        """What another objective has or waits for; None for one that gets nothing anyway."""
        has = self._has(manifest)
        if has is not None:
            return _claim(manifest, has, has)
        facts = self._neighbours.facts(manifest)
        if facts is None or not (able(manifest) or stalled(manifest) == EXCEEDED):
            return None
        return None if manifest["spec"].get("suspend") else _claim(manifest, facts.samples, None)

    def _has(self, manifest: Manifest) -> int | None:
        """What its rules in the cluster read; None if there are none."""
        status = manifest.get("status") or {}
        if not status.get("inventory") or "deletionTimestamp" in manifest["metadata"]:
            return None
        if (cost := status.get("cost")) is not None:
            return int(cost["samples"])
        facts = self._neighbours.facts(manifest)
        return facts.samples if facts else 0


def _written(namespace: str, store: Store) -> str | None:
    """The quota of a namespace as somebody wrote it; None without one."""
    found = store.get(NAMESPACE, Key("", namespace)) or {}
    written: str | None = (found.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    return written


def _claim(manifest: Manifest, asks: int, has: int | None) -> Claim:
    metadata = manifest["metadata"]
    written = metadata.get("creationTimestamp")
    created = datetime.fromisoformat(written) if written else datetime.max.replace(tzinfo=UTC)
    return Claim(metadata["name"], created, asks, has)
