"""The alert tiers of an objective: burn rates, windows and severities. Pure.

Terms: T the objective's window, b = 1 - objective the budget, k the burn rate of a tier, L and S its long and short
window, e an error ratio from 0 to 1. A constant burn of exactly k spends the share p = k * L / T of the budget in L.
A tier fires k * b * L / e after the first failed event; whatever e is, k * L of the budget is spent by then.
All times in seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Literal

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration, rough, seconds
from ninefold.reliability.servicelevelobjective.alert_fields import Tier
from ninefold.reliability.servicelevelobjective.alerting.quiet import Guard, lost, per_second
from ninefold.reliability.servicelevelobjective.recording.series import STEP
from ninefold.reliability.servicelevelobjective.status import TierStatus
from ninefold.reliability.servicelevelobjective.target import Target

Severity = Literal["Page", "Ticket"]
SEVERITIES: tuple[Severity, ...] = ("Ticket", "Page")


@dataclass(frozen=True, slots=True)
class AlertTier:
    """An alert; windows and `hold`, its `for`, in seconds."""

    burn_rate: Decimal
    long: int
    short: int
    severity: Severity
    hold: int = 0

    @property
    def name(self) -> str:
        """The value of the label burn_tier, such as "14.4x/1h"."""
        return f"{self.burn_rate:f}x/{duration(self.long)}"

    @property
    def spends(self) -> Decimal:
        """k * L: divided by T, the share of the budget that is spent when the tier fires."""
        return self.burn_rate * self.long

    def covers(self, other: AlertTier) -> bool:
        """Whether this tier fires whenever the other tier does, with the same or a higher severity."""
        return (
            SEVERITIES.index(self.severity) >= SEVERITIES.index(other.severity)
            and self.burn_rate <= other.burn_rate
            and self.long == other.long
            and self.short == other.short
            and self.hold <= other.hold
        )

    def detects_after(self, budget: Decimal, error_ratio: Decimal = Decimal(1)) -> Decimal | None:
        """Seconds from the first failed event until the tier fires; None if it never does. Delays of scrapes and
        evaluations are not included."""
        if error_ratio <= self.burn_rate * budget:
            return None
        return self.spends * budget / error_ratio + self.hold

    def resets_after(self, budget: Decimal, error_ratio: Decimal = Decimal(1)) -> Decimal:
        """Seconds from the last failed event until the tier ends, if the long window was full of failures."""
        return self.short * (1 - min(Decimal(1), self.burn_rate * budget / error_ratio))


def promised(target: Target, tiers: list[AlertTier]) -> list[TierStatus]:
    """What each tier does in a total outage, including the delay of scrapes and evaluations."""
    return [
        TierStatus(
            tier=tier.name,
            severity=tier.severity,
            outage_after=_outage_after(target, tier),
            budget=f"{(tier.spends / target.window * 100).quantize(Decimal('0.1')).normalize():f} %",
            resets_within=rough(float(tier.resets_after(target.budget)) + target.delay),
        )
        for tier in tiers
    ]


def _outage_after(target: Target, tier: AlertTier) -> str:
    """How soon a tier fires in a total outage, at the traffic of a quiet hour if it requires events or confidence."""
    alerting, delay = target.alerting, target.delay
    guard, soonest = Guard.of(target), float(tier.detects_after(target.budget) or 0)
    if alerting.minimum_traffic is None:
        asked = (alerting.minimum_errors or 1) > 1 or alerting.confidence
        return f"{rough(soonest + delay)} or later" if asked else rough(soonest + delay)
    if not guard.asks:
        return rough(soonest + delay)
    traffic = float(per_second(alerting.minimum_traffic))
    enough = guard.after(tier.long, float(tier.burn_rate * target.budget), traffic)
    return "never" if enough is None else rough(max(soonest, enough + tier.hold) + delay)


def explicit(target: Target, written: list[Tier]) -> list[AlertTier]:
    """The tiers as written. Raises Stalled for a tier that can never fire or that duplicates another, and for a burn
    that no tier detects."""
    field = "spec.alerting.tiers"
    tiers = [_tier(tier, target, f"{field}[{index}]") for index, tier in enumerate(written)]
    for index, tier in enumerate(tiers):
        for other in (*range(index), *range(index + 1, len(tiers))):
            if tiers[other].covers(tier) and not (index < other and tier.covers(tiers[other])):
                raise Stalled(
                    "DuplicateTier", f"{field}[{index}]: {field}[{other}] fires whenever this one does: remove one"
                )
    if not any(tier.burn_rate <= 1 and tier.spends <= target.window for tier in tiers):
        lowest = min(tier.burn_rate for tier in tiers)
        raise Stalled(
            "SilentBurn",
            f"{field}: a constant burn of up to {max(lowest, Decimal(1)):f}x would spend the whole budget and raise "
            'no alert; add a tier with burnRate "1", such as {burnRate: "1", long: '
            f"{duration(whole(Decimal(target.window) / 10))}, short: {duration(whole(Decimal(target.window) / 120))}, "
            "severity: Ticket}",
        )
    return tiers


def _tier(tier: Tier, target: Target, field: str) -> AlertTier:
    burn_rate, long = Decimal(tier.burn_rate), seconds(tier.long)
    highest = (1 / target.budget).quantize(Decimal("0.01"), ROUND_DOWN)
    if burn_rate * target.budget >= 1:
        raise Stalled(
            "ImpossibleAlert",
            f"{field}: a burn rate of {tier.burn_rate} can never be exceeded: at {target.percent} % a total outage "
            f"burns {highest}x; write a burnRate below {highest}, or leave out tiers",
        )
    _check_quiet(tier, target, field)
    if long > target.window:
        raise Stalled(
            "ImpossibleAlert",
            f"{field}: the window {tier.long} is longer than the objective's, {target.period}; write a shorter one",
        )
    hold = seconds(tier.hold) if tier.hold else 0
    return AlertTier(burn_rate.normalize(), long, seconds(tier.short), tier.severity, hold)


def _check_quiet(tier: Tier, target: Target, field: str) -> None:
    """Raises Stalled if too few events occur in the tier's long window at minimumTraffic."""
    alerting, long = target.alerting, seconds(tier.long)
    if alerting.minimum_traffic is None:
        return
    traffic = float(per_second(alerting.minimum_traffic))
    threshold, events = float(Decimal(tier.burn_rate) * target.budget), traffic * (long - lost(long))
    if Guard.of(target).after(long, threshold, traffic) is None:
        certain = f"a confidence of {alerting.confidence} %" if alerting.confidence else ""
        asked = " and ".join(filter(None, (f"minimumErrors {alerting.minimum_errors or 1}", certain)))
        raise Stalled(
            "ImpossibleAlert",
            f"{field}: at minimumTraffic {alerting.minimum_traffic} {events:.3g} events occur in {tier.long}, too few "
            f"for {asked}: write a longer window, or ask for less",
        )


def whole(length: Decimal) -> int:
    """A length in seconds, rounded to whole steps, at least one."""
    return max(1, round(length / STEP)) * STEP
