"""Calendar periods: when each begins and ends, in the local time of a zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Literal

from pydantic import Field

from ninefold.domain.schedules.span import Span
from ninefold.kube.fields import TimeZone, zone
from ninefold.kube.model import Model


class Calendar(Model):
    """A week from Monday, a month or a quarter, in a time zone."""

    period: Literal["Week", "Month", "Quarter"] = Field(
        description="The period of the budget; each period begins with a full budget. Weeks begin on Monday."
    )
    time_zone: TimeZone = Field(
        default="UTC",
        description="The time zone where periods begin at midnight: an IANA name such as Europe/Paris.",
    )


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
    """The first day of the month `months` months later."""
    number = first.year * 12 + first.month - 1 + months
    return first.replace(year=number // 12, month=number % 12 + 1)
