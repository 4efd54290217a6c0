"""Prevents a write unless the Lease outlasts it (docs/decisions/0018-fence.md)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

WRITE_TIMEOUT = 4.0
"""The longest that a fenced write may take, in seconds: both the client and the API server stop then."""


class Fenced(Exception):
    """The Lease may end before the write ends."""


class Fence:
    """Checks the Lease before every write of a leader. `left` returns the seconds for which the Lease surely holds.

    A process can be stopped at any point and resumed much later, so the fence is checked before a request is made and
    again when its bytes go to the connection.
    """

    def __init__(self, left: Callable[[], float]) -> None:
        self._left = left
        self._passing = 0
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed = False

    @contextmanager
    def passing(self) -> Iterator[None]:
        """Context of one write; raises Fenced instead of letting it pass."""
        self.check()
        self._passing += 1
        self._empty.clear()
        try:
            yield
        finally:
            self._passing -= 1
            if not self._passing:
                self._empty.set()

    async def close(self) -> None:
        """Let no further write pass; returns when all writes in progress are answered or have timed out."""
        self._closed = True
        await self._empty.wait()

    def check(self) -> None:
        """Raises Fenced unless the Lease outlasts a write that begins now."""
        left = 0.0 if self._closed else self._left()
        if left < WRITE_TIMEOUT:
            raise Fenced(f"a write may take {WRITE_TIMEOUT:.0f} s, and the Lease surely holds for {max(0.0, left):.1f}")
