"""Whether an Override counts for a gate. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from ninefold.kube.fields import seconds
from ninefold.release.gate.spec import OverrideRules
from ninefold.release.gate.status import Closure
from ninefold.release.override.resource import Override


def in_force(override: Override, gate: str, rules: OverrideRules, closed: Iterable[Closure], now: datetime) -> bool:
    """Whether it lets change pass this gate, which these closures close now."""
    spec = override.spec
    meant = spec.gate in (None, gate) and not spec.suspend and override.metadata.deletion_timestamp is None
    return meant and spec.until > now and not too_long(override, rules) and not lacking(override, rules, closed)


def too_long(override: Override, rules: OverrideRules) -> bool:
    """Counted from when it was made, so that it cannot be asked for early and used late."""
    made = override.metadata.creation_timestamp
    return made is None or override.spec.until - made > timedelta(seconds=seconds(rules.longest))


def lacking(override: Override, rules: OverrideRules, closed: Iterable[Closure]) -> int:
    """How many approvals are missing: what closes the gate may ask for more than its rules do. Who asked does not
    count, nor does anybody twice."""
    others = {approval.by for approval in override.spec.approvals} - {override.spec.by}
    needed = max([rules.approvals, *(closure.approvals or 0 for closure in closed)])
    return max(0, needed - len(others))
