"""Which rules record the series of objectives, as Prometheus shows all that it has loaded.

One question at a time for all objectives, each about one name, so that an answer stays small in a large installation.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ninefold.domain.measurements.contested import displaced, foreign_files, is_ours
from ninefold.domain.measurements.series import FIGURES, INFO
from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.integrations.prometheus_answers import LoadedRecording

log = logging.getLogger(__name__)

EVERY, SOON = 60.0, 5.0
"""Seconds between two looks, and while the interval of evaluation is not known."""
SETTLES = 6
"""How many intervals it takes until no sample of a former schedule is compared any more."""
_MOST_INTERVALS = 3
_EVALUATIONS = 2
"""How many intervals after a clock has caught up the last fault of its going back is gone."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What decides when the rules of an objective are evaluated: Prometheus spreads groups over an interval by their
    names and files."""

    groups: frozenset[tuple[str, str]]
    """Names and files."""
    interval: float
    """Seconds between two evaluations; 0 where the server does not tell."""

    @property
    def split(self) -> bool:
        """Whether there are several groups, evaluated at times of their own."""
        return any(name.count("/") > 2 for name, _ in self.groups)


def schedules(recordings: Iterable[LoadedRecording]) -> dict[str, Schedule]:
    """Those of our rules, by slo_id."""
    found: dict[str, list[LoadedRecording]] = {}
    for each in recordings:
        if is_ours(each):
            found.setdefault(each.labels["slo_id"], []).append(each)
    return {
        slo_id: Schedule(frozenset((each.group, each.file) for each in ours), ours[-1].interval)
        for slo_id, ours in found.items()
    }


class Origins:
    """What the last looks have shown. Where a server does not show its rules, nothing is known."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._causes: dict[str, Mapping[str, str]] = {}
        self._displaced: dict[str, Mapping[str, str]] = {}
        self._excused = 0.0
        """Until when it tells nothing that samples come too late."""
        self._turn = 0
        self._schedules: Mapping[str, Schedule] = {}
        self._settles: dict[str, float] = {}
        self._silent = ""

    @property
    def causes(self) -> dict[str, str]:
        """By slo_id, why its figures are contested."""
        found = (*self._displaced.values(), *self._causes.values())
        return {slo_id: cause for causes in found for slo_id, cause in causes.items()}

    @property
    def intervals(self) -> dict[str, float]:
        """Seconds between two evaluations, by slo_id."""
        return {slo_id: each.interval for slo_id, each in self._schedules.items() if each.interval}

    @property
    def split(self) -> frozenset[str]:
        """The objectives whose rules are evaluated at several times."""
        return frozenset(slo_id for slo_id, each in self._schedules.items() if each.split)

    @property
    def unsettled(self) -> frozenset[str]:
        """The objectives of which there may be samples of two schedules: their rules have moved to another file or
        group, or have another interval."""
        now = _now()
        self._settles = {slo_id: until for slo_id, until in self._settles.items() if until > now}
        return frozenset(self._settles)

    @property
    def usual(self) -> list[float]:
        """The intervals that there are, the most usual first."""
        return [interval for interval, _ in Counter(self.intervals.values()).most_common(_MOST_INTERVALS)]

    def excuse(self, seconds: float) -> None:
        """The clock of Prometheus went back by so much: that samples come too late is nobody's doing for a while."""
        self._displaced.clear()
        self._excused = max(self._excused, _now() + seconds + _EVALUATIONS * max([EVERY, *self.intervals.values()]))

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(EVERY if self.intervals else SOON)
            await self.look()

    async def look(self) -> None:
        """One look: at slo:info, which each objective has, and at a figure, each in its turn."""
        name = FIGURES[self._turn % len(FIGURES)]
        self._turn += 1
        try:
            about, found = await self._recordings(INFO), await self._recordings(name)
        except (Unreachable, QueryRefused) as error:
            # What is known stays: an answer that fails says nothing about the rules.
            self._report(str(error))
            return
        self._report("")
        self._causes[INFO], self._causes[name] = foreign_files(about), foreign_files(found)
        if _now() >= self._excused:
            self._displaced[INFO], self._displaced[name] = displaced(about), displaced(found)
        self._note(schedules(about))

    def _report(self, why: str) -> None:
        """Say what prevents an answer once, not at each look."""
        if why and why != self._silent:
            log.info("Prometheus does not show which rules it has loaded: %s", why)
        self._silent = why

    def _note(self, seen: Mapping[str, Schedule]) -> None:
        for slo_id, after in seen.items():
            before = self._schedules.get(slo_id, after)
            if before != after:
                self._settles[slo_id] = _now() + SETTLES * max(before.interval, after.interval)
        self._schedules = seen

    async def _recordings(self, name: str) -> list[LoadedRecording]:
        """Those of this cluster: a query front may show the rules of others, with their labels."""
        ours = self._prometheus.external_labels.items()
        found = await self._prometheus.recordings(name)
        return [each for each in found if all(each.labels.get(label, value) == value for label, value in ours)]


def _now() -> float:
    return asyncio.get_running_loop().time()
