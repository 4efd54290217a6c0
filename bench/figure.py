"""What a measurement yields, as JSON and as a line for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure. `against` names the peer or the floor of the same run, with its value; `ratio` is value / its value.

    `goal` is a sentence about value or ratio, and `holds` whether it is met; both None where no goal was set.
    """

    name: str
    value: float
    unit: str
    against: str | None = None
    ratio: float | None = None
    goal: str | None = None
    holds: bool | None = None


def at_most(what: str, measured: float, limit: float | None) -> tuple[str | None, bool | None]:
    """A goal and whether it holds: at_most("ratio", 1.2, 1.3); None, None without a limit."""
    return (None, None) if limit is None else (f"{what} <= {limit:g}", measured <= limit)


def compared(
    name: str, value: float, unit: str, peer: str, other: float, *, goal: float | None = None, digits: int = 3
) -> Figure:
    """A figure beside another one of the same run; `goal` is the largest ratio wanted."""
    ratio = value / other
    wanted, holds = at_most("ratio", ratio, goal)
    against = f"{peer}: {significant(other, digits)} {unit}"
    return Figure(name, significant(value, digits), unit, against, significant(ratio, digits), wanted, holds)


def significant(value: float, digits: int = 3) -> float:
    """Rounded to what a measurement is worth."""
    return float(f"{value:.{digits}g}")


def as_json(figures: Iterable[Figure]) -> str:
    return json.dumps({"figures": [asdict(figure) for figure in figures]}, indent=2) + "\n"


def table(figures: Iterable[Figure]) -> str:
    """For the end of a run."""
    rows = [("figure", "value", "against", "ratio", "goal")]
    for figure in figures:
        verdict = "" if figure.holds is None else f"{figure.goal}: {'holds' if figure.holds else 'MISSED'}"
        ratio = "" if figure.ratio is None else f"{figure.ratio:g}"
        rows.append((figure.name, f"{figure.value:,g} {figure.unit}", figure.against or "", ratio, verdict))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


class Failed(Exception):
    """A measurement did not come to its end; the message says why."""


Say = Callable[[str], None]
"""Tells people how far a measurement is."""


def say(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
