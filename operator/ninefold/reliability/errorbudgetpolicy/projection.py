"""How long a budget lasts at a burn rate. Pure.

At a burn rate r, a rolling window of length T spends the share r / T of its budget in a second. Errors that leave the
window only delay the end, and an end later than T never comes: by then the present errors have left the window, too.
In a calendar period the budget is a share of the events so far, so it grows by 1 / e while it shrinks by r / e, where e
is the time since the period began; an end after that of the period never comes.
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
"""How far a burn rate may move before its projection changes: a share of the rate, or of 0.25x if the rate is lower."""


@dataclass(frozen=True, slots=True)
class Rates:
    """The least and the greatest of the burn rates over several windows."""

    lowest: float
    highest: float


def windows(recorded: Iterable[int], length: float) -> list[int]:
    """The recorded windows that a projection uses, in seconds: 1h, 6h and the longest, as far as they are shorter than
    the objective's own window.

    >>> windows([300, 3600, 21600, 86400, 259200, 2592000], 2592000)
    [3600, 21600, 259200]
    """
    shorter = [window for window in recorded if window < length]
    return sorted({*shorter} & {HOUR, 6 * HOUR, max(shorter, default=0)})


def rates(objective: WatchedObjective) -> Rates | None:
    """None if no recorded window is shorter than the objective's. An objective without traffic burns nothing."""
    reading = objective.reading
    burn = {seconds(window): rate for window, rate in reading.burn.items()}
    measured = [burn[window] for window in windows(burn, objective.length)]
    if reading.data == "Idle" and HOUR not in burn:
        measured.append(0.0)
    return Rates(min(measured), max(measured)) if measured else None


def lasts(objective: WatchedObjective, left: float, rate: float, now: datetime) -> float:
    """Seconds until a share of the budget is spent at a burn rate; infinite if it never is."""
    if left <= 0:
        return 0.0
    growth, elapsed, horizon = _shape(objective, now)
    if rate <= growth:
        return inf
    took = left * elapsed / (rate - growth)
    return took if took <= horizon else inf


def show(objective: WatchedObjective, left: float, burn: Rates, shown: Exhaustion | None, now: datetime) -> Exhaustion:
    """The interval for people; the shown ends stay while the burn rates are close to those that they follow from."""
    return Exhaustion(
        earliest=_show(objective, left, burn.highest, shown.earliest if shown else None, now),
        latest=_show(objective, left, burn.lowest, shown.latest if shown else None, now),
    )


def length(shown: str) -> float:
    """The seconds of a shown end of an interval.

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
    implied = growth + left * elapsed / max(min(length(shown), horizon), 1)
    band = _BAND * max(implied, _FLOOR)
    return rate <= implied + band if shown == "never" else abs(rate - implied) <= band


def _shape(objective: WatchedObjective, now: datetime) -> tuple[float, float, float]:
    """The burn rate at which the budget stays constant, the seconds that spend it at a rate higher by 1, and the
    seconds
    up to which a projection is meaningful."""
    if objective.period is None:
        return 0.0, objective.length, objective.length
    since, until = ((at - now).total_seconds() for at in (objective.period.start, objective.period.end))
    return 1.0, max(-since, 1.0), max(until, 0.0)


def _about(took: float) -> str:
    """A duration from seconds, accurate to a tenth or better.

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
