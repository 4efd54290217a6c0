"""What all objectives measure, from a handful of queries: a snapshot in memory that controllers read.

One poll serves every objective, so its cost in Prometheus does not grow with the number of readers.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from math import isfinite
from typing import Any

from ninefold.integrations.prometheus import Prometheus, Refused, Sample, Unreachable
from ninefold.reliability.servicelevelobjective.contested import (
    BURN,
    FIGURES,
    INFO,
    PARTS,
    between,
    compared,
    foreign_label,
    foreign_times,
)
from ninefold.reliability.servicelevelobjective.figure import Figure, Snapshot, rounded, worst
from ninefold.reliability.servicelevelobjective.origins import Origins
from ninefold.reliability.servicelevelobjective.serverclock import SKEW, ServerClock

__all__ = ["Figure", "Figures", "Snapshot"]

log = logging.getLogger(__name__)

CALM = 8
"""How many polls without a trace of somebody else it takes until contested figures count again."""
REMEDY = (
    "check --prometheus-url (the chart's prometheus.url) or its entry in --prometheus-config (prometheus.further), and "
    "that a NetworkPolicy lets the operator reach it"
)


def _query(names: Iterable[str], matcher: str) -> str:
    return f'{{__name__=~"{BURN}.+|{INFO}|{"|".join(names)}|ALERTS",{matcher},alertstate!="pending"}}'


QUERY = _query((*FIGURES, *PARTS), 'slo_id!=""')
"""All that is needed for the figures of every objective, and to see whose they are."""


def query_of(slo_id: str) -> str:
    """The figures of one objective."""
    return _query(FIGURES, f'slo_id="{slo_id}"')


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


def read(samples: Iterable[Sample], causes: Mapping[str, str] | None = None) -> dict[str, Figure]:
    """Figures by slo_id from the samples of `QUERY`. Values that are no number are left out; `causes` says by slo_id
    why figures are contested."""
    by_id: dict[str, list[Sample]] = {}
    for sample in samples:
        by_id.setdefault(sample.labels["slo_id"], []).append(sample)
    return {
        slo_id: _contested(found, (causes or {}).get(slo_id, "")) or _figure(found) for slo_id, found in by_id.items()
    }


def _contested(samples: Sequence[Sample], cause: str) -> Figure | None:
    """None if the samples are of our rules. Alerts are no figures: anybody may alert on our series."""
    recorded = [sample for sample in samples if sample.labels["__name__"] != "ALERTS"]
    cause = foreign_label(recorded) or cause
    return Figure(contested=cause, revision=_about(samples).get("revision")) if cause else None


def _about(samples: Iterable[Sample]) -> Mapping[str, str]:
    """What slo:info says."""
    return next((sample.labels for sample in samples if sample.labels["__name__"] == INFO), {})


def _figure(samples: list[Sample]) -> Figure:
    info = _about(samples)
    groups = info.get("group_by", "")
    told: dict[str, Any] = {"revision": info.get("revision"), "promised": _share(info.get("objective"))}
    if not groups:
        return replace(_plain(samples), **told)
    by_group: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.labels["__name__"] != INFO:
            values = [sample.labels.get(label, "") for label in groups.split(",")]
            # What lacks a label was recorded before the objective had these groups.
            if all(values):
                by_group.setdefault("/".join(values), []).append(sample)
    return replace(worst({name: _plain(by_group[name]) for name in sorted(by_group)}), **told)


def _share(text: str | None) -> float | None:
    """A share between 0 and 1, both excluded; None for anything else."""
    try:
        share = float(text or "")
    except ValueError:
        return None
    return share if 0 < share < 1 else None


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
        self._origins = Origins(prometheus)
        self._server_clock = ServerClock()
        self._compared: list[str] = []
        self._interval = interval
        self._clock = clock
        self._snapshot = Snapshot()
        self._fresh = False
        self._doubts: dict[str, tuple[Figure, float]] = {}
        """What was contested lately, and until when that lasts, in seconds of the loop."""
        self._told: dict[str, object] = {}
        self._subscribers: set[Inbox] = set()

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    async def run(self) -> None:
        """Poll until cancelled. Where rules are from is known before the first figure counts."""
        await self._origins.look()
        await asyncio.gather(self._origins.run(), self._poll_on())

    async def _poll_on(self) -> None:
        while True:
            await self.poll()
            await asyncio.sleep(self._interval)

    async def poll(self) -> None:
        """One look at Prometheus; tells subscribers what moved."""
        was_reachable, known = self._snapshot.reachable, set(self._snapshot.by_id)
        try:
            by_id = await self._read()
        except (Unreachable, Refused) as error:
            if was_reachable or not self._snapshot.asked:
                log.warning(
                    "Prometheus cannot be asked, so that every budget which it measures is Unknown: %s; %s",
                    error,
                    REMEDY,
                )
            self._snapshot = replace(self._snapshot, reachable=False, error=str(error))
            # Readers are woken when it is lost, and once more when its last figures count no longer.
            aged = self._fresh and not self._snapshot.fresh(self._clock())
            self._fresh = self._fresh and not aged
            self._tell(known if was_reachable or aged else set())
            return
        self._fresh = True
        if not was_reachable:
            log.info("Prometheus answers")
        self._snapshot = Snapshot(at=self._clock(), reachable=True, error="", by_id=by_id)
        seen = {slo_id: rounded(figure) for slo_id, figure in by_id.items()}
        moved = {slo_id for slo_id in seen.keys() | self._told.keys() if seen.get(slo_id) != self._told.get(slo_id)}
        self._told = seen
        self._tell(moved if was_reachable else moved | known | set(by_id))

    async def _read(self) -> dict[str, Figure]:
        usual = self._origins.usual
        samples = await self._ask(usual)
        if usual and (names := compared(samples)) != self._compared:
            # A burn rate counts once its times are compared.
            self._compared = names
            samples = await self._ask(usual)
        if not usual:
            return self._doubted(read(samples, self._origins.causes))
        suspected = await self._between(samples, usual[0])
        held = self._held(suspected)
        causes = self._origins.causes
        causes |= {slo_id: cause for slo_id, cause in suspected.items() if slo_id not in held}
        found = read((sample for sample in samples if not _unseen(sample, self._compared)), causes)
        found |= {slo_id: figure for slo_id, figure in held.items() if slo_id in found and not found[slo_id].contested}
        return self._doubted(found)

    async def _between(self, samples: Sequence[Sample], usual: float) -> dict[str, str]:
        """By slo_id a sentence about samples between the evaluations of our rules, where those have one time."""
        found = foreign_times(samples, self._origins.intervals, usual)
        if found.keys() - self._doubts.keys() - self._origins.unsettled:
            # Rules that have just moved have samples of two schedules; what is known of them may be a minute old.
            await self._origins.look()
        return {slo_id: cause for slo_id, cause in found.items() if slo_id not in self._origins.split}

    def _held(self, suspected: Iterable[str]) -> dict[str, Figure]:
        """The last figures of objectives whose rules have just moved: times tell nothing of them yet, so that neither
        are the present ones believed, nor is anybody suspected."""
        last = self._snapshot.by_id
        moved = self._origins.unsettled.intersection(suspected, last)
        return {slo_id: last[slo_id] for slo_id in moved if not last[slo_id].contested}

    def _doubted(self, found: dict[str, Figure]) -> dict[str, Figure]:
        """Contested for some polls more: two writers of a series take turns, and one poll may see only one of them."""
        now = asyncio.get_running_loop().time()
        lasts = now + CALM * self._interval
        doubts = {slo_id: doubt for slo_id, doubt in self._doubts.items() if doubt[1] > now and slo_id in found}
        doubts |= {slo_id: (figure, lasts) for slo_id, figure in found.items() if figure.contested}
        self._doubts = doubts
        return found | {slo_id: figure for slo_id, (figure, _) in doubts.items()}

    async def _ask(self, intervals: Collection[float]) -> list[Sample]:
        """The figures, and which of them have samples of somebody else, as of one moment."""
        guard = f" or {between(intervals, self._compared)}" if intervals else ""
        began = asyncio.get_running_loop().time()
        samples = await self._prometheus.query(QUERY + guard)
        if samples:
            self._check_clock(samples[0].at, began)
        return samples

    def _check_clock(self, at: float, began: float) -> None:
        """Raises Unreachable for figures of the past."""
        if went_back := self._server_clock.saw(at, began, asyncio.get_running_loop().time()):
            log.warning("Prometheus' clock went back", extra={"seconds": round(went_back, 1)})
            self._origins.excuse(self._server_clock.behind(at))
        if (behind := self._server_clock.behind(at)) > SKEW:
            raise Unreachable(
                f"its clock has gone back, and for {behind:.0f} s to come no rule can record anything: check that clock"
            )

    async def changes(self) -> AsyncIterator[str]:
        """The slo_ids whose rounded figures moved, all of them when Prometheus is lost or found. Never ends."""
        inbox = Inbox(set(self._snapshot.by_id))
        self._subscribers.add(inbox)
        try:
            while True:
                yield await inbox.take()
        finally:
            self._subscribers.discard(inbox)

    def _tell(self, slo_ids: set[str]) -> None:
        for inbox in self._subscribers:
            inbox.put(slo_ids)


def _unseen(sample: Sample, compared: Collection[str]) -> bool:
    """Whether it is no figure, or a burn rate whose times were not compared."""
    name = sample.labels.get("__name__", "")
    return not name or (name.startswith(BURN) and name not in compared)


class Inbox:
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
