"""Whether an Override counts for a gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ninefold.kube.fields import seconds
from ninefold.release.gate.spec import OverrideRules
from ninefold.release.gate.status import Closure
from ninefold.release.override.resource import Override


def in_force(override: Override, gate: str, rules: OverrideRules, closed: Iterable[Closure], now: datetime) -> bool:
    """Whether the Override lets changes pass this gate. `closed` holds the closures that close the gate now."""
    spec = override.spec
    meant = spec.gate in (None, gate) and not spec.suspend and override.metadata.deletion_timestamp is None
    return meant and spec.until > now and not too_long(override, rules) and not lacking(override, rules, closed)


def too_long(override: Override, rules: OverrideRules) -> bool:
    """Whether the Override lasts longer than the gate accepts. The time counts from its creation, so no user can ask
    early and use it late."""
    made = override.metadata.creation_timestamp
    return made is None or override.spec.until - made > timedelta(seconds=seconds(rules.longest))


def lacking(override: Override, rules: OverrideRules, closed: Iterable[Closure]) -> int:
    """Returns how many approvals are missing: a closure may ask for more than the gate's rules do. The user who asked
    does not count, and no user counts twice."""
    others = {approval.by for approval in override.spec.approvals} - {override.spec.by}
    needed = max([rules.approvals, *(closure.approvals or 0 for closure in closed)])
    return max(0, needed - len(others))
