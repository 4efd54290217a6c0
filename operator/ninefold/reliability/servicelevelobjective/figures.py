"""What all objectives measure, from a handful of queries: a snapshot in memory that controllers read.

One poll serves every objective, so its cost in Prometheus does not grow with the number of readers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from math import isfinite

from ninefold.integrations.prometheus import Prometheus, Refused, Sample, Unreachable

log = logging.getLogger(__name__)

BURN = "slo:burn_rate:"
QUERY = (
    '{__name__=~"slo:burn_rate:.+|slo:error_budget_left:ratio|slo:error_ratio:window|slo:coverage:ratio'
    '|slo:events:rate5m|slo:info",slo_id!=""}'
)


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured for one objective; None where Prometheus has no value."""

    budget_left: float | None = None
    """1 untouched, 0 spent, negative overspent."""
    error_ratio: float | None = None
    """Bad events over all events in the objective's window, 0 to 1."""
    burn: Mapping[str, float] = field(default_factory=dict)
    """Burn rates by window, "1h" and so on; a window without traffic is absent."""
    coverage: float | None = None
    """The share of the objective's window that has data, 0 to 1."""
    events_per_second: float | None = None
    """All events, good and bad, over the last 5 minutes; 0 when idle, None when the total does not exist."""
    revision: str | None = None
    """The revision of the rules that Prometheus evaluates."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All figures of one poll. While Prometheus cannot be reached the last figures stay, and `at` tells their age."""

    at: datetime | None = None
    """When the last good poll was."""
    reachable: bool = False
    error: str = "Prometheus has not been asked yet"
    by_id: Mapping[str, Figure] = field(default_factory=dict)


def read(samples: list[Sample]) -> dict[str, Figure]:
    """Figures by slo_id from the samples of the poll. Values that are no number are left out."""
    builders: dict[str, dict[str, float | str]] = {}
    for sample in samples:
        name, slo_id = sample.labels["__name__"], sample.labels["slo_id"]
        found = builders.setdefault(slo_id, {})
        if name == "slo:info":
            found[name] = sample.labels.get("revision", "")
        elif isfinite(sample.value):
            found[name] = sample.value
    return {slo_id: _figure(found) for slo_id, found in builders.items()}


def _figure(found: Mapping[str, float | str]) -> Figure:
    def number(name: str) -> float | None:
        value = found.get(name)
        return value if isinstance(value, float) else None

    revision = found.get("slo:info")
    return Figure(
        budget_left=number("slo:error_budget_left:ratio"),
        error_ratio=number("slo:error_ratio:window"),
        burn={name.removeprefix(BURN): float(value) for name, value in found.items() if name.startswith(BURN)},
        coverage=number("slo:coverage:ratio"),
        events_per_second=number("slo:events:rate5m"),
        revision=revision if isinstance(revision, str) else None,
    )


def _rounded(figure: Figure) -> object:
    """What must differ for a reader to be told."""
    return (
        _steps(figure.budget_left),
        {window: f"{burn:.2g}" for window, burn in figure.burn.items()},
        _steps(figure.coverage),
        figure.events_per_second is None,
        figure.events_per_second == 0,
        figure.revision,
    )


def _steps(value: float | None) -> int | None:
    return None if value is None else round(value * 1000)


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
        seen = {slo_id: _rounded(figure) for slo_id, figure in by_id.items()}
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
        self._waiting = dict.fromkeys(first)
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
