"""How much happened in a window, from the recordings alone. Pure.

Every figure is a ratio of two such amounts, so each event counts the same whenever it happened. Let r be the true
rate; slo:…:rate5m(t) is its mean over (t - 5m, t]. Two ways of adding up, both sharp at the present moment:

- up to 6 h: the last 5 minutes exactly, plus one-minute samples of the 5 m rate before that. The samples end 2 minutes
  ago, where the five minutes behind them overlap the exact part just so much that an error is never counted late;
  the oldest begins W - 5m ago, so that none is counted after it left the window.
- longer: hourly means at full hours, which tile time without gap or overlap, plus the hour that has begun.

The cost does not depend on the number of raw series, and hardly on the interval of evaluation.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.tiers import STEP

HOUR, MINUTE = 3_600, 60
SHORT_LIMIT = 6 * HOUR
_OVERLAP = 120


@dataclass(frozen=True, slots=True)
class Series:
    """The recordings of one objective, as selectors."""

    slo_id: str

    def __call__(self, name: str) -> str:
        return f"{name}{{slo_id={json.dumps(self.slo_id)}}}"


def _or_zero(expression: str) -> str:
    """0 where a part of a sum has no data."""
    return f"(sum({expression}) or vector(0))"


def hour_mean(series: Series, name: str) -> str:
    """The mean of a 5 m recording over the last hour; minutes without data count as nothing."""
    return f"sum_over_time({series(name)}[1h:1m]) / 60"


def hour_so_far(series: Series, name: str) -> str:
    """What happened since the last full hour, in units of an hourly mean: one-minute samples, and the seconds since.

    A subquery cannot know when it is asked for. But the last 60 minutes touch two hours at most, one even and one odd:
    outside, the present time chooses which of the two sums is meant. Nothing here depends on `@ end()`, so that
    evaluating the rule over a range, as a backfill does, gives the same.
    """
    even, odd = (
        f"(sum_over_time(({series(name)} and on () {half})[1h:1m]) and on () {half})"
        for half in ("vector(time()) % 7200 < 3600", "vector(time()) % 7200 >= 3600")
    )
    return f"({_or_zero(f'{even} or {odd}')} * 60 + {_or_zero(series(name))} * (time() % 60)) / 3600"


def amount(series: Series, what: str, window: int) -> tuple[str, int]:
    """The events ("events") or bad events ("errors") in a window of an alert, and the unit: seconds per 1.

    A window above 6 h is between one hour shorter than named and as named: an alert is never late.
    """
    five_minutes = f"slo:{what}:rate5m"
    if window == STEP:
        return f"sum({series(five_minutes)})", STEP
    if window <= SHORT_LIMIT:
        older = f"[{duration(window - STEP - _OVERLAP)}:1m] offset {duration(_OVERLAP)}"
        older = _or_zero(f"sum_over_time({series(five_minutes)}{older})")
        return f"{_or_zero(series(five_minutes))} * 5 + {older}", MINUTE
    return _hours(series, what, window - HOUR), HOUR


def amount_of_objective(series: Series, what: str, window: int) -> str:
    """As `amount`, for the objective: from as named to one hour longer, so no error is forgotten early."""
    return amount(series, what, window)[0] if window <= SHORT_LIMIT else _hours(series, what, window)


def _hours(series: Series, what: str, window: int) -> str:
    hours = f"sum_over_time({series(f'slo:{what}:rate1h')}[{duration(window)}:1h])"
    return f"{_or_zero(hours)} + sum({series(f'slo:{what}:hour')})"


def coverage(series: Series, window: int) -> str:
    """The share of the objective's window that has data, 0 to 1."""
    if window <= SHORT_LIMIT:
        minutes = f"count_over_time({series('slo:events:rate5m')}[{duration(window)}:1m])"
        return f"clamp_max({_or_zero(minutes)} / {window // MINUTE}, 1)"
    return f"clamp_max(({_hours(series, 'coverage', window)}) / {window / HOUR:g}, 1)"
