"""Prevents pages for an outage that is already over. Pure.

A window counts failures for its whole length, so a page tier may pass its threshold when nothing fails any longer. Its
page begins only while the last two minutes do not rule out that the failures continue, and then lasts as its windows
say: an outage that comes and goes is one page. If those two minutes have no samples, or too few events to decide, no
page is held back.

This applies only to indicators that count events of counters. Probes, gauges and slices of time have few samples in two
minutes, and two good samples do not end an outage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier
from ninefold.reliability.servicelevelobjective.recording.indicator import RECENT, Rule, record
from ninefold.reliability.servicelevelobjective.recording.series import STEP, RecordedSeries
from ninefold.reliability.servicelevelobjective.target import Target

ENOUGH = 10
"""The least number of bad events to expect in the last two minutes if the failures of the short window continue: with
60 s between scrapes half of them are seen, and the chance that all are missed is below 1 %."""


def held_back(target: Target, tiers: Sequence[AlertTier]) -> list[AlertTier]:
    """The tiers whose pages are held back after an outage: those that Ninefold chose. Tiers that the user wrote stay
    unchanged."""
    if not target.reads_counters or target.alerting.tiers is not None:
        return []
    # A window of 5 m passes its threshold only while events fail.
    return [tier for tier in tiers if tier.severity == "Page" and tier.long > STEP]


def rules(target: Target, series: RecordedSeries, tier: AlertTier, exceeded: Sequence[str]) -> Iterator[Rule]:
    """The recording that a page waits for; `exceeded` are the conditions on its burn rates."""
    yield record(_name(tier), f"{' and '.join(exceeded)} unless ({_over(target, series, tier)})")


def condition(series: RecordedSeries, tier: AlertTier) -> str:
    """The condition that failures continued while the thresholds were exceeded, now or shortly before."""
    return f"count_over_time({series(_name(tier))}[{duration(tier.short)}])"


def _name(tier: AlertTier) -> str:
    """The name of the burn rate of a page tier above its thresholds while failures may continue. No two page tiers have
    the same window."""
    return f"slo:ongoing_burn_rate:{duration(tier.long)}"


def _over(target: Target, series: RecordedSeries, tier: AlertTier) -> str:
    """The condition that almost no event failed in the last two minutes, although enough events were expected to."""
    budget, ratio = target.budget_text, target.indicator.ratio
    events, counted = series("slo:events:recent"), series("slo:counted:recent")
    bad = counted if ratio is not None and ratio.bad is not None else f"{events} - {counted}"
    expected = f"{series(f'slo:burn_rate:{duration(tier.short)}')} * {budget} * {events} * {RECENT}"
    return f"{bad} <= {events} * {budget} and {expected} >= {ENOUGH}"
