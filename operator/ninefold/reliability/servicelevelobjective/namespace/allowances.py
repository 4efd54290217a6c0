"""Whether an objective fits into the quota of its namespace, from what the store knows of the others. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ninefold.kube.api import NAMESPACE, Key, Manifest
from ninefold.kube.fields import LAST, moment
from ninefold.kube.index import Index
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.namespace.neighbours import API, Neighbours, able, stalled
from ninefold.reliability.servicelevelobjective.namespace.quota import ANNOTATION, Claim, Quota, refusal
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

EXCEEDED = "QuotaExceeded"
_WAITING = Index(API, lambda slo: [Key.of(slo).namespace] if stalled(slo) == EXCEEDED else [])
"""Objectives that wait for room, by namespace."""


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

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterator[Key]:
        """Who waits for room, if this objective has left some."""
        if before is None or _written(Key.of(before).namespace, store) is None:
            # Nobody waits; and what an objective reads is not worked out for nothing.
            return
        had, has = self._held(before), self._held(now) if now else None
        if had is None or (has is not None and has[0] >= had[0] and (has[0] or has == had)):
            return
        key = Key.of(before)
        yield from (Key.of(other) for other in store.found(_WAITING, key.namespace) if Key.of(other) != key)

    def _held(self, manifest: Manifest) -> tuple[int, int] | None:
        """The samples and the generation of what counts against a quota; None if nothing does."""
        claim = self._claim(manifest)
        return None if claim is None else (claim.has or 0, manifest["metadata"].get("generation", 0))

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
    return Claim(metadata["name"], moment(metadata.get("creationTimestamp")) or LAST, asks, has)
