"""What a release costs an objective: from one look to the next. Pure.

What stands in a record is where the next look goes on, so a restart loses nothing. A figure is written again only when
it has moved enough to matter, so a steady state writes nothing.
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
"""How many times the burn rate that a release found, or 1, the shortest window must show for a burn to have begun."""
PAUSE = timedelta(minutes=10)
"""How long a burn may pause and still be the same."""


@dataclass(frozen=True, slots=True)
class SpendingReading:
    """What is measured of an objective now: the budget left as a share, the burn rate to go by, and that over the
    shortest window, which follows what happens most closely. None where not known."""

    left: float | None = None
    burn: float | None = None
    fast: float | None = None

    @classmethod
    def of(cls, data: str, left: float | None, burn: Mapping[str, float]) -> SpendingReading:
        """`data` is the state of the objective's data. Without traffic nothing burns; figures that may be old or
        broken are none."""
        if data not in ("Healthy", "Idle"):
            return cls()
        if not burn:
            return cls(left, *((0.0, 0.0) if data == "Idle" else (None, None)))
        return cls(left, burn_rate(burn), burn[min(burn, key=seconds)])


@dataclass(frozen=True, slots=True)
class SpendingMoment:
    """Where in a release a look is."""

    now: datetime
    end: datetime | None
    opening: bool
    """Whether the release has just begun, so that figures are those that it found."""
    rolling: bool
    """Whether it rolled until now."""
    turning: bool
    """Whether it ends, or is watched no longer, from now on: what it cost until now is written in any case."""
    replaced: bool = False
    """Whether the next release of its workload pays for what is lost now."""
    rollback: bool = False
    """Whether it brings back what ran before. What is seen under it came from the release that it undoes."""


def step(cost: ObjectiveCost, reading: SpendingReading, moment: SpendingMoment) -> ObjectiveCost:
    """One look further. An objective of which nothing was known when the release began stays without figures."""
    return _suspect(cost if moment.replaced else _spend(cost, reading, moment), reading, moment)


def _spend(cost: ObjectiveCost, reading: SpendingReading, moment: SpendingMoment) -> ObjectiveCost:
    """Adds what the budget lost since it was last written down. What it gains, as old errors leave the window or a
    period begins, is nobody's merit: it is not set off against what was spent.
    """
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
    """Keeps the worst that was seen, and when the burn began and ended."""
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
    found = suspicion(cost.burn_began - (moment.end or cost.burn_began), before, reading.burn)
    if found < float(cost.suspicion or 0) + SUSPICION_BAND:
        return cost
    return cost.model_copy(update={"burn_after": numbers.burn_rate(reading.burn), "suspicion": f"{found:.2f}"})


def _time(cost: ObjectiveCost, before: float, reading: SpendingReading, now: datetime) -> ObjectiveCost:
    """Notes when the burn began that is to be explained, and when it ended.

    A burst that passes without a suspicion worth the name is forgotten: the next has a beginning of its own. A burn
    that raised one stays, and goes on if it comes back soon.
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
    """The most that one objective lost; Unknown if none was measured."""
    lost = [
        percentage(cost.rolling) + percentage(cost.since or percent(0)) for cost in costs if cost.rolling is not None
    ]
    return percent(max(lost)) if lost else "Unknown"


def worst(costs: Iterable[ObjectiveCost]) -> str:
    """The highest suspicion; Unknown if no objective was measured."""
    return max((cost.suspicion for cost in costs if cost.suspicion is not None), key=float, default="Unknown")


def percent(points: float) -> str:
    """Percentage points to a hundredth: releases cost little."""
    return numbers.percent(points, 2)
