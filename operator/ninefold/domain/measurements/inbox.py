"""Which objectives a reader of measurements has yet to look at."""

from __future__ import annotations

import asyncio


class Inbox:
    """What one subscriber has yet to read: a set, so that a slow reader costs no memory and no repeats."""

    def __init__(self, first: set[str]) -> None:
        self._waiting: dict[str, None] = {}
        self._filled = asyncio.Event()
        self.put(first)

    def put(self, slo_ids: set[str]) -> None:
        self._waiting.update(dict.fromkeys(slo_ids))
        if self._waiting:
            self._filled.set()

    async def take(self) -> str:
        await self._filled.wait()
        slo_id = next(iter(self._waiting))
        del self._waiting[slo_id]
        if not self._waiting:
            self._filled.clear()
        return slo_id
