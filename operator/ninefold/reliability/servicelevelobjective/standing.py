"""Figures as people read them in the status. They are written again only when one has moved enough to matter. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from ninefold.reliability.servicelevelobjective.figure import Figure
from ninefold.reliability.servicelevelobjective.resource import (
    Budget,
    DataState,
    ServiceLevelObjective,
    ServiceLevelObjectiveStatus,
)

SHOWN = ("1h", "6h")
"""The windows whose burn rates people look at."""

# How far a figure moves before it is written again: percentage points, and a share of a burn rate.
_BUDGET_BAND, _COVERAGE_BAND, _BURN_BAND, _BURN_FLOOR = 0.5, 10.0, 0.2, 0.1
_PREDICTABLE = 0.9
"""The coverage that a prediction takes: a window half empty says little about the budget."""


class Standing(NamedTuple):
    """The part of the status that figures decide; the fields are those of the status."""

    data: DataState
    current: str | None = None
    budget: Budget | None = None
    burn: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never changed
    coverage: str | None = None


def standing(slo: ServiceLevelObjective, data: DataState, figure: Figure | None, now: datetime) -> Standing:
    """What to show: what is shown already, unless it no longer holds."""
    if data == "Unknown" or figure is None:
        return Standing(data)
    before, fresh = slo.status, _fresh(slo, data, figure, now)
    if before.data == data and not _moved(before, fresh):
        return Standing(data, before.current, before.budget, before.burn, before.coverage)
    return fresh


def _fresh(slo: ServiceLevelObjective, data: DataState, figure: Figure, now: datetime) -> Standing:
    budget = None
    if figure.budget_left is not None:
        total = f"{(1 - slo.objective) * 100:f}".rstrip("0").rstrip(".")
        budget = Budget(
            left=f"{_zero(figure.budget_left * 100, 1):.1f} %",
            total=f"{total} %",
            exhausted_at=_exhausted_at(slo, figure, now),
        )
    return Standing(
        data=data,
        current=None if figure.error_ratio is None else _current(slo, figure.error_ratio),
        budget=budget,
        burn={window: _burn(figure.burn[window]) for window in SHOWN if window in figure.burn},
        coverage=None if figure.coverage is None else f"{figure.coverage * 100:.0f} %",
    )


def _moved(before: ServiceLevelObjectiveStatus, fresh: Standing) -> bool:
    old, new = (budget.left if budget else None for budget in (before.budget, fresh.budget))
    return (
        before.burn.keys() != fresh.burn.keys()
        or _beyond(old, new, _budget_moved)
        or _beyond(before.coverage, fresh.coverage, _coverage_moved)
        or any(_beyond(before.burn[window], fresh.burn[window], _burn_moved) for window in fresh.burn)
    )


def _budget_moved(old: float, new: float) -> bool:
    return abs(new - old) >= _BUDGET_BAND or (old < 0) != (new < 0)


def _coverage_moved(old: float, new: float) -> bool:
    # A window that has filled up is shown as full.
    return abs(new - old) >= _COVERAGE_BAND or (new >= 99 and old < 98)


def _burn_moved(old: float, new: float) -> bool:
    return abs(new - old) > max(_BURN_FLOOR, _BURN_BAND * old)


def _beyond(old: str | None, new: str | None, moved: Callable[[float, float], bool]) -> bool:
    """Whether a shown figure appeared, went, or moved."""
    if old is None or new is None:
        return old is not new
    return moved(float(old.rstrip(" %x")), float(new.rstrip(" %x")))


def _exhausted_at(slo: ServiceLevelObjective, figure: Figure, now: datetime) -> datetime | None:
    """When the last of the budget goes if the last hour goes on; errors that leave the window only put it off."""
    burn, left = figure.burn.get("1h", 0.0), figure.budget_left
    if left is None or left <= 0 or burn <= 1 or (figure.coverage or 0) < _PREDICTABLE:
        return None
    return now + timedelta(seconds=left * slo.window / burn)


def _current(slo: ServiceLevelObjective, error_ratio: float) -> str:
    """One digit more than the objective has, at least two: next to "99.9" stands "99.94".

    Cut, not rounded: 99.999 % is not 100 %.
    """
    _, _, digits = slo.spec.objective.partition(".")
    step = Decimal(1).scaleb(-max(2, len(digits) + 1))
    return f"{(100 - 100 * Decimal(repr(error_ratio))).quantize(step, ROUND_FLOOR):f}"


def _burn(rate: float) -> str:
    """Two digits: "0.62x", "14x", "120x"."""
    return f"{_zero(float(f'{rate:.2g}'), 2):g}x"


def _zero(value: float, digits: int) -> float:
    """Rounded, and never "-0.0"."""
    return round(value, digits) + 0.0
