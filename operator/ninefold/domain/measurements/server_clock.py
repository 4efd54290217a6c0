"""Whether the clock of a Prometheus went back, for instance because it was corrected by a second or a day. Pure.

Until such a clock reaches its earlier time again, rules are evaluated for instants that already have samples: nothing
is recorded, each rule fails as if another writer had written its series, and reads return the past.
"""

from __future__ import annotations

from math import inf

SKEW = 0.25
"""Seconds by which the clocks of replicas behind one address may differ."""


class ServerClock:
    """Compares the times that a server reports with a clock that never goes back. All values are in seconds."""

    def __init__(self) -> None:
        self._offset = -inf
        """The least by which the server's clock is ahead of the local clock."""
        self._latest = -inf

    def saw(self, at: float, began: float, ended: float) -> float:
        """Take in the server time of an answer, and the local times of request and answer. Returns how far the clock
        went back; 0 if it did not."""
        step = self._offset - (at - began)
        went_back = step if step > SKEW else 0.0
        self._offset = at - ended if went_back else max(self._offset, at - ended)
        self._latest = max(self._latest, at)
        return went_back

    def behind(self, at: float) -> float:
        """How far this server time is behind the latest one seen."""
        return max(0.0, self._latest - at)
