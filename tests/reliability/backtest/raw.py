"""Counters as they were scraped, in blocks of a Prometheus, up to any time."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tests.reliability.servicelevelobjective.history import MINUTE, Uneven, load


def counters(traffic: Uneven, length: int, end: int, labels: str = 'job="checkout"') -> Iterator[str]:
    """Good and bad requests as OpenMetrics, a sample a minute, the last one at `end`."""
    for code, values in zip(("200", "500"), traffic.counters(length), strict=True):
        start = end - MINUTE * (len(values) - 1)
        for index, value in enumerate(values):
            yield f'http_requests_total{{{labels},code="{code}"}} {value!r} {start + index * MINUTE}\n'


def data_of(traffic: Uneven, length: int, end: int, directory: Path) -> Path:
    """A data directory with these counters."""
    directory.mkdir(exist_ok=True)
    load(counters(traffic, length, end), directory / "data")
    return directory / "data"
