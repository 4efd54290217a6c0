"""Measures what the expressions of users read in a Prometheus, and with it the cost of an objective.

A measurement reads as much as one evaluation. It runs in the background, once for each revision and then hourly.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass

from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.cost.estimate import Estimate, estimate
from ninefold.reliability.servicelevelobjective.status import Cost

log = logging.getLogger(__name__)

HOURLY, AGAIN = 3_600.0, 60.0
"""How old a measurement may be, and when to repeat a failed measurement; in seconds."""
_REMEMBERED = 10_000


@dataclass(slots=True)
class _KnownCost:
    """What is known of one revision of a group."""

    revision: str
    estimate: Estimate
    question: str
    """PromQL that reads what the user's expressions read; "" if there are no expressions."""
    raw: int | None = None
    """The samples that they read; None until measured."""
    due: float = float("-inf")
    """When to measure."""


class Readings:
    """The costs of groups by name. Measurements run one at a time, so that they are not a load themselves."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._known: OrderedDict[str, _KnownCost] = OrderedDict()
        self._waiting: dict[str, _KnownCost] = {}
        self._working: asyncio.Task[None] | None = None
        self._reports_samples = True
        """Whether this server returns statistics of queries."""

    def estimate(self, group: Group) -> Estimate:
        """The estimate, which needs no Prometheus."""
        return self._of(group).estimate

    def cost(self, group: Group, groups: int) -> Cost | None:
        """The cost with `groups` groups; None until measured. Without the user's expressions if the server does not
        report
        what they read."""
        known = self._of(group)
        if not self._reports_samples or not known.question:
            return known.estimate.cost(groups)
        if known.due <= _now():
            self._waiting[group.name] = known
            if self._working is None or self._working.done():
                self._working = asyncio.create_task(self._work())
        return None if known.raw is None else known.estimate.cost(groups, known.raw)

    def _of(self, group: Group) -> _KnownCost:
        known = self._known.get(group.name)
        if known is None or known.revision != group.revision:
            # count() reads the same samples, and answers with few series.
            question = " or ".join(f"count({expression})" for expression in group.user_expressions)
            known = self._known[group.name] = _KnownCost(group.revision, estimate(group), question)
        self._known.move_to_end(group.name)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _work(self) -> None:
        while self._waiting and self._reports_samples:
            name = next(iter(self._waiting))
            await self._measure(self._waiting.pop(name))

    async def _measure(self, known: _KnownCost) -> None:
        try:
            raw = await self._prometheus.samples_read(known.question)
        except (Unreachable, QueryRefused) as error:
            log.info("Prometheus does not report what an expression reads: %s", error)
            known.due = _now() + AGAIN
            return
        if raw is None:
            log.info("This Prometheus returns no statistics of queries: costs include only the recordings")
            self._reports_samples = False
            return
        known.raw, known.due = raw, _now() + HOURLY


def _now() -> float:
    return asyncio.get_running_loop().time()
