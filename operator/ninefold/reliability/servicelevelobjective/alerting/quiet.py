"""What alerts require in addition to a burn rate, and how long that takes with little traffic. Pure.

With N events in the long window and a threshold of t = k * b for the error ratio, minimumErrors requires m bad events.
confidence requires enough of them that Wilson's lower bound of their share is above t: at least
N * t + z * sqrt(N * t * (1 - t)). There cannot be more than N.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import sqrt
from statistics import NormalDist

from ninefold.reliability.servicelevelobjective.recording.series import HOUR, OVERLAP, SHORT_LIMIT, STEP
from ninefold.reliability.servicelevelobjective.target import Target

USUAL_ERRORS = 2
"""The default of minimumErrors: after idle hours, a single failed request is an error ratio of 100 %."""

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}


@dataclass(frozen=True, slots=True)
class Guard:
    """The conditions of minimumErrors and confidence."""

    errors: int
    z: float
    """The quantile of the normal distribution; 0 without confidence."""

    @classmethod
    def of(cls, target: Target) -> Guard:
        confidence = target.alerting.confidence
        z = NormalDist().inv_cdf(float(Decimal(confidence) / 100)) if confidence else 0.0
        return cls(fewest_errors(target), z)

    @property
    def asks(self) -> bool:
        """Whether an alert requires more than a burn rate."""
        return self.errors > 1 or self.z > 0

    def needs(self, events: float, threshold: float) -> float | None:
        """How many of `events` events must be bad; None if that is more than all of them."""
        needed = max(self.errors, events * threshold + self.z * sqrt(events * threshold * (1 - threshold)))
        return needed if needed <= events and threshold < 1 else None

    def after(self, long: int, threshold: float, traffic: float, error_ratio: float = 1.0) -> float | None:
        """Seconds from the first failed event until enough have failed; None if they never do."""
        needed = self.needs(traffic * (long - lost(long)), threshold)
        return None if needed is None or error_ratio <= 0 else needed / (traffic * error_ratio)


def fewest_errors(target: Target) -> int:
    """How many bad events a tier's long window must contain. Tiers that the user wrote stay unchanged."""
    alerting = target.alerting
    if alerting.minimum_errors is not None:
        return alerting.minimum_errors
    return USUAL_ERRORS if alerting.tiers is None and target.counts_events else 1


def per_second(traffic: str) -> Fraction:
    """ "20/h" as events per second."""
    count, _, unit = traffic.partition("/")
    return Fraction(count) / _UNITS[unit]


def lost(long: int) -> int:
    """The seconds by which the sum over a window may cover less than its name says."""
    if long <= STEP:
        return 0
    return OVERLAP if long <= SHORT_LIMIT else HOUR
