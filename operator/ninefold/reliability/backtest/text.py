"""Tables and times as a backtest prints them. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

Row = tuple[str, ...]

MOST = 20
"""The most rows of a table of events; JSON has all of them."""


def more(rows: Sequence[object]) -> list[str]:
    return [f"  … and {len(rows) - MOST} more: --json has all"] if len(rows) > MOST else []


def table(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield ("  " + "   ".join(cells)).rstrip()


def at(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M")


def rate(per_week: float | None) -> str:
    """
    >>> rate(0.66), rate(None)
    ('0.7', '-')
    """
    return "-" if per_week is None else f"{per_week:.1f}"
