"""Which rules record the series of objectives, from the list of rules that Prometheus has loaded.

One request at a time for all objectives, each about one name, so that an answer stays small in a large installation.
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
"""Seconds between two requests: usually, and while the evaluation interval is unknown."""
SETTLES = 6
"""How many intervals it takes until no sample of a former schedule is compared."""
_MOST_INTERVALS = 3
_EVALUATIONS = 2
"""How many intervals after a clock has caught up the last error from its going back disappears."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """What determines when the rules of an objective are evaluated: Prometheus spreads groups over an interval by name
    and file."""

    groups: frozenset[tuple[str, str]]
    """Names and files."""
    interval: float
    """Seconds between two evaluations; 0 where the server does not report it."""

    @property
    def split(self) -> bool:
        """Whether there are several groups, which are evaluated at different times."""
        return any(name.count("/") > 2 for name, _ in self.groups)


def schedules(recordings: Iterable[LoadedRecording]) -> dict[str, Schedule]:
    """The schedules of Ninefold's rules, by slo_id."""
    by_id: dict[str, list[LoadedRecording]] = {}
    for recording in recordings:
        if is_ours(recording):
            by_id.setdefault(recording.labels["slo_id"], []).append(recording)
    return {
        slo_id: Schedule(frozenset((rule.group, rule.file) for rule in rules), rules[-1].interval)
        for slo_id, rules in by_id.items()
    }


class Origins:
    """The results of the last requests; empty for a server that does not list its rules."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._causes: dict[str, Mapping[str, str]] = {}
        self._displaced: dict[str, Mapping[str, str]] = {}
        self._excused = 0.0
        """Until when late samples have another explanation, in seconds of the loop."""
        self._turn = 0
        self._schedules: Mapping[str, Schedule] = {}
        self._settles: dict[str, float] = {}
        self._silent = ""

    @property
    def causes(self) -> dict[str, str]:
        """By slo_id, why the measurements are contested."""
        by_name = (*self._displaced.values(), *self._causes.values())
        return {slo_id: cause for causes in by_name for slo_id, cause in causes.items()}

    @property
    def intervals(self) -> dict[str, float]:
        """Seconds between two evaluations, by slo_id."""
        return {slo_id: known.interval for slo_id, known in self._schedules.items() if known.interval}

    @property
    def split(self) -> frozenset[str]:
        """The objectives whose rules are evaluated at several times."""
        return frozenset(slo_id for slo_id, schedule in self._schedules.items() if schedule.split)

    @property
    def unsettled(self) -> frozenset[str]:
        """The objectives that may have samples of two schedules: their rules have moved to another file or group, or
        have another interval."""
        now = _now()
        self._settles = {slo_id: until for slo_id, until in self._settles.items() if until > now}
        return frozenset(self._settles)

    @property
    def usual(self) -> list[float]:
        """The intervals in use, the most common first."""
        return [interval for interval, _ in Counter(self.intervals.values()).most_common(_MOST_INTERVALS)]

    def excuse(self, seconds: float) -> None:
        """Note that Prometheus' clock went back by this much: for a while, it explains samples that are too late."""
        self._displaced.clear()
        self._excused = max(self._excused, _now() + seconds + _EVALUATIONS * max([EVERY, *self.intervals.values()]))

    async def run(self) -> None:
        """Ask repeatedly, until cancelled."""
        while True:
            await asyncio.sleep(EVERY if self.intervals else SOON)
            await self.look()

    async def look(self) -> None:
        """Ask once: about slo:info, which each objective has, and about one of FIGURES in turn."""
        name = FIGURES[self._turn % len(FIGURES)]
        self._turn += 1
        try:
            about, measured = await self._recordings(INFO), await self._recordings(name)
        except (Unreachable, QueryRefused) as error:
            # Earlier results stay: a failed request says nothing about the rules.
            self._report(str(error))
            return
        self._report("")
        self._causes[INFO], self._causes[name] = foreign_files(about), foreign_files(measured)
        if _now() >= self._excused:
            self._displaced[INFO], self._displaced[name] = displaced(about), displaced(measured)
        self._note(schedules(about))

    def _report(self, why: str) -> None:
        """Log what prevents an answer once, not at each request."""
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
        """The recordings of this cluster: a query frontend may list other clusters' rules, with their labels."""
        ours = self._prometheus.external_labels.items()
        loaded = await self._prometheus.recordings(name)
        return [rule for rule in loaded if all(rule.labels.get(label, value) == value for label, value in ours)]


def _now() -> float:
    return asyncio.get_running_loop().time()
