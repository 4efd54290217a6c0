"""How old the store's knowledge of a resource may be.

A broken watch looks like a watch without news. So a resource whose age matters is listed in addition to its watch,
every few seconds: this proves that the API server answers, and repairs what the watch missed.
"""

from __future__ import annotations

import asyncio
import logging

from ninefold.kube.api import Api
from ninefold.kube.client import ApiError
from ninefold.kube.clock import Clock
from ninefold.kube.sweep import Sweep

logger = logging.getLogger(__name__)

INTERVAL = 15.0


class Freshness:
    """Lists one resource repeatedly and knows when this last succeeded."""

    def __init__(self, sweep: Sweep, api: Api, clock: Clock, interval: float = INTERVAL) -> None:
        self._sweep = sweep
        self._api = api
        self._clock = clock
        self._interval = interval
        self._last: float | None = None

    def age(self) -> float:
        """Seconds since the store surely matched the API server; infinite before the first listing."""
        return float("inf") if self._last is None else self._clock.monotonic() - self._last

    async def run(self) -> None:
        while True:
            begun = self._clock.monotonic()
            try:
                await self._sweep.take(self._api)
            except ApiError as error:
                logger.warning("Could not list", extra={"resource": self._api.name, "why": str(error)})
            else:
                self._last = begun
            await asyncio.sleep(self._interval)
