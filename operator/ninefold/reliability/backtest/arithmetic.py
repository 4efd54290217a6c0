"""Operators and functions of PromQL on single values, applied to whole arrays. Pure."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from ninefold.reliability.backtest.grid import Array, present

ARITHMETIC: dict[str, Callable[[Array, Array], Array]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    # The sign of the dividend, as in Go.
    "%": np.fmod,
    "^": np.power,
    "atan2": np.arctan2,
}

COMPARISONS: dict[str, Callable[[Array, Array], npt.NDArray[np.bool_]]] = {
    "==": np.equal,
    "!=": np.not_equal,
    ">": np.greater,
    "<": np.less,
    ">=": np.greater_equal,
    "<=": np.less_equal,
}


def compared(operator: str, left: Array, right: Array, shown: Array, *, as_number: bool) -> Array:
    """`shown` where the comparison is true; with `as_number` 1 or 0 wherever both sides have a value."""
    holds = COMPARISONS[operator](left, right)
    # No value is equal to NaN, but every value is unequal to it.
    both = present(left) & present(right)
    if as_number:
        return np.where(both, np.where(holds, 1.0, 0.0), np.nan)
    return np.where(both & holds, shown, np.nan)


def _round(values: Array, nearest: Array | None = None) -> Array:
    inverse = 1.0 / (np.float64(1) if nearest is None else nearest)
    rounded: Array = np.floor(values * inverse + 0.5) / inverse
    return rounded


def _clamp(values: Array, low: Array, high: Array) -> Array:
    bounded = np.where(np.isnan(values), np.nan, np.maximum(low, np.minimum(high, values)))
    return np.where(low > high, np.nan, bounded)


FUNCTIONS: dict[str, Callable[..., Array]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "clamp": _clamp,
    "clamp_max": lambda values, high: np.where(np.isnan(values), np.nan, np.minimum(values, high)),
    "clamp_min": lambda values, low: np.where(np.isnan(values), np.nan, np.maximum(values, low)),
    "exp": np.exp,
    "floor": np.floor,
    "ln": np.log,
    "log10": np.log10,
    "log2": np.log2,
    "round": _round,
    "sgn": np.sign,
    "sqrt": np.sqrt,
}
"""Functions by name, of the values of an instant vector and of the scalar arguments after it."""
