"""What a policy sees: the objectives that it selects, with what a snapshot says about each. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.reliability.errorbudgetpolicy.plan import Observed
from ninefold.reliability.errorbudgetpolicy.reading import Objective, Reading
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy, Objectives, selects
from ninefold.reliability.servicelevelobjective.figure import FRESH, Snapshot
from ninefold.reliability.servicelevelobjective.periods import Span, period
from ninefold.reliability.servicelevelobjective.resource import Calendar


def observed(policy: ErrorBudgetPolicy, slos: Iterable[Manifest], snapshot: Snapshot, now: datetime) -> Observed:
    """`slos` are the ServiceLevelObjectives of its namespace."""
    return Observed(
        objectives=_objectives(policy.spec.objectives, slos, snapshot, now),
        asked=snapshot.asked,
        figures_at=snapshot.at,
        stale_at=snapshot.at + FRESH if snapshot.at and not snapshot.reachable else None,
    )


def reading(slo_id: str, snapshot: Snapshot, now: datetime) -> Reading:
    """What the snapshot says about an objective."""
    figure = snapshot.by_id.get(slo_id) if snapshot.fresh(now) else None
    if figure is None:
        return Reading("Unknown")
    return Reading(figure.data, figure.budget_left, figure.burn, figure.coverage)


def _objectives(wanted: Objectives, slos: Iterable[Manifest], snapshot: Snapshot, now: datetime) -> list[Objective]:
    """Those that are selected, by name; of those listed by name also the ones that do not exist."""
    wire = wanted.model_dump(by_alias=True, exclude_none=True)
    found = {Key.of(slo).name: _objective(slo, snapshot, now) for slo in slos if selects(wire, slo)}
    absent = {name: Objective(name, "", Reading("Unknown")) for name in wanted.names or () if name not in found}
    return [objective for _, objective in sorted({**found, **absent}.items())]


def _objective(slo: Manifest, snapshot: Snapshot, now: datetime) -> Objective:
    window = slo.get("spec", {}).get("window") or {}
    calendar = window.get("calendar") or {}
    return Objective(
        name=Key.of(slo).name,
        window=window.get("rolling") or calendar.get("period", ""),
        reading=reading(str(Key.of(slo)), snapshot, now),
        period=_period(calendar, now) if calendar else None,
    )


def _period(calendar: Manifest, now: datetime) -> Span | None:
    """None for one that its objective cannot be measured by: it says so itself, and has no figures."""
    try:
        return period(Calendar.model_validate(calendar), now)
    except (Stalled, ValueError):
        return None
