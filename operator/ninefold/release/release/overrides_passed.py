"""Finds the Overrides with which a change passed closed gates, for its record. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from ninefold.kube.api import Key, Manifest
from ninefold.release.gate.effective import TemplateChange, covers, is_good
from ninefold.release.gate.opinion import CLOSED
from ninefold.release.override.resource import Override
from ninefold.release.release.resource import MAX_PASSED, PassedBy
from ninefold.release.releasegate.resource import ReleaseGate


def passed_by(
    gates: Iterable[ReleaseGate],
    before: Manifest | None,
    images: Collection[str],
    find: Callable[[Key], Override | None],
) -> list[PassedBy]:
    """Returns for each closed gate over the workload the Override that let the change pass. `before` is the record of
    the previous revision; None for a new workload, which no gate holds. A rollback passes without an Override."""
    if before is None:
        return []
    workload = "{kind}/{name}".format_map(before["spec"]["workload"])
    change = TemplateChange.of_images(workload, before["spec"].get("images", ()), images)
    closed = (gate for gate in gates if gate.status.decision in CLOSED and gate.spec.mode == "Enforce")
    held = (gate for gate in closed if not is_good(gate.status, change))
    passed = (_passed(gate, change, find) for gate in held)
    return [override for override in passed if override is not None][:MAX_PASSED]


def _passed(gate: ReleaseGate, change: TemplateChange, find: Callable[[Key], Override | None]) -> PassedBy | None:
    overrides = gate.status.overrides
    given = next((override for override in overrides if covers(override.images, change, gate.status)), None)
    if given is None:
        return None
    override = find(Key(gate.key.namespace, given.name))
    reason = override.spec.reason if override is not None else ""
    return PassedBy(name=given.name, gate=gate.key.name, by=given.by, reason=reason)
