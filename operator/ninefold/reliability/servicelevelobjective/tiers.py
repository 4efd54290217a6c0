"""Which alerts an objective gets: burn rates, windows and severities. Pure.

Terms: T the objective's window, b = 1 - objective the budget, k the burn rate of a tier, L and S its long and short
window. A constant burn of exactly k spends the share p = k * L / T of the budget in L. All times in seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Literal

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration, seconds
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective, Tier

STEP = 300
"""Events are counted over 5 m, so that no window can be finer."""

SEVERITIES = ("Ticket", "Page")


@dataclass(frozen=True, slots=True)
class AlertTier:
    """One alert, in seconds; `hold` is its `for`."""

    burn_rate: Decimal
    long: int
    short: int
    severity: Literal["Page", "Ticket"]
    hold: int = 0

    @property
    def name(self) -> str:
        """As the label burn_tier: "14.4x/1h"."""
        return f"{self.burn_rate:f}x/{duration(self.long)}"

    def covers(self, other: AlertTier) -> bool:
        """Whether this one fires whenever the other does, to at least the same people."""
        return (
            SEVERITIES.index(self.severity) >= SEVERITIES.index(other.severity)
            and self.burn_rate <= other.burn_rate
            and self.long == other.long
            and self.short == other.short
            and self.hold <= other.hold
        )


_DEFAULTS: Sequence[tuple[Decimal, Decimal, Literal["Page", "Ticket"]]] = (
    (Decimal("14.4"), Decimal("0.02"), "Page"),
    (Decimal(6), Decimal("0.05"), "Page"),
    (Decimal(3), Decimal("0.10"), "Ticket"),
    (Decimal(1), Decimal("0.10"), "Ticket"),
)
"""k, p and severity of the Site Reliability Workbook: with T = 30 d, L is 1 h, 6 h, 1 d and 3 d."""


def tiers(slo: ServiceLevelObjective) -> list[AlertTier]:
    """The tiers of an objective, its own or the default ones. Raises Stalled for one that can never fire."""
    alerting = slo.spec.alerting
    if alerting.disabled:
        return []
    if alerting.tiers is not None:
        return [_explicit(tier, slo, f"spec.alerting.tiers[{index}]") for index, tier in enumerate(alerting.tiers)]
    return _defaults(slo.window, 1 - slo.objective)


def _explicit(tier: Tier, slo: ServiceLevelObjective, field: str) -> AlertTier:
    burn_rate, long = Decimal(tier.burn_rate), seconds(tier.long)
    highest = (1 / (1 - slo.objective)).quantize(Decimal("0.01"), ROUND_DOWN)
    if burn_rate * (1 - slo.objective) >= 1:
        raise Stalled(
            "ImpossibleAlert",
            f"{field}: a burn rate of {tier.burn_rate} can never be exceeded: at {slo.spec.objective} % a total outage "
            f"burns {highest}x; write a burnRate below {highest}, or leave out tiers",
        )
    if long > slo.window:
        raise Stalled(
            "ImpossibleAlert",
            f"{field}: the window {tier.long} is longer than the objective's, {slo.spec.window.rolling}; "
            "write a shorter one",
        )
    hold = seconds(tier.hold) if tier.hold else 0
    return AlertTier(burn_rate.normalize(), long, seconds(tier.short), tier.severity, hold)


def _defaults(window: int, budget: Decimal) -> list[AlertTier]:
    """The Workbook's tiers with p and k kept and windows in proportion to T, as far as they can be kept.

    k is capped so that an outage of 90 % exceeds it, and so that at most half the budget is gone when it fires
    (L cannot shrink below 5 m); never below 1, so that no burn spends the budget unseen. A tier that another one
    covers is left out.
    """
    found: list[AlertTier] = []
    for ideal, share, severity in _DEFAULTS:
        burn_rate = min(ideal, max(Decimal(1), Decimal("0.9") / budget))
        long = _whole(share * window / burn_rate)
        burn_rate = min(burn_rate, max(Decimal(1), window / Decimal(2 * long)))
        burn_rate = burn_rate.quantize(Decimal("0.1"), ROUND_DOWN).normalize()
        tier = AlertTier(burn_rate, long, _whole(Decimal(long) / 12), severity)
        if not any(other.covers(tier) for other in found):
            found = [other for other in found if not tier.covers(other)]
            found.append(tier)
    return found


def _whole(length: Decimal) -> int:
    """Rounded to whole steps, at least one."""
    return max(1, round(length / STEP)) * STEP
