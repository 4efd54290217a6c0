"""How much a release is to be suspected for a burn of the error budget that follows. Pure.

Written down in docs/release/release.md, which must change with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from ninefold.kube.fields import seconds

HALF_LIFE = timedelta(hours=1)
"""The delay that halves a suspicion."""

_LONGEST = 3600


def burn_rate(burn: Mapping[str, float]) -> float | None:
    """The one burn rate to go by: the least of those over an hour and less, so that one failed request in a quiet
    minute is no burn; else that over the shortest window. None where there is none.

    >>> burn_rate({"5m": 100.0, "1h": 8.0, "6h": 1.5}), burn_rate({"6h": 1.5, "3d": 1.0}), burn_rate({})
    (8.0, 1.5, None)
    """
    short = [rate for window, rate in burn.items() if seconds(window) <= _LONGEST]
    if short:
        return min(short)
    return burn[min(burn, key=seconds)] if burn else None


def suspicion(delay: timedelta, before: float, rate: float) -> float:
    """0 to 1. `delay` is how long after the release the budget burns at `rate`; `before` is the burn rate that the
    release found. Up to 1 a burn rate is what the objective allows, and nothing to be suspected for.
    """
    found, seen = max(before, 1.0), max(rate, 1.0)
    risen = max(seen - found, 0.0)
    nearness: float = 2.0 ** -(max(delay, timedelta(0)) / HALF_LIFE)
    return nearness * (risen / (1.0 + risen)) * (risen / seen)
