"""What all objectives measure, from a handful of queries: a snapshot in memory that controllers read.

One poll serves every objective, so its cost in Prometheus does not grow with the number of readers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite

from ninefold.integrations.prometheus import Prometheus, Refused, Sample, Unreachable
from ninefold.reliability.servicelevelobjective.figure import Figure, Snapshot, rounded

__all__ = ["Figure", "Figures", "Snapshot"]

log = logging.getLogger(__name__)

BURN = "slo:burn_rate:"
QUERY = (
    '{__name__=~"slo:burn_rate:.+|slo:error_budget_left:ratio|slo:error_ratio:window|slo:coverage:ratio'
    '|slo:events:rate5m|slo:info",slo_id!=""}'
)
"""All that is needed for the figures of every objective."""


def read(samples: Iterable[Sample]) -> dict[str, Figure]:
    """Figures by slo_id from the samples of `QUERY`. Values that are no number are left out."""
    found: dict[str, dict[str, float]] = {}
    revisions: dict[str, str] = {}
    for sample in samples:
        name, slo_id = sample.labels["__name__"], sample.labels["slo_id"]
        values = found.setdefault(slo_id, {})
        if name == "slo:info":
            revisions[slo_id] = sample.labels.get("revision", "")
        elif isfinite(sample.value):
            values[name] = sample.value
    return {
        slo_id: Figure(
            budget_left=values.get("slo:error_budget_left:ratio"),
            error_ratio=values.get("slo:error_ratio:window"),
            burn={name.removeprefix(BURN): value for name, value in values.items() if name.startswith(BURN)},
            coverage=values.get("slo:coverage:ratio"),
            events_per_second=values.get("slo:events:rate5m"),
            revision=revisions.get(slo_id),
        )
        for slo_id, values in found.items()
    }


class Figures:
    """Polls Prometheus every `interval` seconds. `run` is the polling task; readers use `snapshot` and `changes`."""

    def __init__(
        self, prometheus: Prometheus, interval: float = 5.0, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._prometheus = prometheus
        self._interval = interval
        self._clock = clock
        self._snapshot = Snapshot()
        self._told: dict[str, object] = {}
        self._subscribers: set[_Inbox] = set()

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    async def run(self) -> None:
        """Poll until cancelled."""
        while True:
            await self.poll()
            await asyncio.sleep(self._interval)

    async def poll(self) -> None:
        """One look at Prometheus; tells subscribers what moved."""
        was_reachable, known = self._snapshot.reachable, set(self._snapshot.by_id)
        try:
            by_id = read(await self._prometheus.query(QUERY))
        except (Unreachable, Refused) as error:
            if was_reachable:
                log.warning("Prometheus cannot be asked: %s", error)
            self._snapshot = replace(self._snapshot, reachable=False, error=str(error))
            self._tell(known if was_reachable else set())
            return
        self._snapshot = Snapshot(at=self._clock(), reachable=True, error="", by_id=by_id)
        seen = {slo_id: rounded(figure) for slo_id, figure in by_id.items()}
        moved = {slo_id for slo_id in seen.keys() | self._told.keys() if seen.get(slo_id) != self._told.get(slo_id)}
        self._told = seen
        self._tell(moved if was_reachable else moved | known | set(by_id))

    async def changes(self) -> AsyncIterator[str]:
        """The slo_ids whose rounded figures moved, all of them when Prometheus is lost or found. Never ends."""
        inbox = _Inbox(set(self._snapshot.by_id))
        self._subscribers.add(inbox)
        try:
            while True:
                yield await inbox.take()
        finally:
            self._subscribers.discard(inbox)

    def _tell(self, slo_ids: set[str]) -> None:
        for inbox in self._subscribers:
            inbox.put(slo_ids)


class _Inbox:
    """What one subscriber has yet to read: a set, so that a slow reader costs no memory and no repeats."""

    def __init__(self, first: set[str]) -> None:
        self._waiting: dict[str, None] = {}
        self._filled = asyncio.Event()
        self.put(first)

    def put(self, slo_ids: set[str]) -> None:
        self._waiting.update(dict.fromkeys(slo_ids))
        if self._waiting:
            self._filled.set()

    async def take(self) -> str:
        await self._filled.wait()
        slo_id = next(iter(self._waiting))
        del self._waiting[slo_id]
        if not self._waiting:
            self._filled.clear()
        return slo_id
