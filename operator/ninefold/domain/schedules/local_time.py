"""Local times as moments, also on days when the clocks change. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def moment(local: datetime, where: ZoneInfo) -> datetime:
    """A local time as a moment. A time that occurs twice is the first of the two; a skipped time is the moment when the
    clocks change."""
    first = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == local:
        return first
    # With the offset before the change it is after the change, and with the offset after the change it is before.
    early, late = local.replace(tzinfo=where, fold=1).astimezone(UTC), first
    after = late.astimezone(where).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        early, late = (early, middle) if middle.astimezone(where).utcoffset() == after else (middle, late)
    return late
