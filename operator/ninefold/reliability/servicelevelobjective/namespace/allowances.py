"""Whether an objective fits into the quota of its namespace, next to the other objectives in the store. Pure."""

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
"""Objectives that wait for quota, by namespace."""


@dataclass(frozen=True, slots=True)
class Allowance:
    """The decision by the quota; both fields are "" if the objective is served."""

    refusal: str = ""
    """Why the objective is not served."""
    malformed: str = ""
    """Why a written quota has no effect."""


class Allowances:
    """Decides whether objectives are served, and which may fit after another objective has released quota."""

    def __init__(self, neighbours: Neighbours) -> None:
        self._neighbours = neighbours

    def of(self, slo: ServiceLevelObjective, revision: str, asks: int, store: Store) -> Allowance:
        """The decision about an objective; `revision` and `asks` are those of its next rules: `asks` the samples they
        read."""
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
        """The objectives that wait for quota, if this objective has released some."""
        if before is None or _written(Key.of(before).namespace, store) is None:
            # No objective waits, so what this objective reads need not be computed.
            return
        had, has = self._held(before), self._held(now) if now else None
        if had is None or (has is not None and has[0] >= had[0] and (has[0] or has == had)):
            return
        key = Key.of(before)
        yield from (Key.of(other) for other in store.found(_WAITING, key.namespace) if Key.of(other) != key)

    def _held(self, manifest: Manifest) -> tuple[int, int] | None:
        """The samples and the generation that count against a quota; None if nothing does."""
        claim = self._claim(manifest)
        return None if claim is None else (claim.has or 0, manifest["metadata"].get("generation", 0))

    def _claim(self, manifest: Manifest) -> Claim | None:
        """What another objective has or waits for; None if it is not served for another reason."""
        has = self._has(manifest)
        if has is not None:
            return _claim(manifest, has, has)
        facts = self._neighbours.facts(manifest)
        if facts is None or not (able(manifest) or stalled(manifest) == EXCEEDED):
            return None
        return None if manifest["spec"].get("suspend") else _claim(manifest, facts.samples, None)

    def _has(self, manifest: Manifest) -> int | None:
        """The samples that its rules in the cluster read; None if there are no rules."""
        status = manifest.get("status") or {}
        if not status.get("inventory") or "deletionTimestamp" in manifest["metadata"]:
            return None
        if (cost := status.get("cost")) is not None:
            return int(cost["samples"])
        facts = self._neighbours.facts(manifest)
        return facts.samples if facts else 0


def _written(namespace: str, store: Store) -> str | None:
    """The quota of a namespace as written; None without a quota."""
    manifest = store.get(NAMESPACE, Key("", namespace)) or {}
    written: str | None = (manifest.get("metadata", {}).get("annotations") or {}).get(ANNOTATION)
    return written


def _claim(manifest: Manifest, asks: int, has: int | None) -> Claim:
    metadata = manifest["metadata"]
    return Claim(metadata["name"], moment(metadata.get("creationTimestamp")) or LAST, asks, has)
