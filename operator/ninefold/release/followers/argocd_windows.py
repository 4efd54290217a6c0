"""A closed gate as a sync window of an AppProject: one entry that ends by itself, beside those of others. Pure.

A cron schedule has no year, so an entry that nobody takes away would hold the project again a year later. Its
description says when it ends, with the year: by that an entry is known to be over, and people see it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ninefold.kube.api import Key
from ninefold.kube.fields import rfc3339

Window = Mapping[str, Any]

LASTS = timedelta(hours=1)
"""How long an entry holds. It is renewed when half of that is over, so it outlives an operator that died by less."""
_MINUTE = timedelta(minutes=1)
OURS = "ninefold-gate until "
"""How the description of an entry of ours begins; none of anybody else may."""
_ENDS = re.compile(rf"{OURS}(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ): ")
_LONGEST = 255
"""Argo CD takes a project with a longer description for invalid, and then syncs nothing of it."""
_IDENTITY = ("kind", "schedule", "duration", "applications", "namespaces", "clusters", "timeZone", "andOperator")
"""Argo CD takes a project for invalid in which two entries have all of these in common."""


def held(present: Sequence[Window], gate: Key, *, manual: bool, now: datetime) -> list[Window]:
    """The entries of a project whose gate is closed. `manual`: people may sync all the same."""
    others = let_go(present)
    mine = next((each for each in present if _lasts(each, gate, manual, now)), None)
    if mine is None:
        mine = _new(others, gate, manual, _start(present, now))
    at = next((index for index, each in enumerate(present) if until(each)), len(present))
    return [*others[:at], mine, *others[at:]]


def let_go(present: Sequence[Window]) -> list[Window]:
    """The entries that are not ours."""
    return [each for each in present if until(each) is None]


def until(window: Window) -> datetime | None:
    """When an entry of ours ends; None for one that is not ours."""
    found = _ENDS.match(window.get("description") or "")
    return _moment(found[1]) if found else None


def renewal(windows: Sequence[Window]) -> datetime | None:
    """When the entry of ours that `held` put there is to be renewed."""
    return next((end - LASTS / 2 for each in windows if (end := until(each))), None)


def _start(present: Sequence[Window], now: datetime) -> datetime:
    """The minute that has begun if an entry of ours holds already, else the next: what is being synced may finish."""
    minute = now.replace(second=0, microsecond=0)
    ends = [end for each in present if (end := until(each))]
    return minute if any(end - LASTS <= now < end for end in ends) else minute + _MINUTE


def _lasts(window: Window, gate: Key, manual: bool, now: datetime) -> bool:
    """Whether an entry is as we would write it, and for long enough to leave it alone."""
    end = until(window)
    if end is None or not now < end - LASTS / 2 or now + 2 * _MINUTE < end - LASTS:
        return False
    return window == _entry(gate, manual, end - LASTS)


def _new(others: Sequence[Window], gate: Key, manual: bool, start: datetime) -> Window:
    taken = [_identity(each) for each in others]
    while _identity(entry := _entry(gate, manual, start)) in taken:
        # Somebody else's own entry is the same: it holds in this minute, and ours from the next.
        start += _MINUTE
    return entry


def _entry(gate: Key, manual: bool, start: datetime) -> Window:
    """From `start` on, as Argo CD itself would write it: what is false is left out."""
    told = f"{OURS}{rfc3339(start + LASTS)}: release gate {gate} is closed"
    return {
        "kind": "deny",
        "schedule": f"{start.minute} {start.hour} {start.day} {start.month} *",
        "duration": f"{LASTS // _MINUTE}m",
        "timeZone": "UTC",
        "applications": ["*"],
        **({"manualSync": True} if manual else {}),
        # Else a sync that is under way would stop in the middle and stay there.
        "syncOverrun": True,
        "description": told[:_LONGEST],
    }


def _identity(window: Window) -> list[Any]:
    return [window.get(name) or None for name in _IDENTITY]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
