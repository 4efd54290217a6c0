"""Whether Prometheus evaluates Ninefold's rules without an error.

One request serves all objectives, and is made only as often as needed.
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
"""How old an answer may be, in seconds: while waiting for a group, and otherwise."""

_FORGET = 600.0
"""After how many seconds without a request an objective is forgotten, since it has been deleted."""


class RuleHealth:
    """The loaded groups by name."""

    def __init__(self, prometheus: Prometheus) -> None:
        self._prometheus = prometheus
        self._groups: dict[str, RuleGroup] = {}
        self._wanted: dict[str, float] = {}
        self._asked_at = float("-inf")
        self._asking: asyncio.Task[None] | None = None

    def of(self, names: Sequence[str], *, loaded: bool) -> Health | None:
        """Like `last`; if the answer is old, Prometheus is asked in the background, so that no reconciliation waits.

        `loaded` says whether the present revision is known to be evaluated: until then, an answer is needed soon.
        """
        self._wanted.update(dict.fromkeys(names, _now()))
        known = self.last(names)
        settled = loaded and known is not None and known.evaluated
        asking = self._asking is not None and not self._asking.done()
        if not asking and _now() - self._asked_at > (SETTLED if settled else PENDING):
            self._asking = asyncio.create_task(self._ask())
        return known

    def last(self, names: Sequence[str]) -> Health | None:
        """The health of an objective's groups as last seen; None if a group was missing, or if Prometheus does not
        report
        rules."""
        groups = [group for name in names if (group := self._groups.get(name))]
        if len(groups) < len(names):
            return None
        return Health(
            all(group.evaluated for group in groups), next((group.error for group in groups if group.error), "")
        )

    async def _ask(self) -> None:
        self._asked_at = _now()
        for name in [name for name, at in self._wanted.items() if at < self._asked_at - _FORGET]:
            del self._wanted[name]
        try:
            self._groups = await self._prometheus.rules(list(self._wanted))
        except (Unreachable, QueryRefused) as error:
            # Keep the last answer: a failed request says nothing about the rules.
            log.info("Prometheus does not report its rules: %s", error)


def _now() -> float:
    return asyncio.get_running_loop().time()
