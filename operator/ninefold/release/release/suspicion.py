"""Computes how strongly a release is suspected of a burn of the error budget that follows it. Pure.

docs/release/release.md describes the formula, and must change with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from ninefold.kube.fields import seconds

HALF_LIFE = timedelta(hours=1)
"""The delay that halves a suspicion."""

_LONGEST = 3600


def burn_rate(burn: Mapping[str, float]) -> float | None:
    """Returns the decisive burn rate: the lowest over windows of at most an hour, so that one failed request in a quiet
    minute is not a burn; without such a window, the rate over the shortest. None if `burn` is empty.

    >>> burn_rate({"5m": 100.0, "1h": 8.0, "6h": 1.5}), burn_rate({"6h": 1.5, "3d": 1.0}), burn_rate({})
    (8.0, 1.5, None)
    """
    short = [rate for window, rate in burn.items() if seconds(window) <= _LONGEST]
    if short:
        return min(short)
    return burn[min(burn, key=seconds)] if burn else None


def suspicion(delay: timedelta, before: float, rate: float) -> float:
    """Returns the suspicion, 0 to 1. `delay` is the time from the release until the budget burns at `rate`; `before` is
    the burn rate before the release. The objective allows a burn rate of up to 1, so such a rate raises no suspicion.
    """
    expected, seen = max(before, 1.0), max(rate, 1.0)
    risen = max(seen - expected, 0.0)
    nearness: float = 2.0 ** -(max(delay, timedelta(0)) / HALF_LIFE)
    return nearness * (risen / (1.0 + risen)) * (risen / seen)
