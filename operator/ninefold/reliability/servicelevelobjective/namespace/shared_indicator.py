"""Shares the recordings of the raw series among objectives of a namespace with the same indicator. Pure.

The objective with the smallest name records the indicator. The other objectives read its events and errors under their
own identity. It also records the number of its indicator: once it is edited, objectives that still read it get no data
instead of other data.
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
"""The recording that identifies the indicator of an objective's events."""

_READ = ("slo:events:rate5m", "slo:errors:rate5m", "slo:indicator_excess:ratio")
"""The recordings of an indicator that the other rules of the objective and the operator read."""
_READ_OF_LATE = ("slo:events:recent", "slo:counted:recent")
"""The recordings of the last two minutes that pages read."""


def number(target: Target) -> int | None:
    """A number that is equal for indicators that compile to the same rules; None if the objective reads no raw series.

    Raises Stalled for invalid PromQL.
    """
    if target.indicator.composite is not None:
        return None
    rules = indicator.base(target, RecordedSeries("", target.groups)).rules
    # Recordings of another Prometheus cannot be read.
    where = [target.prometheus] if target.prometheus else []
    text = json.dumps([rules, target.groups, *where], sort_keys=True)
    # 48 bits: a sample of Prometheus stores whole numbers of up to 53 bits.
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def recorded(target: Target, series: RecordedSeries) -> Base:
    """The indicator from the raw series, for other objectives to read."""
    base, mark = indicator.base(target, series), number(target)
    # The number comes first: the recordings after it in the same evaluation belong to it.
    if mark is None:
        return base
    # Another objective may have pages that read the last two minutes, whatever alerts this objective has.
    late = base.recent or Base([])
    return Base(
        [record(NUMBER, f"vector({mark})"), *base.rules, *late.rules], (*base.written, *late.written), recent=Base([])
    )


def read_from(leader: Key) -> Compile:
    """The indicator as another objective records it, at most one evaluation later."""

    def compiled(target: Target, series: RecordedSeries) -> Base:
        leading = RecordedSeries(str(leader), target.groups)
        own = indicator.base(target, series)
        same = f"and on () ({leading.single(NUMBER)} == {number(target)})"

        def read(of: Base, names: Iterable[str]) -> list[Rule]:
            recorded = {rule["record"] for rule in of.rules}
            return [record(name, f"{leading(name)} {same}") for name in names if name in recorded]

        late = Base(read(own.recent, _READ_OF_LATE)) if own.recent else None
        return Base(read(own, _READ), reads=leader.name, recent=late)

    return compiled


def compilers(slos: Iterable[ServiceLevelObjective]) -> dict[Key, Compile]:
    """How to compile each of these objectives once all of them are loaded. An invalid objective is never the leader."""
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
