"""Recurring spans from a cron schedule in local time. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from cronsim import CronSim, CronSimError
from pydantic import Field

from ninefold.domain.schedules.span import Span
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import Duration, TimeZone, seconds, zone
from ninefold.kube.model import Model

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=14)
_MOST = 1_000
"""The most starts that are read: a schedule that starts every minute is one long span."""


class Cron(Model):
    """Recurring spans, by a cron schedule in local time."""

    schedule: str = Field(
        min_length=9,
        max_length=100,
        description='When each span begins: minute, hour, day of the month, month, day of the week, as "0 18 * * FRI".',
    )
    duration: Duration = Field(description="The length of each span, in elapsed time: 1m to 14d.")
    time_zone: TimeZone = Field(
        default="UTC", description="The time zone of the schedule: an IANA name such as Europe/Paris."
    )


def cron_spans(cron: Cron, first: datetime, last: datetime, field: str) -> Iterator[Span]:
    """The spans that may touch the time from `first` until before `last`.

    Raises Stalled, with the field, for an invalid schedule.
    """
    length = timedelta(seconds=seconds(cron.duration))
    if not SHORTEST <= length <= LONGEST:
        raise Stalled("InvalidSchedule", f"{field}.duration: write 1m to 14d, not {cron.duration}")
    where = zone(cron.time_zone, f"{field}.timeZone")
    try:
        # A span that began one length ago may still last. CronSim yields starts after this moment.
        begins = CronSim(cron.schedule, (first - length).astimezone(where))
    except CronSimError as error:
        raise Stalled("InvalidSchedule", f"{field}.schedule: {error} in {cron.schedule!r}") from None
    coming = takewhile(lambda start: start < last, (start.astimezone(UTC) for start in begins))
    for _, start in zip(range(_MOST), coming, strict=False):
        yield Span(start, start + length)
