"""Parts of dates in UTC, from values that are Unix seconds. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ninefold.reliability.backtest.grid import Array

_Times = np.typing.NDArray[np.datetime64]


def _month_length(at: _Times) -> Array:
    month = at.astype("datetime64[M]")
    return _as_float((month + 1).astype("datetime64[D]") - month.astype("datetime64[D]"))


def _since(at: _Times, unit: str, of: str) -> Array:
    """Whole units since the last full `of`: hours of the day, days of the month."""
    return _as_float(at.astype(f"datetime64[{unit}]") - at.astype(f"datetime64[{of}]").astype(f"datetime64[{unit}]"))


def _as_float(values: np.typing.NDArray[np.generic]) -> Array:
    return values.astype(np.int64).astype(np.float64)


_PARTS: dict[str, Callable[[_Times], Array]] = {
    "minute": lambda at: _since(at, "m", "h"),
    "hour": lambda at: _since(at, "h", "D"),
    # The first of 1970 was a Thursday, day 4 of a week that begins on Sunday.
    "day_of_week": lambda at: (_as_float(at.astype("datetime64[D]")) + 4) % 7,
    "day_of_month": lambda at: _since(at, "D", "M") + 1,
    "day_of_year": lambda at: _since(at, "D", "Y") + 1,
    "days_in_month": _month_length,
    "month": lambda at: _since(at, "M", "Y") + 1,
    "year": lambda at: _as_float(at.astype("datetime64[Y]")) + 1970,
}

NAMES = frozenset(_PARTS)


def part(name: str, seconds: Array) -> Array:
    """The named part of each date; NaN where there is no value."""
    known = ~np.isnan(seconds)
    at = np.where(known, np.trunc(seconds), 0).astype(np.int64).astype("datetime64[s]")
    return np.where(known, _PARTS[name](at), np.nan)
