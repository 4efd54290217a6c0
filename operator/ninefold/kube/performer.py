"""Runs effects: tasks that run in parallel to reconciliations, each with a deadline.

Their outcomes wait here for the next reconciliation, which is the only writer of the status.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field

from ninefold.kube import effects
from ninefold.kube.api import Api
from ninefold.kube.clock import Clock
from ninefold.kube.dispatch import QueueItem
from ninefold.kube.errors import EffectFailed
from ninefold.kube.fence import Fence, Fenced
from ninefold.kube.metrics import Metrics
from ninefold.kube.model import EffectRecord
from ninefold.kube.plan import Effect
from ninefold.kube.queue import WorkQueue

logger = logging.getLogger(__name__)

AT_ONCE = 8
"""Concurrent attempts at one action of one kind: a far side that hangs does not block another."""
_FENCED_PAUSE = 1.0


@dataclass(slots=True)
class _Desk:
    """The attempts in progress for one object, and the outcomes that no status holds yet."""

    uid: str
    running: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    outcomes: dict[str, EffectRecord] = field(default_factory=dict)


class Performer:
    """Runs effects once their records are stored, and queues the object when an effect has ended."""

    def __init__(self, queue: WorkQueue[QueueItem], fence: Fence, clock: Clock, metrics: Metrics) -> None:
        self._queue = queue
        self._fence = fence
        self._clock = clock
        self._metrics = metrics
        self._desks: dict[QueueItem, _Desk] = {}
        self._places: defaultdict[tuple[Api, str], asyncio.Semaphore] = defaultdict(lambda: asyncio.Semaphore(AT_ONCE))
        self._closed = False

    def running(self, item: QueueItem, uid: str) -> frozenset[str]:
        """The keys that have an attempt in progress, or an outcome that is not stored yet."""
        desk = self._desk(item, uid)
        return frozenset((*desk.running, *desk.outcomes)) if desk else frozenset()

    def outcomes(self, item: QueueItem, uid: str) -> dict[str, EffectRecord]:
        """The records of attempts that have ended, to be stored."""
        desk = self._desk(item, uid)
        return dict(desk.outcomes) if desk else {}

    def stored(self, item: QueueItem, records: Iterable[EffectRecord]) -> None:
        """Note that the status holds these records: the outcome of each record that is not Running is stored."""
        desk = self._desks.get(item)
        if desk is None:
            return
        for record in records:
            if record.state != "Running":
                desk.outcomes.pop(record.key, None)
        if not desk.running and not desk.outcomes:
            del self._desks[item]

    def begin(
        self, item: QueueItem, uid: str, effect: Effect, record: EffectRecord, perform: Callable[[], Awaitable[str]]
    ) -> None:
        """Start one attempt; its record is stored already."""
        if self._closed:
            return
        desk = self._desks.get(item)
        if desk is None or desk.uid != uid:
            desk = self._desks[item] = _Desk(uid)
        desk.running[effect.key] = asyncio.create_task(self._attempt(item, desk, effect, record, perform))

    def forget(self, item: QueueItem) -> None:
        """Note that the object is deleted: attempts in progress are finished, and their outcomes are dropped."""
        self._desks.pop(item, None)

    async def finish(self, seconds: float) -> list[QueueItem]:
        """Start no further attempt and wait for those in progress; returns the objects with outcomes to store."""
        self._closed = True
        tasks = self._tasks()
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        return [item for item, desk in self._desks.items() if desk.outcomes]

    def stop(self) -> None:
        """Cancel the attempts in progress: the next leader makes them again under the same keys."""
        self._closed = True
        for task in self._tasks():
            task.cancel()

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [task for desk in self._desks.values() for task in desk.running.values()]

    def _desk(self, item: QueueItem, uid: str) -> _Desk | None:
        desk = self._desks.get(item)
        return desk if desk is not None and desk.uid == uid else None

    async def _attempt(
        self, item: QueueItem, desk: _Desk, effect: Effect, record: EffectRecord, perform: Callable[[], Awaitable[str]]
    ) -> None:
        ended: EffectRecord | None = None
        try:
            async with self._places[item.api, effect.action]:
                ended = await self._outcome(item, effect, record, perform)
        finally:
            del desk.running[effect.key]
            if ended is None:
                self._queue.schedule(item, _FENCED_PAUSE)
        if ended is not None:
            self._metrics.effects.labels(item.api.kind, effect.action, ended.state).inc()
            desk.outcomes[effect.key] = ended
            self._queue.add(item)

    async def _outcome(
        self, item: QueueItem, effect: Effect, record: EffectRecord, perform: Callable[[], Awaitable[str]]
    ) -> EffectRecord | None:
        """The record after the attempt; None if it was not started, because the Lease may end too soon."""
        try:
            self._fence.check()
            async with asyncio.timeout(effect.deadline.total_seconds()) as limit:
                message = await perform()
            return effects.succeeded(record, message, self._clock.now())
        except Fenced:
            return None
        except EffectFailed as error:
            failure = error
        except Exception as error:
            if isinstance(error, TimeoutError) and limit.expired():
                failure = EffectFailed(f"No answer within {effect.deadline.total_seconds():g} s.")
            else:
                failure = EffectFailed(effects.UNKNOWN)
                logger.exception("Failed to perform", extra={"object": str(item), "effect": effect.key})
        return effects.failed(record, effect, failure, self._clock.now())
