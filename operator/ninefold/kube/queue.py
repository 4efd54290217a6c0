"""A keyed work queue with the semantics of client-go's queue: two workers never process one item at once, an item added
while it is processed is processed again afterwards, and an item added twice is processed once."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Hashable
from typing import Generic, TypeVar

ItemT = TypeVar("ItemT", bound=Hashable)

BACKOFF_FIRST = 0.5
BACKOFF_MOST = 300.0
JITTER = 0.2


class WorkQueue(Generic[ItemT]):
    """Items to process now (`add`) or later (`schedule`, `retry`). One event loop, any number of workers."""

    def __init__(self) -> None:
        self._ready: deque[ItemT] = deque()
        self._since: dict[ItemT, float] = {}  # waiting items and when they began to wait, oldest first
        self._working: dict[ItemT, float] = {}
        self._timers: dict[ItemT, asyncio.TimerHandle] = {}
        self._failures: dict[ItemT, int] = {}
        self._wakeup = asyncio.Event()
        self._turn = asyncio.Lock()
        self._closed = False

    def add(self, item: ItemT) -> None:
        """Process the item as soon as a worker is free."""
        if self._closed or item in self._since:
            return
        self._since[item] = asyncio.get_running_loop().time()
        if item not in self._working:
            self._ready.append(item)
            self._wakeup.set()

    def schedule(self, item: ItemT, delay: float) -> None:
        """Add the item after `delay` seconds or at an earlier scheduled time: an extra reconciliation does no harm."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(0.0, delay)
        timer = self._timers.get(item)
        if self._closed or (timer is not None and timer.when() <= when):
            return
        if timer is not None:
            timer.cancel()
        self._timers[item] = loop.call_at(when, self._due, item)

    def retry(self, item: ItemT, at_least: float = 0.0) -> float:
        """Schedule a failed item with exponential backoff and jitter; returns the delay in seconds."""
        failures = self._failures.get(item, 0)
        self._failures[item] = failures + 1
        delay = min(BACKOFF_MOST, BACKOFF_FIRST * 2.0 ** min(failures, 32))
        delay = max(at_least, delay * random.uniform(1 - JITTER, 1 + JITTER))  # noqa: S311 - spread, not secrecy
        self.schedule(item, delay)
        return delay

    def succeed(self, item: ItemT) -> None:
        """Forget the item's failures."""
        self._failures.pop(item, None)

    async def get(self) -> ItemT:
        """The next item; `done` must follow. Raises asyncio.CancelledError when the queue is closed.

        Between any two items all other tasks on the loop run, such as probes and the Lease: work that never awaits
        yields nowhere else, and hundreds of such items would block the loop.
        """
        async with self._turn:
            await asyncio.sleep(0)
            while not self._ready:
                if self._closed:
                    raise asyncio.CancelledError
                self._wakeup.clear()
                await self._wakeup.wait()
            item = self._ready.popleft()
            del self._since[item]
            self._working[item] = asyncio.get_running_loop().time()
            return item

    def done(self, item: ItemT) -> None:
        del self._working[item]
        if item in self._since:
            self._ready.append(item)
            self._wakeup.set()

    def close(self) -> None:
        """Hand out no further item. Workers finish the items in progress."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        self._ready.clear()
        self._since.clear()
        self._wakeup.set()

    @property
    def depth(self) -> int:
        """The number of waiting items."""
        return len(self._since)

    @property
    def oldest(self) -> float:
        """Seconds since the oldest item was added or its processing began."""
        begun = [*self._working.values(), *self._first_waiting()]
        return asyncio.get_running_loop().time() - min(begun) if begun else 0.0

    def _first_waiting(self) -> list[float]:
        first = next(iter(self._since.values()), None)
        return [] if first is None else [first]

    def _due(self, item: ItemT) -> None:
        self._timers.pop(item, None)
        self.add(item)
