"""Computes the cost of a release for an objective, from one reconciliation to the next. Pure.

Each reconciliation continues from the values in the record, so a restart loses nothing. A value is written again only
when it has moved enough to matter, so a steady state writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.domain.wording import numbers
from ninefold.domain.wording.dead_bands import BUDGET
from ninefold.kube.fields import percentage, seconds
from ninefold.release.release.resource import SUSPECTED, ObjectiveCost
from ninefold.release.release.suspicion import burn_rate, suspicion

SUSPICION_BAND = 0.05
RISE = 2.0
"""A burn has begun when the shortest window shows this multiple of the burn rate before the release, or of 1 if that is
higher."""
PAUSE = timedelta(minutes=10)
"""How long a burn may pause and still be the same burn."""


@dataclass(frozen=True, slots=True)
class SpendingReading:
    """The present measurements of an objective: the remaining budget as a share, the decisive burn rate, and the burn
    rate over the shortest window, which reacts first. None if not known."""

    left: float | None = None
    burn: float | None = None
    fast: float | None = None

    @classmethod
    def of(cls, data: str, left: float | None, burn: Mapping[str, float]) -> SpendingReading:
        """`data` is the state of the objective's data. Without traffic nothing burns; measurements that may be old or
        broken count as unknown."""
        if data not in ("Healthy", "Idle"):
            return cls()
        if not burn:
            return cls(left, *((0.0, 0.0) if data == "Idle" else (None, None)))
        return cls(left, burn_rate(burn), burn[min(burn, key=seconds)])


@dataclass(frozen=True, slots=True)
class SpendingMoment:
    """The time of a reconciliation, relative to the course of a release."""

    now: datetime
    end: datetime | None
    opening: bool
    """Whether the release has just begun, so that measurements show the state before it."""
    rolling: bool
    """Whether the rollout was in progress until now."""
    turning: bool
    """Whether the rollout or the watch ends now: the cost until now is written in any case."""
    replaced: bool = False
    """Whether a loss from now on belongs to the next release of the workload."""
    rollback: bool = False
    """Whether the release is a rollback. A burn seen under it comes from the release that it undoes."""


def step(cost: ObjectiveCost, reading: SpendingReading, moment: SpendingMoment) -> ObjectiveCost:
    """Returns the cost after one more reconciliation. An objective that was not measured when the release began stays
    without values."""
    return _suspect(cost if moment.replaced else _spend(cost, reading, moment), reading, moment)


def _spend(cost: ObjectiveCost, reading: SpendingReading, moment: SpendingMoment) -> ObjectiveCost:
    """Adds the loss of the budget since the last written value. A gain, when old errors leave the window or a new
    period begins, is not due to the release: it does not reduce the spent share."""
    if reading.left is None:
        return cost
    left = 100 * reading.left
    if cost.left is None:
        return cost.model_copy(update={"left": percent(left), "rolling": percent(0)}) if moment.opening else cost
    lost = percentage(cost.left) - left
    if abs(lost) < BUDGET and not moment.turning:
        return cost
    part = "rolling" if moment.rolling else "since"
    spent = percentage(getattr(cost, part) or percent(0)) + max(percentage(cost.left) - percentage(percent(left)), 0)
    return cost.model_copy(update={"left": percent(left), part: percent(spent)})


def _suspect(cost: ObjectiveCost, reading: SpendingReading, moment: SpendingMoment) -> ObjectiveCost:
    """Keeps the highest suspicion, and the times at which the burn began and ended."""
    if reading.burn is None:
        return cost
    if cost.burn_before is None:
        begun = {"burn_before": numbers.burn_rate(reading.burn), "suspicion": "0.00"}
        return cost.model_copy(update=begun) if moment.opening else cost
    if moment.rollback:
        return cost
    before = float(cost.burn_before.removesuffix("x"))
    cost = _time(cost, before, reading, moment.now)
    if cost.burn_began is None or cost.burn_ended is not None:
        return cost
    suspected = suspicion(cost.burn_began - (moment.end or cost.burn_began), before, reading.burn)
    if suspected < float(cost.suspicion or 0) + SUSPICION_BAND:
        return cost
    return cost.model_copy(update={"burn_after": numbers.burn_rate(reading.burn), "suspicion": f"{suspected:.2f}"})


def _time(cost: ObjectiveCost, before: float, reading: SpendingReading, now: datetime) -> ObjectiveCost:
    """Records when the burn began, and when it ended.

    A burst that ends without a suspicion of at least SUSPECTED is forgotten: the next burst has its own beginning. A
    burn that raised such a suspicion stays, and continues if it comes back soon.
    """
    burning = (reading.fast if reading.fast is not None else reading.burn or 0.0) >= RISE * max(before, 1.0)
    if cost.burn_began is None:
        return cost.model_copy(update={"burn_began": now}) if burning else cost
    if burning and cost.burn_ended is not None and now <= cost.burn_ended + PAUSE:
        return cost.model_copy(update={"burn_ended": None, "burn_paused": True})
    if not burning and cost.burn_ended is None:
        return cost.model_copy(update={"burn_ended": now} if _is_suspected(cost) else {"burn_began": None})
    return cost


def _is_suspected(cost: ObjectiveCost) -> bool:
    return float(cost.suspicion or 0) >= SUSPECTED


def total(costs: Iterable[ObjectiveCost]) -> str:
    """Returns the loss of the objective that lost most; Unknown if no objective was measured."""
    lost = [
        percentage(cost.rolling) + percentage(cost.since or percent(0)) for cost in costs if cost.rolling is not None
    ]
    return percent(max(lost)) if lost else "Unknown"


def worst(costs: Iterable[ObjectiveCost]) -> str:
    """Returns the highest suspicion; Unknown if no objective was measured."""
    return max((cost.suspicion for cost in costs if cost.suspicion is not None), key=float, default="Unknown")


def percent(points: float) -> str:
    """Formats percentage points to a hundredth, since a release costs little."""
    return numbers.percent(points, 2)
