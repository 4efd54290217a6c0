"""Plans an Override: whether it counts, which gates it opens, and what is missing. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from ninefold.kube.fields import rfc3339
from ninefold.kube.plan import Note, Plan, Verdict
from ninefold.release.gate.effective import closures
from ninefold.release.override.resource import Override, OverrideState, OverrideStatus
from ninefold.release.override.validity import in_force, lacking, too_long
from ninefold.release.releasegate.resource import ReleaseGate


@dataclass(frozen=True, slots=True)
class Observed:
    """The gates of the Override's namespace, by name, and how many records of releases name the Override."""

    gates: Sequence[ReleaseGate]
    uses: int = 0


def plan(override: Override, observed: Observed, now: datetime) -> Plan[OverrideStatus]:
    spec, old = override.spec, override.status
    meant = [gate for gate in observed.gates if spec.gate in (None, gate.metadata.name)]
    open_ = [gate for gate in meant if _opens(override, gate, now)]
    state, ready = _standing(override, meant, open_, now)
    status = OverrideStatus(
        state=state,
        gates=sorted(gate.metadata.name for gate in open_),
        since=old.since or (now if open_ else None),
        ended=(old.ended or _ended(old.since, spec.until, now)) if old.since and not open_ else None,
        # Old records are deleted; the count of their uses stays.
        uses=max(old.uses, observed.uses),
    )
    return Plan(
        status=status,
        ready=ready,
        events=_events(override, old.state, state),
        due=spec.until if spec.until > now else None,
    )


def _ended(since: datetime, until: datetime, now: datetime) -> datetime:
    """Returns when the Override ended: `until` if that is between `since` and now, otherwise now. So an end that a user
    moves before the beginning hides nothing."""
    return until if since <= until <= now else now


def _opens(override: Override, gate: ReleaseGate, now: datetime) -> bool:
    return in_force(override, gate.metadata.name, gate.spec.overrides, closures(gate.status, now), now)


def _standing(
    override: Override, meant: Sequence[ReleaseGate], open_: Sequence[ReleaseGate], now: datetime
) -> tuple[OverrideState, Verdict]:
    spec = override.spec
    if spec.until <= now:
        return "Over", Verdict("False", "Over", f"Its time ended at {rfc3339(spec.until)}.")
    if not meant:
        which = f"no ReleaseGate {spec.gate}" if spec.gate else "no ReleaseGate"
        return "Refused", Verdict("False", "GateMissing", f"There is {which} in this namespace.")
    if open_:
        return "InForce", Verdict("True", "InForce", f"Changes pass until {rfc3339(spec.until)}.")
    first = meant[0]
    if all(too_long(override, gate.spec.overrides) for gate in meant):
        longest = first.spec.overrides.longest
        text = f"ReleaseGate {first.metadata.name} accepts overrides of at most {longest}: ask for a shorter override."
        return "Refused", Verdict("False", "TooLong", text)
    missing = min(lacking(override, gate.spec.overrides, closures(gate.status, now)) for gate in meant)
    people = "1 person" if missing == 1 else f"{missing} people"
    command = f"ninefold gate approve {override.metadata.name} -n {override.metadata.namespace}"
    text = f"{people} besides {spec.by} must approve: {command}"
    return "Pending", Verdict("False", "ApprovalsMissing", text)


def _events(override: Override, before: OverrideState, state: OverrideState) -> tuple[Note, ...]:
    if before == state or state == "Pending":
        return ()
    spec = override.spec
    until = rfc3339(spec.until)
    notes = {
        "InForce": Note("Warning", "InForce", f"{spec.by} lets changes pass until {until}: {spec.reason}"),
        "Over": Note("Normal", "Over", f"The Override of {spec.by} has ended."),
        "Refused": Note("Warning", "Refused", "The Override does not count: see the condition Ready."),
    }
    return (notes[state],)
