"""Whether Prometheus evaluates our rules without error.

One question serves all objectives and is asked no more often than needed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.integrations.prometheus_answers import RuleGroup
from ninefold.reliability.servicelevelobjective.feedback.health import Health

log = logging.getLogger(__name__)

PENDING, SETTLED = 5.0, 55.0
"""How old an answer may be, in seconds: while a group is being waited for, and otherwise."""

_FORGET = 600.0
"""Nobody asks about a deleted objective; after these seconds it is forgotten here too."""


class RuleHealth:
    """The loaded groups by name."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._groups: dict[str, RuleGroup] = {}
        self._wanted: dict[str, float] = {}
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    def of(self, names: Sequence[str], *, loaded: bool) -> Health | None:
        """As `last`; if that is old, Prometheus is asked beside the work, which must not wait for a slow answer.

        `loaded` tells whether its present revision is known to be evaluated: until then the answer is wanted soon.
        """
        self._wanted.update(dict.fromkeys(names, _now()))
        known = self.last(names)
        settled = loaded and known is not None and known.evaluated
        asking = self._asking is not None and not self._asking.done()
        if not asking and _now() - self._asked_at > (SETTLED if settled else PENDING):
            self._asking = asyncio.create_task(self._ask())
        return known

    def last(self, names: Sequence[str]) -> Health | None:
        """The groups of an objective as last seen; None if one was missing, or if this Prometheus does not tell."""
        found = [group for name in names if (group := self._groups.get(name))]
        if len(found) < len(names):
            return None
        return Health(
            all(group.evaluated for group in found), next((group.error for group in found if group.error), "")
        )

    async def _ask(self) -> None:
        self._asked_at = _now()
        for name in [name for name, at in self._wanted.items() if at < self._asked_at - _FORGET]:
            del self._wanted[name]
        try:
            self._groups = await self._prometheus.rules(list(self._wanted))
        except (Unreachable, QueryRefused) as error:
            # What is known stays: an answer that fails says nothing about the rules.
            log.info("Prometheus does not tell about its rules: %s", error)


def _now() -> float:
    return asyncio.get_running_loop().time()
