"""The process: every replica watches and serves, and the holder of the Lease acts."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ninefold.kube.api import Api, Key
from ninefold.kube.client import ApiError, Cluster
from ninefold.kube.clock import Clock, SystemClock
from ninefold.kube.controller import AnyController
from ninefold.kube.dispatch import Dispatcher, QueueItem
from ninefold.kube.events import Recorder
from ninefold.kube.fence import Fence
from ninefold.kube.follower import Follower
from ninefold.kube.freshness import Freshness
from ninefold.kube.holding import Holding
from ninefold.kube.informer import Informer
from ninefold.kube.lease import Lease
from ninefold.kube.metrics import Metrics
from ninefold.kube.performer import Performer
from ninefold.kube.queue import WorkQueue
from ninefold.kube.reconciler import Outcome, Reconciler
from ninefold.kube.server import Check, Endpoint, application, serve
from ninefold.kube.store import Store
from ninefold.kube.sweep import INTERVAL, Sweep

logger = logging.getLogger(__name__)

LOOP_LAG_LIMIT = 10.0
QUEUE_AGE_LIMIT = 300.0
GRACE = 5.0
"""Seconds that a successor waits for the reconciliations and effects in progress. The successor repeats an interrupted
reconciliation, and an interrupted effect under the same key."""
EFFECTS_GRACE = 3.0
EVENTS_GRACE = 1.0
"""Seconds that a successor waits for the last Events."""
WATCHES_GRACE = 1.0
"""Seconds that the process waits for the watches at its end; they have nothing to finish."""


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How the process runs. `lease` is None where only one replica can run."""

    workers: int = 16
    host: str = "127.0.0.1"
    port: int = 8080
    lease: Key | None = None
    identity: str = field(default_factory=lambda: f"{os.uname().nodename}-{os.getpid()}")
    sweep_interval: float = INTERVAL


class Looks(Protocol):
    """Reconciles the objects of a kind."""

    async def reconcile(self, key: Key) -> Outcome: ...


class Runtime:
    """Wires the machinery around the controllers and runs it until a signal, a fault, or the loss of the Lease.

    `services` are background tasks that every replica runs in addition to the watches, such as polling Prometheus;
    `followers` hold fields in other owners' objects.
    """

    def __init__(
        self,
        controllers: Sequence[AnyController],
        cluster: Cluster,
        metrics: Metrics,
        options: RuntimeOptions,
        services: Sequence[Callable[[], Awaitable[None]]] = (),
        clock: Clock | None = None,
        followers: Sequence[Follower] = (),
    ) -> None:
        self._options = options
        self._controllers = controllers
        self._services = services
        self._metrics = metrics
        self._clock = clock or SystemClock()
        self.store = Store()
        self.queue: WorkQueue[QueueItem] = WorkQueue()
        self._dispatcher = Dispatcher(controllers, self.store, self.queue, followers)
        self._informer = Informer(self._dispatcher, metrics)
        self._sweep = Sweep(cluster, self._dispatcher, self._clock, metrics, options.sweep_interval)
        self._lease = Lease(cluster, self._clock, options.lease, options.identity) if options.lease else None
        fence = self._fence = Fence(lambda: self._lease.left if self._lease else float("inf"))
        # All writes except those of the Lease itself.
        writes = cluster.fenced(fence)
        self._performer = Performer(self.queue, fence, self._clock, metrics)
        self._recorder = Recorder(writes, self._clock, options.identity)
        parts = (writes, self._dispatcher, self._recorder, self._clock)
        self._reconcilers: dict[Api, Looks] = {
            **{controller.resource.api: Reconciler(controller, *parts, self._performer) for controller in controllers},
            **{follower.api: Holding(follower, *parts) for follower in followers},
        }
        self._fresh: list[Freshness] = []
        self._endpoints: list[Endpoint] = []
        self._notes: dict[str, Check] = {}
        self._leading = False
        self._stopping = asyncio.Event()
        self._lag = 0.0

    def offer(self, endpoints: Iterable[Endpoint]) -> None:
        """Serve these on the operator's port; to be called before `run`."""
        self._endpoints += endpoints

    def note(self, name: str, check: Check) -> None:
        """Show a check on /readyz that does not affect readiness; to be called before `run`."""
        self._notes[name] = check

    def keep_fresh(self, api: Api) -> Callable[[], float]:
        """List a watched resource every few seconds; returns its age in seconds. To be called before `run`."""
        fresh = Freshness(self._sweep, api, self._clock)
        self._fresh.append(fresh)
        return fresh.age

    async def run(self) -> int:
        """The exit code: 0 after a signal, 1 after a fault, 3 after the loss of the Lease."""
        address = f"{self._options.host}:{self._options.port}"
        pages = application(self._metrics, self._health(), self._readiness(), self._endpoints, self._notes)
        try:
            server = await serve(pages, self._options.host, self._options.port)
        except OSError as error:
            logger.critical(
                "Cannot listen for probes and metrics: choose a free address",
                extra={"address": address, "error": error.strerror},
            )
            return 1
        logger.info("Serving probes and metrics", extra={"address": address})
        watching = asyncio.create_task(self._informer.run())
        background = [self._sweep.run(), self._recorder.run(), self._measure(), *(run() for run in self._services)]
        background += [fresh.run() for fresh in self._fresh]
        tasks: set[asyncio.Task[Any]] = {watching, *(asyncio.ensure_future(work) for work in background)}
        lead = asyncio.create_task(self._lead())
        stop = asyncio.create_task(self._stopping.wait())
        await self._catch_signals(watching)
        try:
            done, _ = await asyncio.wait({*tasks, lead, stop}, return_when=asyncio.FIRST_COMPLETED)
            return self._verdict(done, lead, stop)
        finally:
            await self._shut_down(lead, watching, {*tasks, stop})
            await server.cleanup()

    def stop(self) -> None:
        """End gracefully: finish what is being worked on, release the Lease."""
        self._stopping.set()

    async def _catch_signals(self, watching: asyncio.Task[None]) -> None:
        """Stop on a signal. kopf sets handlers of its own, which would end the watches alone: these replace them."""
        spawned = asyncio.create_task(self._informer.spawned.wait())
        await asyncio.wait({watching, spawned}, return_when=asyncio.FIRST_COMPLETED)
        spawned.cancel()
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    def _verdict(self, done: set[asyncio.Task[Any]], lead: object, stop: object) -> int:
        for task in done:
            if task is stop:
                logger.info("Stopping on request")
                return 0
            if not task.cancelled() and task.exception() is not None:
                logger.critical("A part of the operator failed", exc_info=task.exception())
                return 1
        if lead in done:
            logger.critical("Lost the Lease: ending, so that two replicas never act at once")
            return 3
        logger.critical("A part of the operator ended by itself")
        return 1

    async def _shut_down(
        self, lead: asyncio.Task[None], watching: asyncio.Task[None], others: set[asyncio.Task[Any]]
    ) -> None:
        self.queue.close()
        self._informer.stop()
        if not lead.done():
            # Workers end when their present item is done: none is interrupted between two writes.
            lead.cancel()
        _, late = await asyncio.wait({lead}, timeout=GRACE)
        if late:
            logger.warning("Stopped waiting for work in progress", extra={"seconds": GRACE})
        # Events are written under the Lease.
        await asyncio.wait({asyncio.create_task(self._recorder.drained())}, timeout=EVENTS_GRACE)
        # A successor may write as soon as this process cannot. No replica waits for the rest of the shutdown.
        await self._fence.close()
        if self._lease:
            await self._lease.release()
        await asyncio.wait({watching}, timeout=WATCHES_GRACE)
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=5)

    async def _lead(self) -> None:
        """Wait for the caches and the Lease, then act until the Lease is lost."""
        await self._sweep.synced.wait()
        if self._lease:
            logger.info("Waiting for the Lease", extra={"identity": self._options.identity})
            await self._lease.acquire()
        logger.info("Acting", extra={"identity": self._options.identity})
        self._leading = True
        self._metrics.leader.set(1)
        workers = [asyncio.create_task(self._work()) for _ in range(self._options.workers)]
        feeds = [asyncio.create_task(self._follow(controller)) for controller in self._controllers]
        holding = asyncio.create_task(self._lease.hold()) if self._lease else None
        try:
            waited = {*workers, *feeds, *([holding] if holding else ())}
            done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            while not any(task is holding or task.exception() for task in done):
                # A feed that ends is no fault.
                waited -= done
                done, _ = await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        except asyncio.CancelledError:
            await asyncio.gather(*workers, return_exceptions=True)
            await self._store_outcomes()
            raise
        finally:
            self._performer.stop()
            self._leading = False
            self._metrics.leader.set(0)
            for task in (*workers, *feeds, *([holding] if holding else ())):
                task.cancel()

    async def _store_outcomes(self) -> None:
        """Store the outcomes of effects that end during the shutdown, so that no successor repeats them."""
        for item in await self._performer.finish(EFFECTS_GRACE):
            await self._reconcilers[item.api].reconcile(item.key)

    async def _work(self) -> None:
        while True:
            try:
                item = await self.queue.get()
            except asyncio.CancelledError:
                return
            try:
                await self._reconcile(item)
            finally:
                self.queue.done(item)

    async def _reconcile(self, item: QueueItem) -> None:
        begun = self._clock.monotonic()
        outcome = await self._reconcilers[item.api].reconcile(item.key)
        took = self._clock.monotonic() - begun
        self._metrics.reconcile_seconds.labels(item.api.kind, outcome.word).observe(took)
        if outcome.error is not None:
            self._retry(item, outcome)
            return
        self.queue.succeed(item)
        if outcome.due is not None:
            self.queue.schedule(item, (outcome.due - self._clock.now()).total_seconds())

    def _retry(self, item: QueueItem, outcome: Outcome) -> None:
        error = outcome.error
        reason = error.reason if isinstance(error, ApiError) else type(error).__name__
        self._metrics.errors.labels(item.api.kind, reason).inc()
        self._metrics.retries.labels(item.api.kind).inc()
        delay = self.queue.retry(item, at_least=error.retry_after if isinstance(error, ApiError) else 0.0)
        # A conflict is normal: another client wrote first, and the next reconciliation sees its version. The Lease
        # has its own log.
        level = logging.DEBUG if reason in ("Conflict", "NoLease") else logging.WARNING
        logger.log(level, "Will try again", extra={"object": str(item), "why": str(error), "seconds": round(delay, 1)})

    async def _follow(self, controller: AnyController) -> None:
        async for key in controller.feed(self.store):
            self._dispatcher.enqueue(controller.resource.api, key)

    async def _measure(self) -> None:
        """Once a second: the lag of the event loop, and the queue's gauges."""
        while True:
            before = self._clock.monotonic()
            await asyncio.sleep(1.0)
            self._lag = self._clock.monotonic() - before - 1.0
            self._metrics.loop_lag.set(self._lag)
            self._metrics.queue_depth.set(self.queue.depth)
            self._metrics.queue_oldest.set(self.queue.oldest)

    def _readiness(self) -> dict[str, Check]:
        def caches() -> str | None:
            if self._sweep.synced.is_set():
                return None
            return f"the first listing is not complete yet{''.join(f': {why}' for why in self._sweep.faults[:1])}"

        return {"caches": caches}

    def _health(self) -> dict[str, Check]:
        # A last read this old means that several sweeps failed; a new process gets new connections and credentials.
        read_limit = max(3 * self._options.sweep_interval, 60.0)

        def limit(value: Callable[[], float], most: float, name: str) -> Check:
            return lambda: None if value() <= most else f"{name} {value():.0f} s, more than {most:.0f} s"

        return {
            "loop": limit(lambda: self._lag, LOOP_LAG_LIMIT, "the event loop was late by"),
            "queue": limit(lambda: self.queue.oldest if self._leading else 0.0, QUEUE_AGE_LIMIT, "a key has taken"),
            "lease": limit(
                lambda: self._lease.age if self._lease and self._leading else 0.0,
                Lease.duration,
                "the Lease was renewed before",
            ),
            "reads": limit(
                lambda: self._sweep.age if self._sweep.synced.is_set() else 0.0, read_limit, "the last full read was"
            ),
        }
