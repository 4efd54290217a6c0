"""The states of an objective's data, as panels show them. Pure."""

from __future__ import annotations

from ninefold.observability.dashboard.queries import BROKEN, HEALTHY, IDLE, UNKNOWN

STATES = (
    (HEALTHY, "Healthy", "green"),
    (IDLE, "Idle", "blue"),
    (BROKEN, "Broken", "red"),
    (UNKNOWN, "Unknown", "purple"),
)
"""The value, the word and the colour of each state."""
