"""The measurements of all objectives, from a few queries: a snapshot in memory that controllers read.

One poll serves every objective, so its cost in Prometheus does not grow with the number of readers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

from ninefold.domain.measurements.contested import between, compared, foreign_times
from ninefold.domain.measurements.inbox import Inbox
from ninefold.domain.measurements.measurement import Measurement, Snapshot, rounded
from ninefold.domain.measurements.origins import Origins
from ninefold.domain.measurements.samples import QUERY, read
from ninefold.domain.measurements.series import BURN
from ninefold.domain.measurements.server_clock import SKEW, ServerClock
from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.integrations.prometheus_answers import Sample

log = logging.getLogger(__name__)

CALM = 8
"""How many polls without a foreign sample it takes until contested measurements count again."""
REMEDY = (
    "check --prometheus-url (the chart's prometheus.url) or its entry in --prometheus-config (prometheus.further), and "
    "that a NetworkPolicy lets the operator reach it"
)


class MeasurementPoller:
    """Polls Prometheus every `interval` seconds. `run` is the polling task; readers use `snapshot` and `changes`."""

    def __init__(
        self, prometheus: Prometheus, interval: float = 5.0, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._prometheus = prometheus
        self._origins = Origins(prometheus)
        self._server_clock = ServerClock()
        self._compared: list[str] = []
        self._interval = interval
        self._clock = clock
        self._snapshot = Snapshot()
        self._fresh = False
        self._doubts: dict[str, tuple[Measurement, float]] = {}
        """Recently contested measurements, and until when they stay contested, in seconds of the loop."""
        self._published: dict[str, object] = {}
        self._subscribers: set[Inbox] = set()

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    async def run(self) -> None:
        """Poll until cancelled. The origin of the rules is known before the first measurement counts."""
        await self._origins.look()
        await asyncio.gather(self._origins.run(), self._poll_on())

    async def _poll_on(self) -> None:
        while True:
            await self.poll()
            await asyncio.sleep(self._interval)

    async def poll(self) -> None:
        """Poll Prometheus once; notifies subscribers of changes."""
        was_reachable, known = self._snapshot.reachable, set(self._snapshot.by_id)
        try:
            by_id = await self._read()
        except (Unreachable, QueryRefused) as error:
            if was_reachable or not self._snapshot.asked:
                log.warning(
                    "Prometheus cannot be queried, so every budget that it measures is Unknown: %s; %s",
                    error,
                    REMEDY,
                )
            self._snapshot = replace(self._snapshot, reachable=False, error=str(error))
            # Readers are woken when Prometheus is lost, and again when its last measurements no longer count.
            aged = self._fresh and not self._snapshot.fresh(self._clock())
            self._fresh = self._fresh and not aged
            self._notify(known if was_reachable or aged else set())
            return
        self._fresh = True
        if not was_reachable:
            log.info("Prometheus answers")
        self._snapshot = Snapshot(at=self._clock(), reachable=True, error="", by_id=by_id)
        seen = {slo_id: rounded(figure) for slo_id, figure in by_id.items()}
        published = self._published
        moved = {slo_id for slo_id in seen.keys() | published.keys() if seen.get(slo_id) != published.get(slo_id)}
        self._published = seen
        self._notify(moved if was_reachable else moved | known | set(by_id))

    async def _read(self) -> dict[str, Measurement]:
        usual = self._origins.usual
        samples = await self._ask(usual)
        if usual and (names := compared(samples)) != self._compared:
            # A burn rate counts only after its times are compared.
            self._compared = names
            samples = await self._ask(usual)
        if not usual:
            return self._doubted(read(samples, self._origins.causes))
        suspected = await self._between(samples, usual[0])
        held = self._held(suspected)
        causes = self._origins.causes
        causes |= {slo_id: cause for slo_id, cause in suspected.items() if slo_id not in held}
        measured = read((sample for sample in samples if not _unseen(sample, self._compared)), causes)
        measured |= {
            slo_id: last for slo_id, last in held.items() if slo_id in measured and not measured[slo_id].contested
        }
        return self._doubted(measured)

    async def _between(self, samples: Sequence[Sample], usual: float) -> dict[str, str]:
        """Sentences by slo_id about samples between the evaluations of rules that all have the same time."""
        suspected = foreign_times(samples, self._origins.intervals, usual)
        if suspected.keys() - self._doubts.keys() - self._origins.unsettled:
            # Rules that have just moved have samples of two schedules; the known schedule may be a minute old.
            await self._origins.look()
        return {slo_id: cause for slo_id, cause in suspected.items() if slo_id not in self._origins.split}

    def _held(self, suspected: Iterable[str]) -> dict[str, Measurement]:
        """The last measurements of objectives whose rules have just moved. Times prove nothing about them yet, so the
        present measurements do not count and no writer is suspected."""
        last = self._snapshot.by_id
        moved = self._origins.unsettled.intersection(suspected, last)
        return {slo_id: last[slo_id] for slo_id in moved if not last[slo_id].contested}

    def _doubted(self, measured: dict[str, Measurement]) -> dict[str, Measurement]:
        """Keep measurements contested for some polls: two writers alternate, and a poll may see only one."""
        now = asyncio.get_running_loop().time()
        lasts = now + CALM * self._interval
        doubts = {slo_id: doubt for slo_id, doubt in self._doubts.items() if doubt[1] > now and slo_id in measured}
        doubts |= {slo_id: (figure, lasts) for slo_id, figure in measured.items() if figure.contested}
        self._doubts = doubts
        return measured | {slo_id: figure for slo_id, (figure, _) in doubts.items()}

    async def _ask(self, intervals: Collection[float]) -> list[Sample]:
        """The measurements, and the names of those with foreign samples, as of one moment."""
        guard = f" or {between(intervals, self._compared)}" if intervals else ""
        began = asyncio.get_running_loop().time()
        samples = await self._prometheus.query(QUERY + guard)
        if samples:
            self._check_clock(samples[0].at, began)
        return samples

    def _check_clock(self, at: float, began: float) -> None:
        """Raises Unreachable for measurements of the past."""
        if went_back := self._server_clock.saw(at, began, asyncio.get_running_loop().time()):
            log.warning("Prometheus' clock went back", extra={"seconds": round(went_back, 1)})
            self._origins.excuse(self._server_clock.behind(at))
        if (behind := self._server_clock.behind(at)) > SKEW:
            raise Unreachable(
                f"its clock has gone back, and for another {behind:.0f} s no rule can record anything: check that clock"
            )

    async def changes(self) -> AsyncIterator[str]:
        """The slo_ids whose rounded measurements changed; all when Prometheus is lost or found. Never ends."""
        inbox = Inbox(set(self._snapshot.by_id))
        self._subscribers.add(inbox)
        try:
            while True:
                yield await inbox.take()
        finally:
            self._subscribers.discard(inbox)

    def _notify(self, slo_ids: set[str]) -> None:
        for inbox in self._subscribers:
            inbox.put(slo_ids)


def _unseen(sample: Sample, compared: Collection[str]) -> bool:
    """Whether the sample is no measurement, or a burn rate whose times were not compared."""
    name = sample.labels.get("__name__", "")
    return not name or (name.startswith(BURN) and name not in compared)
