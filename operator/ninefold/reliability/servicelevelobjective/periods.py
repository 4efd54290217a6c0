"""When a period of the calendar begins and ends, in somebody's time. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ninefold.kube.fields import zone
from ninefold.reliability.servicelevelobjective.resource import Calendar


@dataclass(frozen=True, slots=True)
class Span:
    """From `start` on, until before `end`."""

    start: datetime
    end: datetime


def period(calendar: Calendar, now: datetime) -> Span:
    """The period that holds a moment. Raises Stalled for a time zone that does not exist."""
    where = zone(calendar.time_zone, "timeZone")
    today = now.astimezone(where).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    if calendar.period == "Week":
        first = today - timedelta(days=today.weekday())
        after = first + timedelta(days=7)
    else:
        months = 1 if calendar.period == "Month" else 3
        first = today.replace(day=1, month=(today.month - 1) // months * months + 1)
        after = _later(first, months)
    return Span(*(day.replace(tzinfo=where).astimezone(UTC) for day in (first, after)))


def _later(first: datetime, months: int) -> datetime:
    """The first day of the month so many months later."""
    number = first.year * 12 + first.month - 1 + months
    return first.replace(year=number // 12, month=number % 12 + 1)
