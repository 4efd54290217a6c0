"""How long a budget lasts at a burn rate. Pure.

A rolling window of length T spends the share r / T of its budget in a second at a burn rate r. Errors that leave the
window only put the end off, and what would take longer than T never comes: by then the present errors have left, too.
In a period of the calendar the budget is a share of the events so far, so it grows by 1 / e where it shrinks by r / e,
e being the time since the period began; what would come after its end never comes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from math import inf

from ninefold.kube.fields import seconds
from ninefold.reliability.errorbudgetpolicy.objective import WatchedObjective
from ninefold.reliability.errorbudgetpolicy.status import Exhaustion

HOUR = 3_600
DAY = 24 * HOUR
_BAND, _FLOOR = 0.2, 0.25
"""How far a burn rate may move before its projection is shown anew: a share of itself, of 0.25x if it is below."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The least and the greatest of the burn rates over several windows."""

    lowest: float
    highest: float


def windows(recorded: Iterable[int], length: float) -> list[int]:
    """Of the windows that an objective records those that are looked at, in seconds: 1h, 6h and the longest, as far as
    they are shorter than its own.

    >>> windows([300, 3600, 21600, 86400, 259200, 2592000], 2592000)
    [3600, 21600, 259200]
    """
    shorter = [window for window in recorded if window < length]
    return sorted({*shorter} & {HOUR, 6 * HOUR, max(shorter, default=0)})


def rates(objective: WatchedObjective) -> Rates | None:
    """None if no window is recorded that is shorter than the objective's. What has no traffic burns nothing."""
    reading = objective.reading
    burn = {seconds(window): rate for window, rate in reading.burn.items()}
    found = [burn[window] for window in windows(burn, objective.length)]
    if reading.data == "Idle" and HOUR not in burn:
        found.append(0.0)
    return Rates(min(found), max(found)) if found else None


def lasts(objective: WatchedObjective, left: float, rate: float, now: datetime) -> float:
    """Seconds until a share of the budget is spent at a burn rate; infinite if it never is."""
    if left <= 0:
        return 0.0
    growth, elapsed, horizon = _shape(objective, now)
    if rate <= growth:
        return inf
    took = left * elapsed / (rate - growth)
    return took if took <= horizon else inf


def show(objective: WatchedObjective, left: float, found: Rates, shown: Exhaustion | None, now: datetime) -> Exhaustion:
    """The interval for people; what is shown stays while the burn rates are about those it was told by."""
    return Exhaustion(
        earliest=_show(objective, left, found.highest, shown.earliest if shown else None, now),
        latest=_show(objective, left, found.lowest, shown.latest if shown else None, now),
    )


def length(shown: str) -> float:
    """The seconds of an end of an interval as it is shown.

    >>> length("2d12h"), length("never")
    (216000.0, inf)
    """
    return inf if shown == "never" else float(seconds(shown))


def _show(objective: WatchedObjective, left: float, rate: float, shown: str | None, now: datetime) -> str:
    if shown is not None and left > 0 and _still(objective, left, rate, shown, now):
        return shown
    return _about(lasts(objective, left, rate, now))


def _still(objective: WatchedObjective, left: float, rate: float, shown: str, now: datetime) -> bool:
    growth, elapsed, horizon = _shape(objective, now)
    told = growth + left * elapsed / max(min(length(shown), horizon), 1)
    band = _BAND * max(told, _FLOOR)
    return rate <= told + band if shown == "never" else abs(rate - told) <= band


def _shape(objective: WatchedObjective, now: datetime) -> tuple[float, float, float]:
    """At which burn rate the budget stands still, over which time it is spent at 1 above that, and up to when in
    seconds a projection means anything."""
    if objective.period is None:
        return 0.0, objective.length, objective.length
    since, until = ((at - now).total_seconds() for at in (objective.period.start, objective.period.end))
    return 1.0, max(-since, 1.0), max(until, 0.0)


def _about(took: float) -> str:
    """Seconds to a tenth or better.

    >>> _about(70), _about(4_000), _about(50_000), _about(200_000), _about(2_000_000), _about(inf)
    ('1m', '1h6m', '13h', '2d7h', '23d', 'never')
    """
    if took == inf:
        return "never"
    for unit, part, of, to in (("d", "h", DAY, HOUR), ("h", "m", HOUR, 60)):
        if took >= 10 * of:
            return f"{int(took // of)}{unit}"
        if took >= of:
            rest = int(took % of // to)
            return f"{int(took // of)}{unit}" + (f"{rest}{part}" if rest else "")
    return f"{int(took // 60)}m"
