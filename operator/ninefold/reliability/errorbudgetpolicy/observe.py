"""What a policy observes: the objectives that it selects, each with its measurements from a snapshot. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from ninefold.domain.measurements.measurement import FRESH, Measurement, Snapshot
from ninefold.domain.schedules.calendar import Calendar, period
from ninefold.domain.schedules.span import Span
from ninefold.domain.selectors.objectives import Objectives, selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.reliability.errorbudgetpolicy.identity import (
    Identities,
    family_of,
    is_hindered,
    is_in_force,
    last_manager,
)
from ninefold.reliability.errorbudgetpolicy.objective import BudgetReading, WatchedObjective
from ninefold.reliability.errorbudgetpolicy.plan import Observed
from ninefold.reliability.errorbudgetpolicy.ranking import remembered
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.errorbudgetpolicy.status import ErrorBudgetPolicyStatus


def observed(
    policy: ErrorBudgetPolicy,
    slos: Iterable[Manifest],
    snapshot: Snapshot,
    now: datetime,
    identities: Identities,
    corrections: Iterable[Manifest] = (),
) -> Observed:
    """`slos` and `corrections` are those of the policy's namespace; objects that do not concern it may be left out."""
    seen = _Seen(slos, snapshot, now, identities, list(corrections))
    return Observed(
        objectives=seen.objectives(policy.spec.objectives, followed(policy.status)),
        asked=snapshot.asked,
        figures_at=snapshot.at,
        stale_at=snapshot.at + FRESH if snapshot.at and not snapshot.reachable else None,
    )


def followed(status: ErrorBudgetPolicyStatus) -> list[str]:
    """The objectives that close gates: the policy evaluates them even if it no longer selects them."""
    return [name for name, entry in remembered(status).items() if entry.closes]


def reading(slo_id: str, snapshot: Snapshot, now: datetime) -> BudgetReading:
    """The measurements of an objective in the snapshot."""
    if not snapshot.fresh(now):
        return BudgetReading("Unknown")
    measured = snapshot.by_id.get(slo_id, Measurement())
    absent = measured.data == "Unknown" and measured.budget_left is None
    return BudgetReading(
        measured.data, measured.budget_left, measured.burn, measured.coverage, absent, measured.promised
    )


class _Seen:
    """The objectives of a namespace at one moment."""

    def __init__(
        self,
        slos: Iterable[Manifest],
        snapshot: Snapshot,
        now: datetime,
        identities: Identities,
        corrections: Sequence[Manifest],
    ) -> None:
        # The operator does not maintain the rules of an objective that is being deleted, however long a finalizer
        # holds it.
        self._slos = {Key.of(slo).name: slo for slo in slos if "deletionTimestamp" not in slo["metadata"]}
        self._snapshot, self._now = snapshot, now
        self._identities, self._corrections = identities, corrections

    def objectives(self, wanted: Objectives, followed: Iterable[str]) -> list[WatchedObjective]:
        """The selected and the followed objectives, sorted by name; also those that the policy names and that do not
        exist."""
        wire = wanted.wire()
        found = {name: self._objective(slo, selected=True) for name, slo in self._slos.items() if selects(wire, slo)}
        for name in followed:
            if name in self._slos and name not in found:
                found[name] = self._objective(self._slos[name], selected=False)
        absent = {
            name: WatchedObjective(name, "", BudgetReading("Unknown"))
            for name in wanted.names or ()
            if name not in found
        }
        return [objective for _, objective in sorted({**found, **absent}.items())]

    def _objective(self, slo: Manifest, *, selected: bool) -> WatchedObjective:
        window = slo.get("spec", {}).get("window") or {}
        calendar = window.get("calendar") or {}
        return WatchedObjective(
            name=Key.of(slo).name,
            window=window.get("rolling") or calendar.get("period", ""),
            reading=reading(str(Key.of(slo)), self._snapshot, self._now),
            period=_period(calendar, self._now) if calendar else None,
            identity=self._identities.of(slo, self._slos.get, self._corrections),
            in_force=is_in_force(slo),
            hindered=any(is_hindered(part) for _, part in family_of(slo, self._slos.get) if part is not None),
            changed_by=last_manager(slo),
            selected=selected,
        )


def _period(calendar: Manifest, now: datetime) -> Span | None:
    """The present period; None for an invalid calendar, which the objective reports itself, and has no measurements."""
    try:
        return period(Calendar.model_validate(calendar), now)
    except (Stalled, ValueError):
        return None
