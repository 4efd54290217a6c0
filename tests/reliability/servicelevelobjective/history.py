"""Made-up traffic whose true error ratio is known, as series for promtool and as blocks of a Prometheus."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import pi, sin
from pathlib import Path

from devcluster.binaries import binary

MINUTE, HOUR, DAY = 60, 3_600, 86_400
END = 1_790_000_000 // DAY * DAY
"""When the history ends: a midnight, in Unix seconds."""


@dataclass(frozen=True)
class Uneven:
    """Requests that swing over the day and fail unevenly, on a scale of `unit` seconds for what was a day.

    With `unit` a day: half a day at 5 % nine days ago, 72 minutes at 60 % three days ago, and six days ago one day
    with a hundredth of the traffic and half of it failing. Times are ages: seconds before the end.
    """

    unit: int = DAY

    def requests(self, age: float) -> float:
        """A second."""
        quiet = 6 <= age / self.unit < 7
        return (60 + 40 * sin(2 * pi * age / DAY)) * (0.01 if quiet else 1)

    def failing(self, age: float) -> float:
        """The share that fails."""
        for first, last, share in ((9, 9.5, 0.05), (3, 3.05, 0.6), (6, 7, 0.5)):
            if first <= age / self.unit < last:
                return share
        return 0.0004

    def error_ratio(self, window: int, before: int = 0) -> float:
        """The truth: bad events over all events in a window that ended some seconds before the end."""
        ages = [age + 30 for age in range(before, before + window, MINUTE)]
        requests = [self.requests(age) for age in ages]
        return sum(map(self.failing_requests, ages)) / sum(requests)

    def failing_requests(self, age: float) -> float:
        return self.requests(age) * self.failing(age)

    def counters(self, length: int, share: float = 1.0) -> tuple[list[float], list[float]]:
        """Counters of good and of bad requests, a sample a minute, the last one at the end."""
        good, bad = [1000.0], [1000.0]
        for age in range(length - MINUTE, -MINUTE, -MINUTE):
            failed = self.failing_requests(age + 30) * MINUTE * share
            good.append(good[-1] + self.requests(age + 30) * MINUTE * share - failed)
            bad.append(bad[-1] + failed)
        return good, bad


def samples(name: str, labels: str, values: Iterable[float], step: int) -> Iterator[str]:
    """One gauge in OpenMetrics, the last value at the end of history."""
    listed = list(values)
    start = END - step * (len(listed) - 1)
    for index, value in enumerate(listed):
        yield f"{name}{{{labels}}} {value!r} {start + index * step}\n"


def load(openmetrics: Iterable[str], data: Path) -> None:
    """Write blocks of these samples into a data directory."""
    source = data.parent / "history.om"
    with source.open("w") as file:
        file.writelines(openmetrics)
        file.write("# EOF\n")
    argv = [str(binary("promtool")), "tsdb", "create-blocks-from", "openmetrics", "--quiet", str(source), str(data)]
    subprocess.run([*argv, "--max-block-duration=744h"], check=True, capture_output=True)
    source.unlink()
