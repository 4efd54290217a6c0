"""The Prometheis that provide measurements, and which of them measures an objective.

Each is queried separately, so an unreachable one affects only its own objectives. A reader of all measurements sees
from each Prometheus only the objectives that it measures: its data about other objectives does not count.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from ninefold.domain.measurements.inbox import Inbox
from ninefold.domain.measurements.measurement import Measurement, Snapshot
from ninefold.domain.measurements.poller import MeasurementPoller
from ninefold.domain.selectors.objectives import OBJECTIVES
from ninefold.integrations.prometheus import Prometheus
from ninefold.kube.api import NAMESPACE, Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.kube.store import Store

DEFAULT = "default"
"""The name of the Prometheus of the command line."""


@dataclass(frozen=True, slots=True)
class PrometheusSource:
    """One Prometheus."""

    prometheus: Prometheus
    figures: MeasurementPoller
    name: str = DEFAULT
    namespaces: Mapping[str, str] | None = None
    """The labels of the namespaces that it measures; None if it measures objectives that name it, and all others."""
    rule_labels: Mapping[str, str] = field(default_factory=dict)
    """The labels that it selects rules by."""

    def serves(self, labels: Mapping[str, str]) -> bool:
        """Whether objectives of a namespace with these labels may choose it."""
        return self.namespaces is None or self.namespaces.items() <= labels.items()


class PrometheusSources:
    """All Prometheis; the first measures what no other measures."""

    def __init__(
        self, sources: Sequence[PrometheusSource], clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self.all = sources
        self._clock = clock
        self._store = Store()
        self._parts: list[tuple[Snapshot, bool]] = []
        self._merged = Snapshot()

    def bind(self, store: Store) -> None:
        """Set the store of the objectives; to be called before the measurements of several Prometheis are read."""
        self._store = store

    def of(self, slo: Manifest) -> PrometheusSource | None:
        """The Prometheus that measures an objective; None if it names one that does not serve its namespace."""
        labels = self._labels(slo)
        if wanted := slo.get("spec", {}).get("prometheus"):
            return next((source for source in self.all if source.name == wanted and source.serves(labels)), None)
        chosen = (source for source in self.all if source.namespaces is not None and source.serves(labels))
        return next(chosen, self.all[0])

    def _labels(self, slo: Manifest) -> Mapping[str, str]:
        """The labels of the namespace of an objective."""
        namespace = self._store.get(NAMESPACE, Key("", Key.of(slo).namespace)) or {"metadata": {}}
        labels: Mapping[str, str] = namespace["metadata"].get("labels") or {}
        return labels

    def named(self, key: Key, prometheus: str | None) -> PrometheusSource:
        """The Prometheus of the objective under a key, by its spec.prometheus. Raises Stalled."""
        manifest = {"metadata": {"namespace": key.namespace, "name": key.name}, "spec": {"prometheus": prometheus}}
        source = self.of(manifest)
        if source is None:
            known = ", ".join(source.name for source in self.all if source.serves(self._labels(manifest)))
            text = f"spec.prometheus: there is no {prometheus} for this namespace: leave it out, or write one of "
            raise Stalled("NoSuchPrometheus", f"{text}{known}")
        return source

    @property
    def snapshot(self) -> Snapshot:
        """The measurements of all objectives, without those of a Prometheus that has not answered for a minute."""
        if len(self.all) == 1:
            return self.all[0].figures.snapshot
        now = self._clock()
        parts = [(part := source.figures.snapshot, part.fresh(now)) for source in self.all]
        if len(parts) != len(self._parts) or any(map(_differ, parts, self._parts)):
            self._parts, self._merged = parts, self._merge([part for part, _ in parts], now)
        return self._merged

    def _merge(self, parts: Sequence[Snapshot], now: datetime) -> Snapshot:
        by_id: dict[str, Measurement] = {}
        for slo in self._store.all(OBJECTIVES):
            source, slo_id = self.of(slo), str(Key.of(slo))
            part = source.figures.snapshot if source else Snapshot()
            if part.fresh(now) and slo_id in part.by_id:
                by_id[slo_id] = part.by_id[slo_id]
        return Snapshot(
            at=max((part.at for part in parts if part.at), default=None),
            reachable=any(part.reachable for part in parts),
            error="; ".join(part.error for part in parts if part.error),
            by_id=by_id,
        )

    async def changes(self) -> AsyncIterator[str]:
        """The slo_ids whose measurements changed in any Prometheus. Never ends."""
        inbox = Inbox(set())
        tasks = [asyncio.create_task(_forward(source.figures, inbox)) for source in self.all]
        try:
            while True:
                yield await inbox.take()
        finally:
            for task in tasks:
                task.cancel()


def _differ(before: tuple[Snapshot, bool], other: tuple[Snapshot, bool]) -> bool:
    return before[0] is not other[0] or before[1] != other[1]


async def _forward(figures: MeasurementPoller, inbox: Inbox) -> None:
    async for slo_id in figures.changes():
        inbox.put({slo_id})
