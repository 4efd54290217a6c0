"""When corrections are: recurrences by the clocks of a place, as moments. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrule, rrulestr

from ninefold.domain.selectors.objectives import selects
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import seconds, zone
from ninefold.reliability.correction.resource import Correction, Recurring
from ninefold.reliability.servicelevelobjective.corrections import DAY, NONE, SETTLED, Corrections, Occurrence
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import CorrectionInForce
from ninefold.reliability.servicelevelobjective.windows import longest

AHEAD = 36 * DAY
"""How far ahead rules know what will not count: so long they hold without the operator."""
MOST = 64
"""How many occurrences an objective's rules hold of the past, and how many of what is to come."""

_CYCLE = 7_600
"""Years after which weekdays and leap years come again (400, 19 times). dateutil looks for the next occurrence until
the year 9999: for a rule that never occurs that is long, and near that year it is short."""
_RULE, _START, _UNTIL = "spec.recurring.rrule", "spec.recurring.start", "spec.recurring.until"


def occurrences(correction: Correction, first: datetime, last: datetime) -> list[Occurrence]:
    """Those that touch the time from `first` until before `last`, in order. Raises Stalled for what cannot be read."""
    once, recurring = correction.spec.once, correction.spec.recurring
    if once is not None:
        found: tuple[Occurrence, ...] = (Occurrence(_unix(once.start), _unix(once.end)),)
    else:
        assert recurring is not None  # noqa: S101 - the model holds exactly one
        found = _recurring(recurring, first, last)
    return [one for one in found if one.end > _unix(first) and one.start < _unix(last)]


def verified(correction: Correction) -> None:
    """Raises Stalled for a recurrence that cannot be read, never is, or was too often before it was written down."""
    recurring, created = correction.spec.recurring, correction.metadata.creation_timestamp
    if recurring is None:
        return
    if not _ever(recurring):
        raise Stalled("InvalidRecurrence", f"{_RULE}: this never occurs: {recurring.rrule}")
    if created is None:
        return
    before = occurrences(correction, created - timedelta(days=400), created)
    if len(before) > MOST:
        raise Stalled(
            "TooManyOccurrences",
            f"{_START}: {len(before)} occurrences lie before the correction was made, and {MOST} can be taken out "
            "afterwards: write a later start",
        )


def applies(correction: Correction, slo: ServiceLevelObjective) -> bool:
    """Whether it is about this objective."""
    if correction.key.namespace != slo.key.namespace:
        return False
    wanted = correction.spec.objectives.wire()
    metadata = {"name": slo.metadata.name, "labels": slo.metadata.labels}
    return selects(wanted, {"metadata": metadata, "spec": {"service": slo.spec.service}})


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
        return occurrences(correction, first, last)
    except Stalled:
        return []


def _recurring(recurring: Recurring, first: datetime, last: datetime) -> tuple[Occurrence, ...]:
    # By whole days, so that those of a day are found once: far enough for any length and any time zone.
    days = timedelta(days=9)
    return _between(recurring, (first - days).date().toordinal(), (last + days).date().toordinal())


@lru_cache(maxsize=1_024)
def _between(recurring: Recurring, first: int, last: int) -> tuple[Occurrence, ...]:
    """Those that begin on local days from `first` to before `last`, as ordinals."""
    where, length = zone(recurring.time_zone, "spec.recurring.timeZone"), seconds(recurring.duration)
    until = _local(recurring.until, _UNTIL) if recurring.until else None
    early, late = (_later(datetime.fromordinal(day)) for day in (first, last))
    begins = (_earlier(at) for at in _rule(recurring).between(early, late, inc=True))
    starts = [_unix(moment(at, where)) for at in begins if until is None or at <= until]
    return tuple(Occurrence(start, start + length) for start in starts)


@lru_cache(maxsize=1_024)
def _rule(recurring: Recurring) -> rrule:
    """The recurrence, `_CYCLE` years later."""
    start = _later(_local(recurring.start, _START))
    try:
        rule = rrulestr(recurring.rrule, dtstart=start)
    except (ValueError, TypeError) as error:
        raise Stalled("InvalidRecurrence", f"{_RULE}: {error}: correct {recurring.rrule}") from None
    assert isinstance(rule, rrule)  # noqa: S101 - the model takes a single rule
    return rule


@lru_cache(maxsize=1_024)
def _ever(recurring: Recurring) -> bool:
    """Whether it occurs at all. To find that it does not takes a third of a second, which must not be spent twice."""
    return next(iter(_rule(recurring)), None) is not None


def moment(local: datetime, where: ZoneInfo) -> datetime:
    """What clocks on the wall show, as a moment: of a time shown twice the first; one that is skipped is the moment
    at which the clocks are set."""
    first = local.replace(tzinfo=where, fold=0).astimezone(UTC)
    if first.astimezone(where).replace(tzinfo=None) == local:
        return first
    # By the offset before the change it is after it, and by the offset after the change before it.
    early, late = local.replace(tzinfo=where, fold=1).astimezone(UTC), first
    after = late.astimezone(where).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = (early + (late - early) / 2).replace(microsecond=0)
        early, late = (early, middle) if middle.astimezone(where).utcoffset() == after else (middle, late)
    return late


def _local(text: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Stalled("InvalidRecurrence", f"{field}: there is no such day: {text}") from None


def _later(at: datetime) -> datetime:
    return at.replace(year=at.year + _CYCLE)


def _earlier(at: datetime) -> datetime:
    return at.replace(year=at.year - _CYCLE)


def _unix(at: datetime) -> int:
    return int(at.timestamp())
