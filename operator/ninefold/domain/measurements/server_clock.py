"""Whether the clock of a Prometheus went back, as one that is set right by a second or by a day does. Pure.

Until such a clock shows what it showed before, rules are evaluated for instants that have samples already: nothing is
recorded, each rule fails as if somebody else wrote its series, and what is read is of the past.
"""

from __future__ import annotations

from math import inf

SKEW = 0.25
"""Seconds by which the clocks of replicas behind one address may differ."""


class ServerClock:
    """Compares the times that a server names with a clock that never goes back. All in seconds."""

    def __init__(self) -> None:
        self._offset = -inf
        """The server's clock was at least so far ahead of ours."""
        self._latest = -inf

    def saw(self, at: float, began: float, ended: float) -> float:
        """Take in the time in an answer that was asked for and came at these times of ours. How far the clock has gone
        back with it; 0 if it did not."""
        step = self._offset - (at - began)
        went_back = step if step > SKEW else 0.0
        self._offset = at - ended if went_back else max(self._offset, at - ended)
        self._latest = max(self._latest, at)
        return went_back

    def behind(self, at: float) -> float:
        """How much of what was seen is later than this time of the server's."""
        return max(0.0, self._latest - at)
