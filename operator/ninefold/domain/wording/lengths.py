"""Lengths of time as people read them. Pure."""

from __future__ import annotations

from datetime import timedelta


def length(took: timedelta) -> str:
    """A length in two units at most.

    >>> length(timedelta(minutes=135)), length(timedelta(days=30)), length(timedelta(seconds=90))
    ('2h 15m', '30d', '1m 30s')
    """
    rest, parts = round(took.total_seconds()), []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        amount, rest = divmod(rest, size)
        if amount:
            parts.append(f"{amount}{unit}")
        elif parts:
            break
        if len(parts) == 2:
            break
    return " ".join(parts) or "0s"
