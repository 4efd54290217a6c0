"""Spans of time, from one moment until before another. Pure."""

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
        """Whether it overlaps the time from `first` until before `last`."""
        return self.end > first and self.start < last


def joined(spans: Iterable[Span]) -> list[Span]:
    """The spans in order; adjacent and overlapping spans are joined."""
    merged: list[Span] = []
    for span in sorted(spans):
        if merged and span.start <= merged[-1].end:
            merged[-1] = Span(merged[-1].start, max(merged[-1].end, span.end))
        else:
            merged.append(span)
    return merged
