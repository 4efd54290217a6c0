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
from ninefold.reliability.servicelevelobjective import indicator
from ninefold.reliability.servicelevelobjective.averages import Series
from ninefold.reliability.servicelevelobjective.indicator import Base, record
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.rules import Compile, Group

NUMBER = "slo:indicator:number"
"""The recording that tells which indicator an objective's events are of."""

_READ = ("slo:events:rate5m", "slo:errors:rate5m", "slo:indicator_excess:ratio")
"""What of an indicator is read elsewhere: by the other rules of the objective, and by the operator."""


def number(slo: ServiceLevelObjective) -> int | None:
    """The same for objectives whose indicators compile to the same rules; None for one that reads no raw series.

    Raises Stalled for what is no PromQL.
    """
    if slo.spec.indicator.composite is not None:
        return None
    rules = indicator.base(slo, Series("", slo.spec.group_by)).rules
    text = json.dumps([rules, slo.spec.group_by], sort_keys=True)
    # 48 bits: a sample of Prometheus holds whole numbers up to 53.
    return int(hashlib.sha256(text.encode()).hexdigest()[:12], 16)


def recorded(slo: ServiceLevelObjective, series: Series) -> Base:
    """The indicator from the raw series, for others to read."""
    base, mark = indicator.base(slo, series), number(slo)
    # The number first: what is recorded after it in the same evaluation is of it.
    return base if mark is None else Base([record(NUMBER, f"vector({mark})"), *base.rules], base.written)


def read_from(leader: Key) -> Compile:
    """The indicator as another objective records it, an evaluation later at most."""

    def compiled(slo: ServiceLevelObjective, series: Series) -> Base:
        theirs = Series(str(leader), slo.spec.group_by)
        names = {rule["record"] for rule in indicator.base(slo, series).rules}
        same = f"and on () ({theirs(NUMBER)} == {number(slo)})"
        rules = [record(name, f"{theirs(name)} {same}") for name in _READ if name in names]
        return Base(rules, reads=leader.name)

    return compiled


def compilers(slos: Iterable[ServiceLevelObjective]) -> dict[Key, Compile]:
    """How each of these objectives is compiled once all of them are loaded. One that is no PromQL leads nobody."""
    leaders: dict[tuple[str, int], Key] = {}
    found: dict[Key, Compile] = {}
    for slo in sorted(slos, key=lambda slo: slo.key):
        found[slo.key] = recorded
        try:
            Group(slo, base=recorded)
            mark = number(slo)
        except Stalled:
            continue
        if mark is not None and not slo.spec.suspend:
            leader = leaders.setdefault((slo.key.namespace, mark), slo.key)
            found[slo.key] = recorded if leader == slo.key else read_from(leader)
    return found
