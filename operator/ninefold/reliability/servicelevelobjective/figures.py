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
from typing import Any

from ninefold.integrations.prometheus import Prometheus, Refused, Sample, Unreachable
from ninefold.reliability.servicelevelobjective.figure import Figure, Snapshot, rounded, worst

__all__ = ["Figure", "Figures", "Snapshot"]

log = logging.getLogger(__name__)

BURN = "slo:burn_rate:"
QUERY = (
    '{__name__=~"slo:burn_rate:.+|slo:error_budget_left:ratio|slo:error_ratio:window|slo:coverage:ratio'
    "|slo:events:rate5m|slo:time_to_exhaustion:seconds|slo:indicator_excess:ratio|slo:agreement:error_ratio"
    '|slo:blame:ratio|slo:info|ALERTS",slo_id!="",alertstate!="pending"}'
)
"""All that is needed for the figures of every objective."""


def query_of(slo_id: str) -> str:
    """The same for one objective."""
    return QUERY.replace('slo_id!=""', f'slo_id="{slo_id}"')


_FIELDS = {
    "slo:error_budget_left:ratio": "budget_left",
    "slo:error_ratio:window": "error_ratio",
    "slo:coverage:ratio": "coverage",
    "slo:events:rate5m": "events_per_second",
    "slo:time_to_exhaustion:seconds": "exhausted_in",
    "slo:indicator_excess:ratio": "excess",
    "slo:agreement:error_ratio": "agreed_error_ratio",
}
"""The fields of a figure by the recordings that hold them."""


def read(samples: Iterable[Sample]) -> dict[str, Figure]:
    """Figures by slo_id from the samples of `QUERY`. Values that are no number are left out."""
    by_id: dict[str, list[Sample]] = {}
    for sample in samples:
        by_id.setdefault(sample.labels["slo_id"], []).append(sample)
    return {slo_id: _figure(found) for slo_id, found in by_id.items()}


def _figure(samples: list[Sample]) -> Figure:
    info = next((sample.labels for sample in samples if sample.labels["__name__"] == "slo:info"), {})
    groups = info.get("group_by", "")
    revision = info.get("revision")
    if not groups:
        return replace(_plain(samples), revision=revision)
    by_group: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.labels["__name__"] != "slo:info":
            name = "/".join(sample.labels.get(label, "") for label in groups.split(","))
            by_group.setdefault(name, []).append(sample)
    return replace(worst({name: _plain(by_group[name]) for name in sorted(by_group)}), revision=revision)


def _plain(samples: list[Sample]) -> Figure:
    """The figures of one group, or of an objective without."""
    values: dict[str, Any] = {}
    burn: dict[str, float] = {}
    blame: dict[str, float] = {}
    firing = set()
    for sample in samples:
        name = sample.labels["__name__"]
        if name == "ALERTS":
            firing.add(sample.labels.get("burn_tier", ""))
        elif not isfinite(sample.value):
            continue
        elif name.startswith(BURN):
            burn[name.removeprefix(BURN)] = sample.value
        elif name == "slo:blame:ratio":
            blame[sample.labels.get("component", "")] = sample.value
        elif name in _FIELDS:
            values[_FIELDS[name]] = sample.value
    return replace(Figure(burn=burn, blame=blame, firing=frozenset(firing)), **values)


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
