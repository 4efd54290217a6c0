"""31 days of a service's counters, with the troubles that tell a good error budget from a bad one, and the truth.

20 pods x {200, 500}, a sample a minute; 20 to 100 requests a second over the day, 0.04 % of them errors. Half a day at
5 % nine days ago, 72 minutes at 60 % three days ago, and six days ago a day with 1 % of the traffic, half of it
failing: few errors, yet a mean of ratios counts them as much as a day of full traffic.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

PODS = 20
MINUTE, HOUR, DAY = 60, 3_600, 86_400


@dataclass(frozen=True, slots=True)
class History:
    """The counters of `days` days up to `end` (Unix seconds, whole minutes)."""

    end: int
    days: int

    @property
    def start(self) -> int:
        return self.end - self.days * DAY

    def minute(self, at: int) -> tuple[float, float]:
        """Requests and errors in the minute before `at`."""
        rate, share = 60 - 40 * math.cos(2 * math.pi * (at % DAY) / DAY), 0.0004
        ago = (self.end - at) / DAY
        if 9 <= ago < 9.5:
            share = 0.05
        elif 3 <= ago < 3.05:
            share = 0.6
        elif 6 <= ago < 7:
            rate, share = rate / 100, 0.5
        return rate * MINUTE, rate * MINUTE * share

    def truth(self, at: int, window: int) -> float:
        """The share of bad events among all events of the `window` seconds before a time."""
        minutes = [self.minute(each) for each in range(at - window + MINUTE, at + 1, MINUTE)]
        return math.fsum(bad for _, bad in minutes) / math.fsum(total for total, _ in minutes)

    def openmetrics(self) -> Iterator[str]:
        """The counters in OpenMetrics, to be written to a file one after another."""
        yield "# TYPE http_requests counter\n"
        totals = {"200": 0.0, "500": 0.0}
        names = {
            code: [f'http_requests_total{{job="checkout",pod="checkout-{pod}",code="{code}"}}' for pod in range(PODS)]
            for code in totals
        }
        for at in range(self.start, self.end + 1, MINUTE):
            requests, errors = self.minute(at)
            totals["200"] += (requests - errors) / PODS
            totals["500"] += errors / PODS
            for code, series in names.items():
                # Counters count whole requests; pods differ by less than one.
                yield "".join(
                    f"{name} {math.floor(totals[code] + pod / PODS)} {at}\n" for pod, name in enumerate(series)
                )
        yield "# EOF\n"
