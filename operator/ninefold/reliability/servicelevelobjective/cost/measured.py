"""What the expressions of users read in this Prometheus, and with it the cost of an objective.

A measurement reads as much as one evaluation does. It is made beside the work, once for each revision and then hourly.
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
"""How old a measurement may be, and when one that failed is tried again; in seconds."""
_REMEMBERED = 10_000


@dataclass(slots=True)
class _KnownCost:
    """What is known of one revision of a group."""

    revision: str
    estimate: Estimate
    question: str
    """PromQL that reads what the user's expressions read; "" if there are none."""
    raw: int | None = None
    """Samples; None before they were measured."""
    due: float = float("-inf")
    """When to measure."""


class Readings:
    """The cost of groups by name. Measurements wait for each other, so that they are no load of their own."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._known: OrderedDict[str, _KnownCost] = OrderedDict()
        self._waiting: dict[str, _KnownCost] = {}
        self._working: asyncio.Task[None] | None = None
        self._tells = True
        """Whether this server gives statistics of a query at all."""

    def estimate(self, group: Group) -> Estimate:
        """What can be told without Prometheus."""
        return self._of(group).estimate

    def cost(self, group: Group, groups: int) -> Cost | None:
        """With so many groups; None until measured. Without what users wrote where the server does not tell."""
        known = self._of(group)
        if not self._tells or not known.question:
            return known.estimate.cost(groups)
        if known.due <= _now():
            self._waiting[group.name] = known
            if self._working is None or self._working.done():
                self._working = asyncio.create_task(self._work())
        return None if known.raw is None else known.estimate.cost(groups, known.raw)

    def _of(self, group: Group) -> _KnownCost:
        known = self._known.get(group.name)
        if known is None or known.revision != group.revision:
            # An answer of few series: to count them reads the same.
            question = " or ".join(f"count({expression})" for expression in group.user_expressions)
            known = self._known[group.name] = _KnownCost(group.revision, estimate(group), question)
        self._known.move_to_end(group.name)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return known

    async def _work(self) -> None:
        while self._waiting and self._tells:
            name = next(iter(self._waiting))
            await self._measure(self._waiting.pop(name))

    async def _measure(self, known: _KnownCost) -> None:
        try:
            raw = await self._prometheus.samples_read(known.question)
        except (Unreachable, QueryRefused) as error:
            log.info("Prometheus does not tell what an expression reads: %s", error)
            known.due = _now() + AGAIN
            return
        if raw is None:
            log.info("This Prometheus gives no statistics of queries: costs are those of the recordings alone")
            self._tells = False
            return
        known.raw, known.due = raw, _now() + HOURLY


def _now() -> float:
    return asyncio.get_running_loop().time()
