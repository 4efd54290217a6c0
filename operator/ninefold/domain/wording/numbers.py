"""Numbers as people read them. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def percent(points: float, digits: int = 1) -> str:
    """Percentage points.

    >>> percent(38.24), percent(-0.04), percent(1.234, 2)
    ('38.2 %', '0.0 %', '1.23 %')
    """
    # Adding 0.0 turns a negative zero into a plain zero.
    return f"{round(points, digits) + 0.0:.{digits}f} %"


def in_percent(ratio: float) -> str:
    """A ratio as a percentage with three significant digits.

    >>> in_percent(0.5), in_percent(0.000934), in_percent(1), in_percent(-0.04)
    ('50 %', '0.0934 %', '100 %', '-4 %')
    """
    return f"{float(f'{ratio * 100:.3g}'):g} %"


def burn_rate(rate: float) -> str:
    """A burn rate to two significant digits, without an exponent.

    >>> burn_rate(22.4), burn_rate(0.0512), burn_rate(630.0), burn_rate(-0.0)
    ('22x', '0.051x', '630x', '0x')
    """
    return f"{float(f'{rate:.2g}') + 0.0:.10f}".rstrip("0").rstrip(".") + "x"


def counted(number: int, noun: str) -> str:
    """
    >>> counted(1, "release"), counted(2, "release")
    ('1 release', '2 releases')
    """
    return f"{number} {noun}{'' if number == 1 else 's'}"


def and_more(names: Sequence[str]) -> str:
    """
    >>> and_more(["a"]), and_more(["a", "b", "c"])
    ('a', 'a and 2 more')
    """
    return f"{names[0]} and {len(names) - 1} more" if names[1:] else names[0]
