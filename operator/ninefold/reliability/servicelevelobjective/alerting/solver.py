"""Chooses the tiers that achieve the goals of spec.alerting, or says in a sentence why none can. Pure.

The terms are those of tiers.py. A tier is determined by k, by q = k * L, which is what it spends and how late it fires,
and by S, which is how late it ends. The solver begins with the tiers of the Site Reliability Workbook, keeps k where it
can, and moves q and S within the contract:

- budgetAtPage p:     q <= p * T
- pageWithin D:       q <= (D - delays) / b, so that a total outage (e = 1) is seen in time
- resetWithin R:      S <= R - delays
- minimumErrors m at minimumTraffic r: L >= m / r, so that a dead service fails often enough in it
- and always:         L >= 5 m; k * b <= 0.9, so that an outage of 90 % is seen; k >= 1, so that no tier fires while the
                      objective is met
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_DOWN, Decimal
from fractions import Fraction
from math import ceil, floor

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration, seconds
from ninefold.reliability.servicelevelobjective.alerting.quiet import Guard, fewest_errors, lost, per_second
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier, Severity, explicit, whole
from ninefold.reliability.servicelevelobjective.recording.series import HOUR, OVERLAP, SHORT_LIMIT, STEP
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

WORKBOOK: tuple[tuple[Decimal, Decimal, Severity], ...] = (
    (Decimal("14.4"), Decimal("0.02"), "Page"),
    (Decimal(6), Decimal("0.05"), "Page"),
    (Decimal(3), Decimal("0.10"), "Ticket"),
    (Decimal(1), Decimal("0.10"), "Ticket"),
)
"""k, p and severity of the Site Reliability Workbook: with T = 30 d, L is 1 h, 6 h, 1 d and 3 d."""

MOST_AT_PAGE = 50
"""The highest budgetAtPage, in percent."""

_FIELD = "spec.alerting"


def tiers(slo: ServiceLevelObjective) -> list[AlertTier]:
    """The tiers of an objective; see `solve`."""
    return solve(Target.of(slo))


def solve(target: Target) -> list[AlertTier]:
    """The tiers, the fastest first. Raises Stalled for goals that cannot be achieved."""
    alerting = target.alerting
    if alerting.disabled:
        return []
    every = explicit(target, alerting.tiers) if alerting.tiers is not None else _fitted(_Contract.of(target))
    if alerting.confidence and alerting.minimum_traffic and alerting.tiers is None:
        _check_confidence(target, every, float(per_second(alerting.minimum_traffic)))
    wanted = [tier for tier in every if not alerting.own(tier.severity).disabled]
    return sorted(wanted, key=lambda tier: (-tier.burn_rate, tier.long))


@dataclass(frozen=True, slots=True)
class _Contract:
    """The goals of spec.alerting, in seconds and shares; None for a goal that is not set."""

    window: int
    budget: Decimal
    delay: int
    page_within: int | None
    budget_at_page: Decimal | None
    reset_within: int | None
    errors: int
    traffic: Fraction | None
    """Events per second."""

    @classmethod
    def of(cls, target: Target) -> _Contract:
        alerting = target.alerting
        return cls(
            window=target.window,
            budget=target.budget,
            delay=target.delay,
            page_within=seconds(alerting.page_within) if alerting.page_within else None,
            budget_at_page=Decimal(alerting.budget_at_page) / 100 if alerting.budget_at_page else None,
            reset_within=seconds(alerting.reset_within) if alerting.reset_within else None,
            errors=fewest_errors(target),
            traffic=per_second(alerting.minimum_traffic) if alerting.minimum_traffic else None,
        )

    @property
    def strict(self) -> bool:
        """Whether a goal limits how late a page may fire."""
        return self.page_within is not None or self.budget_at_page is not None

    @property
    def shortest(self) -> int:
        """The shortest long window in which enough errors occur in a total outage at a quiet hour."""
        if self.traffic is None:
            return STEP
        needed = self.errors / self.traffic
        # The sum over the window covers this much less than its name says.
        lost = (OVERLAP if needed > STEP - OVERLAP else 0) if needed <= SHORT_LIMIT - OVERLAP else HOUR
        return ceil((needed + lost) / STEP) * STEP


def _fitted(contract: _Contract) -> list[AlertTier]:
    _check_reset(contract)
    _check_traffic(contract)
    found: list[AlertTier] = []
    for number, (ideal, share, severity) in enumerate(WORKBOOK):
        tier = _fit(contract, ideal, share, severity, fastest=number == 0)
        if not any(other.covers(tier) for other in found):
            found = [other for other in found if not tier.covers(other)]
            found.append(tier)
    _check(contract, found)
    return found


def _fit(contract: _Contract, ideal: Decimal, share: Decimal, severity: Severity, *, fastest: bool) -> AlertTier:
    """The tier that the contract allows and that is nearest to the tier of the Workbook."""
    paging = severity == "Page"
    if paging and contract.budget_at_page is not None:
        share = min(share, contract.budget_at_page)
    burn_rate = min(ideal, max(Decimal(1), Decimal("0.9") / contract.budget))
    spends = share * contract.window
    if fastest and contract.page_within is not None:
        spends = min(spends, max(Decimal(0), Decimal(contract.page_within - contract.delay)) / contract.budget)
    long = min(max(whole(spends / burn_rate), contract.shortest), max(STEP, contract.window // STEP * STEP))
    limits = [burn_rate, max(Decimal(1), contract.window / Decimal(2 * long))]
    if long > spends / burn_rate and (contract.traffic is not None or (paging and contract.strict)):
        limits.append(max(Decimal(1), spends / long))
    burn_rate = min(limits).quantize(Decimal("0.1"), ROUND_DOWN).normalize()
    short = whole(Decimal(long) / 12)
    if paging and contract.reset_within is not None:
        short = min(short, (contract.reset_within - contract.delay) // STEP * STEP)
    return AlertTier(burn_rate, long, short, severity)


def _check_traffic(contract: _Contract) -> None:
    """Raises Stalled if minimumErrors cannot occur at minimumTraffic."""
    longest = max(STEP, contract.window // STEP * STEP)
    if contract.traffic is None or contract.shortest <= longest:
        return
    most = floor(contract.traffic * (longest - lost(longest)))
    fewer = f"write minimumErrors of {most} or" if most else "write"
    raise _impossible(
        "minimumTraffic",
        f"in {duration(longest)}, the longest window that alerts can have here, minimumTraffic brings {most} of the "
        f"{contract.errors} bad events that minimumErrors asks for, so no alert would ever fire: {fewer} a longer "
        "spec.window, or leave out minimumTraffic",
    )


def _check_reset(contract: _Contract) -> None:
    if contract.reset_within is not None and contract.reset_within < STEP + contract.delay:
        raise _impossible(
            "resetWithin", f"events are counted over {duration(STEP)}: write {duration(STEP + contract.delay)} or more"
        )


def _check_confidence(target: Target, found: list[AlertTier], traffic: float) -> None:
    guard = Guard.of(target)
    for tier in found:
        if guard.after(tier.long, float(tier.burn_rate * target.budget), traffic) is None:
            events = traffic * (tier.long - lost(tier.long))
            raise _impossible(
                "confidence",
                f"at minimumTraffic {events:.3g} events occur in {duration(tier.long)}, too few for this "
                f"confidence in a burn rate of {tier.burn_rate:f}: write a lower confidence, or leave out confidence",
            )


def _check(contract: _Contract, found: list[AlertTier]) -> None:
    """Raises Stalled if the tiers do not keep the contract, with what they achieve instead."""
    pages = [tier for tier in found if tier.severity == "Page"]
    if contract.page_within is not None:
        soonest = min(tier.detects_after(contract.budget) or Decimal(contract.window) for tier in pages)
        _check_soon(contract, contract.page_within, soonest + contract.delay)
    if contract.budget_at_page is not None:
        spent = max(tier.spends for tier in pages) / contract.window
        if spent > contract.budget_at_page * Decimal("1.05"):
            percent = (spent * 100).quantize(Decimal("0.1"), ROUND_CEILING).normalize()
            most = f'write "{percent:f}" or more' if percent <= MOST_AT_PAGE else "leave it out, or ask for less"
            raise _impossible(
                "budgetAtPage",
                f"the shortest window that alerts can use here, {duration(min(tier.long for tier in pages))}, spends "
                f"{percent:f} % of the budget at a burn rate of 1: {most}",
            )


def _check_soon(contract: _Contract, within: int, soonest: Decimal) -> None:
    slowest = contract.errors / contract.traffic + contract.delay if contract.traffic else Fraction(0)
    if slowest > within:
        raise _impossible(
            "pageWithin",
            f"at minimumTraffic it takes {_minutes(slowest)} until minimumErrors have occurred: write that or more, or "
            "fewer minimumErrors",
        )
    if soonest > within:
        raise _impossible(
            "pageWithin",
            f"a total outage can page after {_minutes(soonest)} at the soonest, {duration(contract.delay)} of it for "
            "scrapes and evaluations: write that or more",
        )


def _minutes(length: Decimal | Fraction) -> str:
    """A duration in seconds, rounded up to what a person would write."""
    step = 60 if length > 120 else 1
    return duration(ceil(length / step) * step)


def _impossible(field: str, why: str) -> Stalled:
    return Stalled("ImpossibleAlert", f"{_FIELD}.{field}: {why}")
