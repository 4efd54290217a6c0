"""One recording of the raw series for objectives of a namespace that have the same indicator. Pure.

The objective with the smallest name records it. The others read its events and errors under their own identity. Beside
them it records which indicator they are of, as a number: once it is edited, whoever still reads it sees nothing, not
something else.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.compiler import Compile, Group
from ninefold.reliability.servicelevelobjective.recording import indicator
from ninefold.reliability.servicelevelobjective.recording.indicator import Base, Rule, record
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

NUMBER = "slo:indicator:number"
"""The recording that tells which indicator an objective's events are of."""

_READ = ("slo:events:rate5m", "slo:errors:rate5m", "slo:indicator_excess:ratio")
"""What of an indicator is read elsewhere: by the other rules of the objective, and by the operator."""
_READ_OF_LATE = ("slo:events:recent", "slo:counted:recent")
"""What pages read of its last two minutes."""


def number(target: Target) -> int | None:
    """The same for objectives whose indicators compile to the same rules; None for one that reads no raw series.

    Raises Stalled for what is no PromQL.
    """
    if target.indicator.composite is not None:
        return None
    rules = indicator.base(target, RecordedSeries("", target.groups)).rules
    # What another Prometheus records cannot be read.
    where = [target.prometheus] if target.prometheus else []
    text = json.dumps([rules, target.groups, *where], sort_keys=True)
    # 48 bits: a sample of Prometheus holds whole numbers up to 53.
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def recorded(target: Target, series: RecordedSeries) -> Base:
    """The indicator from the raw series, for others to read."""
    base, mark = indicator.base(target, series), number(target)
    # The number first: what is recorded after it in the same evaluation is of it.
    if mark is None:
        return base
    # Another objective may have pages that look at the last two minutes, whatever the alerts of this one.
    late = base.recent or Base([])
    return Base(
        [record(NUMBER, f"vector({mark})"), *base.rules, *late.rules], (*base.written, *late.written), recent=Base([])
    )


def read_from(leader: Key) -> Compile:
    """The indicator as another objective records it, an evaluation later at most."""

    def compiled(target: Target, series: RecordedSeries) -> Base:
        theirs = RecordedSeries(str(leader), target.groups)
        own = indicator.base(target, series)
        same = f"and on () ({theirs.single(NUMBER)} == {number(target)})"

        def read(of: Base, names: Iterable[str]) -> list[Rule]:
            recorded = {rule["record"] for rule in of.rules}
            return [record(name, f"{theirs(name)} {same}") for name in names if name in recorded]

        late = Base(read(own.recent, _READ_OF_LATE)) if own.recent else None
        return Base(read(own, _READ), reads=leader.name, recent=late)

    return compiled


def compilers(slos: Iterable[ServiceLevelObjective]) -> dict[Key, Compile]:
    """How each of these objectives is compiled once all of them are loaded. One that is no PromQL leads nobody."""
    leaders: dict[tuple[str, int], Key] = {}
    found: dict[Key, Compile] = {}
    for slo in sorted(slos, key=lambda slo: slo.key):
        found[slo.key] = recorded
        try:
            mark = number(Group(slo, base=recorded).target)
        except Stalled:
            continue
        if mark is not None and not slo.spec.suspend:
            leader = leaders.setdefault((slo.key.namespace, mark), slo.key)
            found[slo.key] = recorded if leader == slo.key else read_from(leader)
    return found
