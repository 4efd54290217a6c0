"""How much happened in a window, from the recordings alone. Pure.

Every figure is a ratio of two such amounts, so each event counts the same whenever it happened. Two ways of adding
up slo:…:rate5m, the mean over the last 5 minutes; both are sharp at the present moment:

- up to 6 h: the last 5 minutes exactly, plus one-minute samples of the 5 m mean before that. The samples end 2 minutes
  ago: they overlap the exact part just so much that an error is never counted late.
- longer: hourly means at full hours, which tile time without gap or overlap, plus the hour that has begun.

The cost does not depend on the number of raw series, and hardly on the interval of evaluation.
"""

from __future__ import annotations

import json

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.tiers import STEP

HOUR, MINUTE = 3_600, 60
SHORT_LIMIT = 6 * HOUR
_OVERLAP = 120


class Series:
    """The recordings of one objective, as selectors."""

    def __init__(self, slo_id: str) -> None:
        # Strings are quoted in PromQL as in JSON.
        self._matcher = f"{{slo_id={json.dumps(slo_id)}}}"

    def __call__(self, name: str) -> str:
        return name + self._matcher


def _or_zero(expression: str) -> str:
    """0 where a part of a sum has no data."""
    return f"(sum({expression}) or vector(0))"


def hour_mean(series: Series, name: str) -> str:
    """The mean of a 5 m recording over the last hour; minutes without data count as nothing.

    The millisecond leaves a full hour's own sample to the hour that begins with it, as `hour_so_far` has it, also
    when the evaluation falls on the full hour.
    """
    return f"sum_over_time({series(name)}[1h:1m] offset 1ms) / 60"


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


def in_alert_window(series: Series, what: str, window: int) -> tuple[str, int]:
    """The events ("events") or bad events ("errors") in a window of an alert, and the unit: seconds per 1.

    The window is as named or a little shorter, by 2 minutes or (above 6 h) up to an hour: an alert neither starts
    nor ends late.
    """
    if window == STEP:
        return f"sum({series(f'slo:{what}:rate5m')})", STEP
    if window <= SHORT_LIMIT:
        return _minutes(series, what, window - _OVERLAP), MINUTE
    return _hours(series, what, window - HOUR), HOUR


def in_objective_window(series: Series, what: str, window: int) -> str:
    """As `in_alert_window`, for the objective: as named."""
    if window <= SHORT_LIMIT:
        return _minutes(series, what, window)
    # The oldest of these hours began before the window: what happened until then was the hour so far of that time.
    before = f"{series(f'slo:{what}:hour')} offset {duration(window)}"
    return f"{_hours(series, what, window)} - {_or_zero(before)}"


def _minutes(series: Series, what: str, window: int) -> str:
    name = series(f"slo:{what}:rate5m")
    older = f"sum_over_time({name}[{duration(window - STEP)}:1m] offset {duration(_OVERLAP)})"
    return f"{_or_zero(name)} * 5 + {_or_zero(older)}"


def _hours(series: Series, what: str, window: int) -> str:
    hours = f"sum_over_time({series(f'slo:{what}:rate1h')}[{duration(window)}:1h])"
    return f"{_or_zero(hours)} + sum({series(f'slo:{what}:hour')})"


def coverage(series: Series, window: int) -> str:
    """The share of the objective's window that has data, 0 to 1."""
    if window <= SHORT_LIMIT:
        minutes = f"count_over_time({series('slo:events:rate5m')}[{duration(window)}:1m])"
        return f"clamp_max({_or_zero(minutes)} / {window // MINUTE}, 1)"
    return f"clamp_max(({_hours(series, 'coverage', window)}) / {window / HOUR:g}, 1)"
