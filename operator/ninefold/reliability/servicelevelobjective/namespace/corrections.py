"""The time that does not count for an objective, from the Corrections of its namespace. Pure."""

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
"""How far ahead rules contain Corrections, in seconds: the rules stay correct that long without the operator."""


def concerning(slo: ServiceLevelObjective, corrections: Iterable[Correction], now: datetime) -> Corrections:
    """The Corrections that the rules of an objective contain today. An invalid Correction reports itself."""
    today = _unix(now) // DAY * DAY
    agreed = slo.spec.agreement.window if slo.spec.agreement else None
    back = max(longest(window) for window in (slo.spec.window, agreed) if window) + DAY
    first, last = (datetime.fromtimestamp(at, UTC) for at in (today - back, today + AHEAD))
    every: set[Occurrence] = set()
    for correction in corrections:
        if applies(correction, slo):
            every |= set(_readable(correction, first, last))
    if not every:
        return NONE
    past = sorted(occurrence for occurrence in every if occurrence.end <= today)
    coming = sorted(occurrence for occurrence in every if occurrence.end > today)
    return Corrections((*past[-MOST:], *coming[:MOST]), today)


def recorded(
    slo: ServiceLevelObjective, corrections: Iterable[Correction], first: datetime, last: datetime
) -> Corrections:
    """The Corrections of a past in which rules always knew the next occurrence: events were recorded without that time,
    and no window had to be corrected afterwards."""
    every = {
        occurrence
        for correction in corrections
        if applies(correction, slo)
        for occurrence in _readable(correction, first, last)
    }
    if not every:
        return NONE
    return Corrections(tuple(sorted(every)), min(occurrence.start for occurrence in every) // DAY * DAY - SETTLED)


def in_force(slo: ServiceLevelObjective, corrections: Iterable[Correction], now: datetime) -> CorrectionInForce | None:
    """The Correction that is active now; of several, the one that lasts longest."""
    active = [
        (occurrence.end, correction.metadata.name)
        for correction in corrections
        if applies(correction, slo)
        for occurrence in _readable(correction, now, now + timedelta(seconds=1))
    ]
    if not active:
        return None
    until, name = max(active)
    return CorrectionInForce(name=name, until=datetime.fromtimestamp(until, UTC))


def _readable(correction: Correction, first: datetime, last: datetime) -> list[Occurrence]:
    try:
        verified(correction)
        return [Occurrence(_unix(span.start), _unix(span.end)) for span in occurrences(correction, first, last)]
    except Stalled:
        return []


def _unix(at: datetime) -> int:
    return int(at.timestamp())
