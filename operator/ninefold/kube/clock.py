"""Time as something that is handed in, so that a test can hold it still, move it and make it jump."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime:
        """The wall clock, aware, UTC. It may jump."""

    def monotonic(self) -> float:
        """Seconds that only ever grow, for measuring lengths of time; those of a suspended machine count."""


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        # Linux stops its monotonic clock while the machine is suspended; a Lease goes on ending.
        return time.clock_gettime(time.CLOCK_BOOTTIME) if hasattr(time, "CLOCK_BOOTTIME") else time.monotonic()
