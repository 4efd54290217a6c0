"""How far a value must move before a status shows a new value, so that a steady state writes nothing. Pure.

Each value has one dead band, wherever it is shown: an objective and the policy over it show the same burn rate.
"""

from __future__ import annotations

BUDGET = 0.5
"""Percentage points of an error budget."""
_COVERAGE = 10.0
_BURN, _BURN_FLOOR = 0.15, 0.1
"""A shown burn rate has two digits and is up to 5 % off: a narrower band would write at changes of a twentieth."""


def budget_moved(shown: float, now: float) -> bool:
    """Whether an error budget left, in percentage points, has moved or has passed 0."""
    return abs(now - shown) >= BUDGET or (shown < 0) != (now < 0)


def burn_moved(shown: float, now: float) -> bool:
    return abs(now - shown) >= max(_BURN_FLOOR, _BURN * shown)


def coverage_moved(shown: float, now: float) -> bool:
    """Whether a coverage in percent has moved; a window that has filled up is shown as full."""
    return abs(now - shown) >= _COVERAGE or (now >= 99 and shown < 98)
