"""The detection time of an alert that has just fired: measured from recordings, and predicted from its tier."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from ninefold.domain.measurements.measurement import Measurement
from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.kube.fields import duration, rough
from ninefold.reliability.servicelevelobjective.alerting.quiet import Guard
from ninefold.reliability.servicelevelobjective.alerting.tiers import AlertTier
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.status import Detection
from ninefold.reliability.servicelevelobjective.target import Target

_STEP, _FINE = timedelta(seconds=60), timedelta(seconds=5)
"""The resolution for the time before an alert, and for the minute in which the failures began."""


async def measure(
    prometheus: Prometheus, group: Group, figure: Measurement, before: Detection | None
) -> Detection | None:
    """The detection time of the fastest alert that fires now; None if none fires, or if Prometheus does not know. It is
    measured once for each firing: `before` is the last result."""
    firing = [tier for tier in group.tiers if tier.name in figure.firing]
    if not firing:
        return None
    target, tier = group.target, firing[0]
    try:
        active = await prometheus.query(f"ALERTS_FOR_STATE{{{_matchers(target, tier)}}}")
        if not active:
            return None
        first = min(active, key=lambda sample: sample.value)
        at = datetime.fromtimestamp(int(first.value), UTC)
        if before is not None and before.tier == tier.name and before.at == at:
            return before
        labels = {name: first.labels.get(name, "") for name in target.groups}
        of_group = figure.groups.get("/".join(labels.values()), figure)
        return await _measured(prometheus, target, tier, labels, at, of_group)
    except (Unreachable, QueryRefused):
        return None


async def _measured(
    prometheus: Prometheus,
    target: Target,
    tier: AlertTier,
    labels: dict[str, str],
    at: datetime,
    figure: Measurement,
) -> Detection | None:
    matchers = ",".join(f"{name}={json.dumps(value)}" for name, value in {"slo_id": target.slo_id, **labels}.items())
    start = at - timedelta(seconds=tier.long) - 5 * _STEP
    # Prometheus returns whole seconds: the recordings of that evaluation are slightly later.
    after = at + timedelta(seconds=1)
    recent = await prometheus.query_range(f"slo:burn_rate:5m{{{matchers}}}", start + timedelta(seconds=1), after, _STEP)
    over = await prometheus.query(f"slo:burn_rate:{duration(tier.long)}{{{matchers}}}", after)
    if not recent or not over:
        return None
    began, burn = onset(recent[0].points, at)
    fine = await prometheus.query_range(f"slo:burn_rate:5m{{{matchers}}}", began - _STEP, began, _FINE)
    began = onset(fine[0].points, began)[0] if fine else began
    error_ratio = min(Decimal(1), Decimal(str(burn)) * target.budget)
    predicted = _predicted(target, tier, error_ratio, figure)
    return Detection(
        tier=tier.name,
        group="/".join(labels.values()),
        at=at,
        detected_after=rough(max(0.0, (at - began).total_seconds())),
        predicted_after=rough(predicted + target.delay) if predicted is not None else "never",
        budget_spent=f"{over[0].value * tier.long / target.window * 100:.1f} %",
    )


def _predicted(target: Target, tier: AlertTier, error_ratio: Decimal, figure: Measurement) -> float | None:
    """The predicted seconds at this error ratio and the present traffic; None if the tier should not have fired."""
    budget, guard = target.budget, Guard.of(target)
    soonest = tier.detects_after(budget, error_ratio)
    if soonest is None or not guard.asks or not figure.events_per_second:
        return None if soonest is None else float(soonest)
    threshold = float(tier.burn_rate * budget)
    enough = guard.after(tier.long, threshold, figure.events_per_second, float(error_ratio))
    return None if enough is None else max(float(soonest), enough + tier.hold)


def onset(points: Sequence[tuple[float, float]], at: datetime) -> tuple[datetime, float]:
    """When the burn rate last went above 1 before an alert, and its highest value from then on."""
    began, highest = at.timestamp(), 0.0
    for moment, burn in reversed(points):
        if burn <= 1:
            break
        began, highest = moment, max(highest, burn)
    return datetime.fromtimestamp(began, UTC), highest


def _matchers(target: Target, tier: AlertTier) -> str:
    labels = {"slo_id": target.slo_id, "burn_tier": tier.name}
    return ",".join(f"{name}={json.dumps(value)}" for name, value in labels.items())
