"""The objectives that a reader of measurements still has to read."""

from __future__ import annotations

import asyncio


class Inbox:
    """The unread objectives of one subscriber: a set, so a slow reader costs no memory and reads no objective twice."""

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
