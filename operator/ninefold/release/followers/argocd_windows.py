"""A closed gate as a sync window of an AppProject: one entry that ends by itself, next to the other entries. Pure.

A cron schedule has no year, so an entry that stays behind would hold the project again a year later. So the description
of the entry says when it ends, with the year: Ninefold recognizes an entry that is over, and people see its end.
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
"""How long an entry lasts. Ninefold renews it at half of that time, so it stays in force for at least the other half
after the operator stops."""
_MINUTE = timedelta(minutes=1)
OURS = "ninefold-gate until "
"""The beginning of the description of Ninefold's entry; no other entry may begin so."""
_ENDS = re.compile(rf"{OURS}(\d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ): ")
_LONGEST = 255
"""The longest description: Argo CD considers a project with a longer one invalid, and syncs nothing in it."""
_IDENTITY = ("kind", "schedule", "duration", "applications", "namespaces", "clusters", "timeZone", "andOperator")
"""The fields that identify an entry: Argo CD considers a project invalid if two entries agree in all of them."""


def held(present: Sequence[Window], gate: Key, *, manual: bool, now: datetime) -> list[Window]:
    """Returns the entries of a project whose gate is closed. `manual` says that people may sync by hand."""
    others = let_go(present)
    entry = next((window for window in present if _lasts(window, gate, manual, now)), None)
    if entry is None:
        entry = _new(others, gate, manual, _start(present, now))
    at = next((index for index, window in enumerate(present) if until(window)), len(present))
    return [*others[:at], entry, *others[at:]]


def let_go(present: Sequence[Window]) -> list[Window]:
    """Returns the entries without Ninefold's own."""
    return [window for window in present if until(window) is None]


def until(window: Window) -> datetime | None:
    """Returns when Ninefold's entry ends; None for any other entry."""
    match = _ENDS.match(window.get("description") or "")
    return _moment(match[1]) if match else None


def renewal(windows: Sequence[Window]) -> datetime | None:
    """Returns when Ninefold must renew the entry that `held` added; None without an entry."""
    return next((end - LASTS / 2 for window in windows if (end := until(window))), None)


def _start(present: Sequence[Window], now: datetime) -> datetime:
    """Returns the present minute if Ninefold's entry is in force already, otherwise the next minute, so that a sync in
    progress can finish."""
    minute = now.replace(second=0, microsecond=0)
    ends = [end for window in present if (end := until(window))]
    return minute if any(end - LASTS <= now < end for end in ends) else minute + _MINUTE


def _lasts(window: Window, gate: Key, manual: bool, now: datetime) -> bool:
    """Whether an entry is exactly what Ninefold would write, and lasts long enough to leave it unchanged."""
    end = until(window)
    if end is None or not now < end - LASTS / 2 or now + 2 * _MINUTE < end - LASTS:
        return False
    return window == _entry(gate, manual, end - LASTS)


def _new(others: Sequence[Window], gate: Key, manual: bool, start: datetime) -> Window:
    taken = [_identity(window) for window in others]
    while _identity(entry := _entry(gate, manual, start)) in taken:
        # A user's entry has the same identity: it is in force in this minute, and Ninefold's from the next.
        start += _MINUTE
    return entry


def _entry(gate: Key, manual: bool, start: datetime) -> Window:
    """Returns the entry from `start` on, in the form that Argo CD itself writes: without fields that are false."""
    description = f"{OURS}{rfc3339(start + LASTS)}: release gate {gate} is closed"
    return {
        "kind": "deny",
        "schedule": f"{start.minute} {start.hour} {start.day} {start.month} *",
        "duration": f"{LASTS // _MINUTE}m",
        "timeZone": "UTC",
        "applications": ["*"],
        **({"manualSync": True} if manual else {}),
        # Otherwise a sync in progress would stop halfway and stay there.
        "syncOverrun": True,
        "description": description[:_LONGEST],
    }


def _identity(window: Window) -> list[Any]:
    return [window.get(name) or None for name in _IDENTITY]


def _moment(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None
