"""The slow second source: lists everything, so that changes that a broken watch missed are still found."""

from __future__ import annotations

import asyncio
import logging
import random

from ninefold.kube.api import GROUP, Api, Key
from ninefold.kube.client import ApiError, Cluster, NotFound
from ninefold.kube.clock import Clock
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.metrics import Metrics

logger = logging.getLogger(__name__)

INTERVAL = 600.0
SPREAD = 60.0
PROBE = 30.0
_UNKNOWN = "the cluster does not know this resource: kubectl apply --server-side -k crds/"


class Sweep:
    """Lists every watched resource at intervals. The first sweep fills the store: after it the caches are synced."""

    def __init__(
        self, cluster: Cluster, dispatcher: Dispatcher, clock: Clock, metrics: Metrics, interval: float = INTERVAL
    ) -> None:
        self.interval = interval
        self.synced = asyncio.Event()
        self._cluster = cluster
        self._dispatcher = dispatcher
        self._clock = clock
        self._metrics = metrics
        self._last_read: float | None = None
        self._faults: dict[Api, str] = {}

    @property
    def age(self) -> float:
        """Seconds since everything was last read; infinite before the first time."""
        return float("inf") if self._last_read is None else self._clock.monotonic() - self._last_read

    async def run(self) -> None:
        """Sweep repeatedly; the first sweep is repeated until it succeeds."""
        while not await self.once():  # noqa: ASYNC110 - a failed listing is asked for again
            await asyncio.sleep(1.0)
        self.synced.set()
        while True:
            await self._pause(self.interval * random.uniform(0.9, 1.1))  # noqa: S311 - replicas should drift apart
            if await self.once():
                self._look_at_all()

    async def _pause(self, length: float) -> None:
        """Wait for the next sweep, or until an optional resource appears: objects that wait for it must not wait on."""
        end = self._clock.monotonic() + length
        while (left := end - self._clock.monotonic()) > 0:
            await asyncio.sleep(min(left, PROBE))
            if await self._appeared():
                return

    async def _appeared(self) -> bool:
        for api in self._dispatcher.watched:
            if self._dispatcher.optional(api) and not self._dispatcher.store.serves(api):
                try:
                    await self._cluster.list(api, "ninefold.dev/probe=none")
                except ApiError:
                    continue
                return True
        return False

    async def once(self) -> bool:
        """List every resource; False if a listing failed. Each resource is stored even if another fails."""
        faults: dict[Api, str] = {}
        for api in self._dispatcher.watched:
            try:
                await self.take(api)
            except ApiError as error:
                unknown = isinstance(error, NotFound) and api.group == GROUP
                faults[api] = _UNKNOWN if unknown else str(error)
        self._announce(faults)
        if not faults:
            self._last_read = self._clock.monotonic()
            self._metrics.last_read.set(self._clock.now().timestamp())
        return not faults

    @property
    def faults(self) -> list[str]:
        """Why the last sweep could not read everything."""
        return list(dict.fromkeys(self._faults.values()))

    def _announce(self, faults: dict[Api, str]) -> None:
        """A warning for each reason, when it is new for a resource: the first sweep is repeated every second."""
        for why in dict.fromkeys(faults.values()):
            resources = [api for api, fault in faults.items() if fault == why]
            if any(self._faults.get(api) != why for api in resources):
                logger.warning("Could not list", extra={"resource": ", ".join(a.name for a in resources), "why": why})
        if self._faults and not faults:
            logger.info("Could list everything again")
        self._faults = faults

    async def take(self, api: Api) -> None:
        """List one watched resource and bring the store in line with it. May raise ApiError."""
        store = self._dispatcher.store
        before = {key: store.get(api, key) for key in store.keys(api)}
        try:
            listed = await self._cluster.list(api, self._dispatcher.watched[api])
        except NotFound:
            if not self._dispatcher.optional(api):
                raise
            listed = []
            store.serve(api, False)
        else:
            store.serve(api, True)
        for manifest in listed:
            self._dispatcher.seen(api, manifest)
        present = {Key.of(manifest) for manifest in listed}
        for key, known in before.items():
            # Known before the listing and not in it: deleted, unless a watch has reported it again since.
            if known is not None and key not in present and store.get(api, key) is known:
                logger.info("Found a deletion that no watch reported", extra={"resource": api.name, "object": str(key)})
                self._metrics.ghosts.labels(api.plural).inc()
                self._dispatcher.gone(api, known)
        self._metrics.objects.labels(api.plural).set(store.count(api))

    def _look_at_all(self) -> None:
        """A resync, spread over time to avoid a burst."""
        for api in self._dispatcher.own:
            for key in self._dispatcher.store.keys(api):
                self._dispatcher.queue.schedule(QueueItem(api, key), random.uniform(0, SPREAD))  # noqa: S311 - no secret
