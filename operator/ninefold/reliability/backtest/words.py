"""Lengths, shares and tables as people read them in a backtest. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

Row = tuple[str, ...]

MOST = 20
"""Rows of a table of events; JSON has all."""


def more(rows: Sequence[object]) -> list[str]:
    return [f"  … and {len(rows) - MOST} more: --json has all"] if len(rows) > MOST else []


def table(rows: Sequence[Row]) -> Iterator[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True) if width)
        yield ("  " + "   ".join(cells)).rstrip()


def at(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M")


def length(took: timedelta) -> str:
    """In two units at most.

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


def percent(share: float) -> str:
    """
    >>> percent(0.5), percent(0.000934), percent(1), percent(-0.04)
    ('50 %', '0.0934 %', '100 %', '-4 %')
    """
    return f"{float(f'{share * 100:.3g}'):g} %"


def rate(per_week: float | None) -> str:
    """
    >>> rate(0.66), rate(None)
    ('0.7', '-')
    """
    return "-" if per_week is None else f"{per_week:.1f}"


def count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
