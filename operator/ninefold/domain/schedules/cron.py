"""Time that comes again by a cron schedule and the clocks of a place. Pure."""

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
"""How many beginnings are looked at: a schedule that begins every minute is one long span."""


class Cron(Model):
    """Again and again, by the clocks of a place."""

    schedule: str = Field(
        min_length=9,
        max_length=100,
        description='When it begins: minute, hour, day of the month, month, day of the week, as "0 18 * * FRI".',
    )
    duration: Duration = Field(description="How long it lasts from then, in real time: 1m to 14d.")
    time_zone: TimeZone = Field(default="UTC", description="Whose clocks: an IANA name such as Europe/Paris.")


def cron_spans(cron: Cron, first: datetime, last: datetime, field: str) -> Iterator[Span]:
    """The spans that may touch the time from `first` until before `last`.

    Raises Stalled, with the field, for what is no schedule.
    """
    length = timedelta(seconds=seconds(cron.duration))
    if not SHORTEST <= length <= LONGEST:
        raise Stalled("InvalidSchedule", f"{field}.duration: write 1m to 14d, not {cron.duration}")
    where = zone(cron.time_zone, f"{field}.timeZone")
    try:
        # What began so long ago may still hold. The first beginning looked for is after this moment.
        begins = CronSim(cron.schedule, (first - length).astimezone(where))
    except CronSimError as error:
        raise Stalled("InvalidSchedule", f"{field}.schedule: {error} in {cron.schedule!r}") from None
    coming = takewhile(lambda start: start < last, (start.astimezone(UTC) for start in begins))
    for _, start in zip(range(_MOST), coming, strict=False):
        yield Span(start, start + length)
