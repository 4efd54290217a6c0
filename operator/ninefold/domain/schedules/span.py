"""Time from one moment until before another. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """From `start` on, until before `end`."""

    start: datetime
    end: datetime

    def touches(self, first: datetime, last: datetime) -> bool:
        """Whether it has something of the time from `first` until before `last`."""
        return self.end > first and self.start < last


def joined(spans: Iterable[Span]) -> list[Span]:
    """In order; those that meet are one."""
    found: list[Span] = []
    for span in sorted(spans):
        if found and span.start <= found[-1].end:
            found[-1] = Span(found[-1].start, max(found[-1].end, span.end))
        else:
            found.append(span)
    return found
