"""No page begins about an outage that is over. Pure.

A window counts failures for as long as it is, so a page tier may pass its threshold when nothing fails any more. Its
page begins only while the last two minutes leave open that the failures go on, and then lasts as its windows say: an
outage that comes and goes is one page. Where those two minutes hold no samples, or too few events to tell, nothing is
held back.

Only indicators that count events of counters are looked at so closely. Probes, gauges and slices of time have a few
samples in two minutes, and two good ones do not end an outage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier
from ninefold.reliability.servicelevelobjective.recording.indicator import RECENT, Rule, record
from ninefold.reliability.servicelevelobjective.recording.series import STEP, RecordedSeries
from ninefold.reliability.servicelevelobjective.target import Target

ENOUGH = 10
"""So many bad events would be expected in the last two minutes if the failures of the short window went on: with 60 s
between scrapes half of them are seen, and the chance that all are missed is below 1 %."""


def held_back(target: Target, tiers: Sequence[AlertTier]) -> list[AlertTier]:
    """The tiers whose pages do not begin about what is over: those that Ninefold found. Written ones mean what they
    say."""
    if not target.reads_counters or target.alerting.tiers is not None:
        return []
    # A window of 5 m passes its threshold when something fails, and at no other time.
    return [tier for tier in tiers if tier.severity == "Page" and tier.long > STEP]


def rules(target: Target, series: RecordedSeries, tier: AlertTier, exceeded: Sequence[str]) -> Iterator[Rule]:
    """The recording that a page waits for; `exceeded` are the conditions on its burn rates."""
    yield record(_name(tier), f"{' and '.join(exceeded)} unless ({_over(target, series, tier)})")


def condition(series: RecordedSeries, tier: AlertTier) -> str:
    """That its failures went on while it was exceeded, now or not long ago."""
    return f"count_over_time({series(_name(tier))}[{duration(tier.short)}])"


def _name(tier: AlertTier) -> str:
    """The burn rate of a page tier that passes its thresholds, while it may go on. No two of them have one window."""
    return f"slo:ongoing_burn_rate:{duration(tier.long)}"


def _over(target: Target, series: RecordedSeries, tier: AlertTier) -> str:
    """That hardly anything failed of late, of so many events that it would have shown."""
    budget, ratio = target.budget_text, target.indicator.ratio
    events, counted = series("slo:events:recent"), series("slo:counted:recent")
    bad = counted if ratio is not None and ratio.bad is not None else f"{events} - {counted}"
    expected = f"{series(f'slo:burn_rate:{duration(tier.short)}')} * {budget} * {events} * {RECENT}"
    return f"{bad} <= {events} * {budget} and {expected} >= {ENOUGH}"
