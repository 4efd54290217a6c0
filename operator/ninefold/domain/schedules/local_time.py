"""What clocks on the wall show, as moments: over the days on which clocks are set, too. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo


def moment(local: datetime, where: ZoneInfo) -> datetime:
    """What clocks on the wall show, as a moment: of a time shown twice the first; one that is skipped is the moment
    at which the clocks are set."""
    first = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == local:
        return first
    # By the offset before the change it is after it, and by the offset after the change before it.
    early, late = local.replace(tzinfo=where, fold=1).astimezone(UTC), first
    after = late.astimezone(where).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        early, late = (early, middle) if middle.astimezone(where).utcoffset() == after else (middle, late)
    return late
