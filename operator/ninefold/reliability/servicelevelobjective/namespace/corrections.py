"""Which time does not count for an objective, by the Corrections of its namespace. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.occurrences import MOST, applies, occurrences, verified
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.recording.corrections import (
    DAY,
    NONE,
    SETTLED,
    Corrections,
    Occurrence,
)
from ninefold.reliability.servicelevelobjective.recording.windows import longest
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import CorrectionInForce

AHEAD = 36 * DAY
"""How far ahead rules know what will not count: so long they hold without the operator."""


def concerning(slo: ServiceLevelObjective, corrections: Iterable[Correction], now: datetime) -> Corrections:
    """What the rules of an objective are to know today. A correction that cannot be read says so itself."""
    today = _unix(now) // DAY * DAY
    agreed = slo.spec.agreement.window if slo.spec.agreement else None
    back = max(longest(window) for window in (slo.spec.window, agreed) if window) + DAY
    first, last = (datetime.fromtimestamp(at, UTC) for at in (today - back, today + AHEAD))
    found: set[Occurrence] = set()
    for correction in corrections:
        if applies(correction, slo):
            found |= set(_readable(correction, first, last))
    if not found:
        return NONE
    past = sorted(one for one in found if one.end <= today)
    coming = sorted(one for one in found if one.end > today)
    return Corrections((*past[-MOST:], *coming[:MOST]), today)


def recorded(
    slo: ServiceLevelObjective, corrections: Iterable[Correction], first: datetime, last: datetime
) -> Corrections:
    """What rules knew of a time in which they always knew what was next: events were recorded without it, and no
    window had to be corrected afterwards."""
    found = {one for each in corrections if applies(each, slo) for one in _readable(each, first, last)}
    if not found:
        return NONE
    return Corrections(tuple(sorted(found)), min(one.start for one in found) // DAY * DAY - SETTLED)


def in_force(slo: ServiceLevelObjective, corrections: Iterable[Correction], now: datetime) -> CorrectionInForce | None:
    """The correction that holds now, of several the one that holds longest."""
    found = [
        (one.end, correction.metadata.name)
        for correction in corrections
        if applies(correction, slo)
        for one in _readable(correction, now, now + timedelta(seconds=1))
    ]
    if not found:
        return None
    until, name = max(found)
    return CorrectionInForce(name=name, until=datetime.fromtimestamp(until, UTC))


def _readable(correction: Correction, first: datetime, last: datetime) -> list[Occurrence]:
    try:
        verified(correction)
        return [Occurrence(_unix(each.start), _unix(each.end)) for each in occurrences(correction, first, last)]
    except Stalled:
        return []


def _unix(at: datetime) -> int:
    return int(at.timestamp())
