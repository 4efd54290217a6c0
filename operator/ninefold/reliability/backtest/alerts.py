"""When an alert is pending and firing, from the times at which its expression has a value. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ninefold.reliability.backtest.grid import Array, present

Times = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Spell:
    """A time in which an alert is active, in points of the grid: pending from `begin`, firing from `fires` to before
    `end`."""

    begin: int
    fires: int | None
    """None if the alert ended before `for` was over."""
    end: int | None
    """The first point at which the alert is resolved; None if it lasts beyond the grid."""


def spells(values: Array, hold: int, keep: int) -> Iterator[Spell]:
    """The spells of an alert whose expression has these values; `hold` is `for`, `keep` is keep_firing_for, in
    steps."""
    open_: Spell | None = None
    for begin, end in runs(present(values)):
        if open_ is not None and (open_.end is None or begin <= open_.end):
            # keep_firing_for has kept the alert from being resolved.
            open_ = Spell(open_.begin, open_.fires, _resolved(end, keep, len(values)))
            continue
        if open_ is not None:
            yield open_
        fires = begin + hold if begin + hold < end else None
        open_ = Spell(begin, fires, _resolved(end, keep if fires is not None else 0, len(values)))
    if open_ is not None:
        yield open_


def runs(active: Times) -> Iterator[tuple[int, int]]:
    """The stretches of True: the first point of each, and the first point after it."""
    edges = np.flatnonzero(np.diff(active, prepend=False, append=False))
    return zip(map(int, edges[::2]), map(int, edges[1::2]), strict=True)


def _resolved(end: int, keep: int, count: int) -> int | None:
    """The point at which an alert is resolved if its expression has no value from `end` on."""
    return end + keep if end + keep < count else None


def states(found: list[Spell], count: int) -> dict[str, Array]:
    """The values of ALERTS by alertstate: 1 while pending, 1 while firing."""
    result = {state: np.full(count, np.nan) for state in ("pending", "firing")}
    for spell in found:
        end = count if spell.end is None else spell.end
        fires = end if spell.fires is None else spell.fires
        result["pending"][spell.begin : fires] = 1.0
        result["firing"][fires:end] = 1.0
    return result
