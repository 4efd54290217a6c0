"""Finds out the condition SeriesFound in the background: one objective after the other, each again only while series
are
missing."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.kube.conditions import find
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Verdict
from ninefold.reliability.servicelevelobjective.feedback.matching import LOOKBACK, MetricNames, unmatched
from ninefold.reliability.servicelevelobjective.feedback.unmatched import SERIES, verdict
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

log = logging.getLogger(__name__)

SOON, LATE = 15.0, 900.0
"""Seconds until the next search for missing series: at first, and at most."""
_REMEMBERED = 10_000


@dataclass(slots=True)
class _Known:
    """What is known of one version of an objective."""

    slo: ServiceLevelObjective
    verdict: Verdict | None = None
    """None before the first answer."""
    lacks: object = None
    """What is missing, and why: while that is unchanged, so is the sentence."""
    pause: float = SOON
    due: float = float("-inf")


class SeriesSearch:
    """Whether the selectors of objectives match any series. Searches run one at a time, so that they are not a load."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._names = MetricNames(prometheus)
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._waiting: dict[str, _Known] = {}
        self._working: asyncio.Task[None] | None = None

    def verdict(self, slo: ServiceLevelObjective) -> Verdict | None:
        """The condition SeriesFound; None while it is not known, or if the status already says that everything is
        found."""
        shown = find(slo.status.conditions, SERIES)
        if shown and shown.status == "True" and shown.observed_generation == slo.metadata.generation:
            return None
        known = self._of(slo)
        if known.due <= _now():
            self._waiting[slo.slo_id] = known
            if self._working is None or self._working.done():
                self._working = asyncio.create_task(self._work())
        return known.verdict

    def _of(self, slo: ServiceLevelObjective) -> _Known:
        known = self._known.get(slo.slo_id)
        if known is None or _version(known.slo) != _version(slo):
            known = self._known[slo.slo_id] = _Known(slo)
        self._known.move_to_end(slo.slo_id)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _work(self) -> None:
        while self._waiting:
            await self._search(self._waiting.pop(next(iter(self._waiting))))

    async def _search(self, known: _Known) -> None:
        now = datetime.now(UTC)
        known.due, known.pause = _now() + known.pause, min(2 * known.pause, LATE)
        try:
            missing = await unmatched(self._prometheus, self._names, known.slo, now - LOOKBACK, now)
        except (Unreachable, QueryRefused, Stalled) as error:
            log.info("Prometheus does not report which series exist: %s", error)
            return
        lacks = [(lacking.selector, lacking.lack, lacking.fault) for lacking in missing]
        if known.verdict is None or known.lacks != lacks:
            known.verdict, known.lacks = verdict(missing), lacks


def of_components(conditions: Mapping[str, Verdict | None]) -> Verdict | None:
    """The condition of a composite, from those of its components; None while a condition is not known."""
    for truth in ("False", "Unknown"):
        for name, found in conditions.items():
            if found is not None and found.status == truth:
                return Verdict(found.status, found.reason, f"component {name}: {found.message}"[:1024])
    return None if None in conditions.values() else verdict([])


def _version(slo: ServiceLevelObjective) -> tuple[str, int]:
    return slo.metadata.uid, slo.metadata.generation


def _now() -> float:
    return asyncio.get_running_loop().time()
