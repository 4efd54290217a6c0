"""When freezes are: a cron schedule by the clocks of a place, or dates, as moments. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from cronsim import CronSim, CronSimError

from ninefold.domain.schedules.cron import Cron
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import seconds, zone
from ninefold.release.gate.spec import Freeze

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=14)
_MOST = 1_000
"""How many beginnings are looked at: a schedule that begins every minute is one long freeze."""


@dataclass(frozen=True, slots=True)
class Span:
    """Time from `start` until before `end`."""

    start: datetime
    end: datetime


def spans(freeze: Freeze, first: datetime, last: datetime, field: str) -> list[Span]:
    """Those that touch the time from `first` until before `last`, in order; those that meet are one.

    Raises Stalled, with the field, for what is no schedule.
    """
    if freeze.dates is not None:
        found = [Span(freeze.dates.from_, freeze.dates.until)]
    else:
        assert freeze.cron is not None  # noqa: S101 - the model holds exactly one
        found = list(_recurring(freeze.cron, first, last, f"{field}.cron"))
    return _joined(span for span in found if span.end > first and span.start < last)


def _recurring(cron: Cron, first: datetime, last: datetime, field: str) -> Iterator[Span]:
    length = timedelta(seconds=seconds(cron.duration))
    if not SHORTEST <= length <= LONGEST:
        raise Stalled("InvalidFreeze", f"{field}.duration: write 1m to 14d, not {cron.duration}")
    where = zone(cron.time_zone, f"{field}.timeZone")
    try:
        # What began so long ago may still hold. The first beginning looked for is after this moment.
        begins = CronSim(cron.schedule, (first - length).astimezone(where))
    except CronSimError as error:
        raise Stalled("InvalidFreeze", f"{field}.schedule: {error} in {cron.schedule!r}") from None
    coming = takewhile(lambda start: start < last, (start.astimezone(UTC) for start in begins))
    for _, start in zip(range(_MOST), coming, strict=False):
        yield Span(start, start + length)


def _joined(found: Iterator[Span]) -> list[Span]:
    joined: list[Span] = []
    for span in sorted(found, key=lambda span: span.start):
        if joined and span.start <= joined[-1].end:
            joined[-1] = Span(joined[-1].start, max(joined[-1].end, span.end))
        else:
            joined.append(span)
    return joined
