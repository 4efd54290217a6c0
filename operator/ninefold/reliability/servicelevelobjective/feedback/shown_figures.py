"""The values that the status shows. They change only when a measurement has moved enough to matter. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import ROUND_FLOOR, Decimal
from typing import NamedTuple

from ninefold.domain.measurements.measurement import DataState, Measurement
from ninefold.domain.schedules.calendar import period
from ninefold.domain.wording.dead_bands import budget_moved, burn_moved, coverage_moved
from ninefold.domain.wording.numbers import burn_rate, percent
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import Budget, GroupStatus, ServiceLevelObjectiveStatus

SHOWN = ("1h", "6h")
"""The windows whose burn rates the status shows."""

_PREDICTABLE = 0.9
"""The least coverage for a prediction: a half-empty window says little about the budget."""
_GROUPS_SHOWN = 16


class ShownFigures(NamedTuple):
    """The part of the status that follows from measurements, with the field names of the status."""

    data: DataState
    current: str | None = None
    budget: Budget | None = None
    burn: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never changed
    coverage: str | None = None
    period_ends: datetime | None = None
    groups: list[GroupStatus] = []  # noqa: RUF012 - a NamedTuple's default, never changed
    group_count: int | None = None
    blame: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple's default, never changed


def standing(slo: ServiceLevelObjective, data: DataState, figure: Measurement | None, now: datetime) -> ShownFigures:
    """The values to show: the shown values, unless the measurements have moved beyond the dead bands."""
    calendar = slo.spec.window.calendar
    ends = period(calendar, now).end if calendar else None
    if data in ("Unknown", "Contested") or figure is None:
        return ShownFigures(data, period_ends=ends)
    before = slo.status
    fresh = _fresh(slo, data, figure, now)._replace(
        period_ends=ends,
        groups=_groups(slo, figure.groups, {group.name: group for group in before.groups}),
        group_count=len(figure.groups) if slo.spec.group_by else None,
        blame=_blame(before.blame, figure.blame),
    )
    if before.data == data and not _moved(before, fresh):
        return fresh._replace(current=before.current, budget=before.budget, burn=before.burn, coverage=before.coverage)
    return fresh


def _fresh(slo: ServiceLevelObjective, data: DataState, figure: Measurement, now: datetime) -> ShownFigures:
    budget = None
    if figure.budget_left is not None:
        total = f"{(1 - slo.objective) * 100:f}".rstrip("0").rstrip(".")
        budget = Budget(
            left=percent(figure.budget_left * 100),
            total=f"{total} %",
            exhausted_at=_exhausted_at(slo, figure, now),
        )
    return ShownFigures(
        data=data,
        current=None if figure.error_ratio is None else _current(slo, figure.error_ratio),
        budget=budget,
        burn=_burns(figure),
        coverage=None if figure.coverage is None else f"{figure.coverage * 100:.0f} %",
    )


def _groups(
    slo: ServiceLevelObjective, figures: Mapping[str, Measurement], before: Mapping[str, GroupStatus]
) -> list[GroupStatus]:
    """The groups with the lowest budget left, each with its shown values unless they have moved."""
    shown = [_group(slo, name, figure, before.get(name)) for name, figure in figures.items()]
    unknown = float("inf")
    shown.sort(key=lambda group: (float(group.left.rstrip(" %")) if group.left else unknown, group.name))
    return shown[:_GROUPS_SHOWN]


def _group(slo: ServiceLevelObjective, name: str, figure: Measurement, before: GroupStatus | None) -> GroupStatus:
    left = None if figure.budget_left is None else percent(figure.budget_left * 100)
    fresh = GroupStatus(
        name=name[:512],
        data=figure.data,
        current=None if figure.error_ratio is None else _current(slo, figure.error_ratio),
        left=left,
        burn=_burns(figure),
    )
    if before is None or before.data != fresh.data or before.burn.keys() != fresh.burn.keys():
        return fresh
    still = not _beyond(before.left, left, budget_moved) and not _burn_beyond(before.burn, fresh.burn)
    return before if still else fresh


def _blame(before: Mapping[str, str], shares: Mapping[str, float]) -> dict[str, str]:
    """The shares in whole percent, by component; the shown shares stay until one moves by five points."""
    fresh = {component: f"{share * 100:.0f} %" for component, share in sorted(shares.items())}
    if before.keys() == fresh.keys() and not any(_beyond(before[c], fresh[c], _blame_moved) for c in fresh):
        return dict(before)
    return fresh


def _blame_moved(old: float, new: float) -> bool:
    return abs(new - old) >= 5


def _burns(figure: Measurement, windows: Sequence[str] = SHOWN) -> dict[str, str]:
    return {window: burn_rate(figure.burn[window]) for window in windows if window in figure.burn}


def _burn_beyond(before: Mapping[str, str], fresh: Mapping[str, str]) -> bool:
    return any(_beyond(before[window], fresh[window], burn_moved) for window in fresh)


def _moved(before: ServiceLevelObjectiveStatus, fresh: ShownFigures) -> bool:
    old, new = (budget.left if budget else None for budget in (before.budget, fresh.budget))
    return (
        before.burn.keys() != fresh.burn.keys()
        or _beyond(old, new, budget_moved)
        or _beyond(before.coverage, fresh.coverage, coverage_moved)
        or _burn_beyond(before.burn, fresh.burn)
    )


def _beyond(old: str | None, new: str | None, moved: Callable[[float, float], bool]) -> bool:
    """Whether a shown value has appeared, disappeared or moved."""
    if old is None or new is None:
        return old is not new
    return moved(float(old.rstrip(" %x")), float(new.rstrip(" %x")))


def _exhausted_at(slo: ServiceLevelObjective, figure: Measurement, now: datetime) -> datetime | None:
    """When the budget is spent if the last hour continues; errors that leave the window only delay that."""
    calendar = slo.spec.window.calendar
    if figure.exhausted_in is None:
        return None
    at = now + timedelta(seconds=figure.exhausted_in)
    if calendar is None:
        return at if (figure.coverage or 0) >= _PREDICTABLE else None
    # A period that has just begun says little; if the period ends first, its debt ends with it.
    span = period(calendar, now)
    known = (figure.coverage or 0) * (span.end - span.start) >= _PREDICTABLE * (now - span.start)
    return at if known and at < span.end else None


def _current(slo: ServiceLevelObjective, error_ratio: float) -> str:
    """The good share with one digit more than the objective, at least two: "99.94" next to "99.9".

    Cut, not rounded: 99.999 % is not 100 %.
    """
    _, _, digits = slo.spec.objective.partition(".")
    step = Decimal(1).scaleb(-max(2, len(digits) + 1))
    # Where all events are bad, sums of floats may be a last digit above 1.
    return f"{(100 - 100 * Decimal(repr(min(error_ratio, 1.0)))).quantize(step, ROUND_FLOOR):f}"
