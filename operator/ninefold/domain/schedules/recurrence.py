"""Recurring spans as in calendars (RFC 5545), in local time. Pure."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Annotated

from dateutil.rrule import rrule, rrulestr
from pydantic import Field

from ninefold.domain.schedules.local_time import moment
from ninefold.domain.schedules.span import Span
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import Cel, TimeZone, matches, seconds, zone
from ninefold.kube.model import Model

LONGEST = timedelta(days=7)
"""The longest occurrence."""

_LENGTH = "[0-9]{1,5}[mhd]"
_MINUTES = "int(self.substring(0, self.size() - 1)) * {'m': 1, 'h': 60, 'd': 1440}[self.substring(self.size() - 1)]"

Length = Annotated[
    str,
    Field(min_length=2, max_length=6),
    Cel(
        f"self.matches('^{_LENGTH}$') && {_MINUTES} >= 1 && {_MINUTES} <= 10080",
        "write a length of 1m to 7d in one unit, such as 30m, 2h or 1d",
        lambda value: bool(re.fullmatch(_LENGTH, value)) and 60 <= seconds(value) <= LONGEST.total_seconds(),
    ),
]
"""The length of an occurrence, in one unit: "30m", "2h"."""

LocalTime = Annotated[
    str,
    Field(min_length=16, max_length=16),
    matches(
        "2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]",
        "write a local date and time such as 2026-11-01T02:00, without a zone",
    ),
]
"""A local time without a zone."""

_DAY = "[+-]?[1-5]?(MO|TU|WE|TH|FR|SA|SU)"
_PART = (
    r"INTERVAL=[1-9][0-9]{0,2}"
    f"|BYDAY={_DAY}(,{_DAY}){{0,9}}"
    r"|BYMONTHDAY=-?[1-9][0-9]?(,-?[1-9][0-9]?){0,30}"
    r"|BYMONTH=[1-9][0-9]?(,[1-9][0-9]?){0,11}"
    r"|BYHOUR=[0-9]{1,2}(,[0-9]{1,2}){0,23}"
    r"|BYSETPOS=-?[1-9][0-9]?(,-?[1-9][0-9]?){0,9}"
    r"|WKST=(MO|TU|WE|TH|FR|SA|SU)"
)

RecurrenceRule = Annotated[
    str,
    Field(min_length=10, max_length=256),
    matches(
        f"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;({_PART})){{0,7}}",
        "write a recurrence such as FREQ=WEEKLY;BYDAY=SU: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, then INTERVAL, "
        "BYDAY, BYMONTHDAY, BYMONTH, BYHOUR or BYSETPOS; hours apart are FREQ=DAILY;BYHOUR=0,12, an end is until",
    ),
]
"""A recurrence of RFC 5545, at most hourly."""


class Recurring(
    Model,
    rules=(
        Cel(
            "!has(self.until) || self.until >= self.start",
            "write an until that is not before the start",
            lambda recurring: recurring.until is None or recurring.until >= recurring.start,
        ),
    ),
):
    """Recurring spans, in the local time of a zone."""

    rrule: RecurrenceRule = Field(description="When it recurs, as in calendars (RFC 5545): FREQ=WEEKLY;BYDAY=SU.")
    start: LocalTime = Field(
        description="The first day that the rule applies to, and the time of day at which each occurrence begins, in "
        "local time: 2026-11-01T02:00. A time that the clocks skip is the moment after the skipped hour; a time that "
        "occurs twice is the first of the two."
    )
    duration: Length = Field(description="How long each occurrence lasts, 1m to 7d in one unit: 2h.")
    time_zone: TimeZone = Field(
        default="UTC", description="The time zone of start and until: an IANA name such as Europe/Paris."
    )
    until: LocalTime | None = Field(
        default=None, description="No occurrence begins after this local time. Without it, the recurrence has no end."
    )


def spans(recurring: Recurring, first: datetime, last: datetime, field: str) -> list[Span]:
    """The occurrences that touch the time from `first` until before `last`, in order.

    Raises Stalled, with the field, for an invalid recurrence.
    """
    # By whole days, so that the cache has one entry per day: far enough for any length and any time zone.
    days = timedelta(days=9)
    occurrences = _between(recurring, (first - days).date().toordinal(), (last + days).date().toordinal(), field)
    return [span for span in occurrences if span.touches(first, last)]


@lru_cache(maxsize=1_024)
def ever(recurring: Recurring, field: str) -> bool:
    """Whether it ever occurs. Finding that it never does takes a third of a second, so the result is cached."""
    return next(iter(_rule(recurring, field)), None) is not None


@lru_cache(maxsize=1_024)
def _between(recurring: Recurring, first: int, last: int, field: str) -> tuple[Span, ...]:
    """The occurrences that begin on local days from `first` to before `last`, as ordinals."""
    where, length = zone(recurring.time_zone, f"{field}.timeZone"), timedelta(seconds=seconds(recurring.duration))
    until = _local(recurring.until, f"{field}.until") if recurring.until else None
    early, late = (_later(datetime.fromordinal(day)) for day in (first, last))
    begins = (_earlier(at) for at in _rule(recurring, field).between(early, late, inc=True))
    starts = [moment(at, where) for at in begins if until is None or at <= until]
    return tuple(Span(start, start + length) for start in starts)


@lru_cache(maxsize=1_024)
def _rule(recurring: Recurring, field: str) -> rrule:
    """The recurrence, moved `_CYCLE` years later."""
    start = _later(_local(recurring.start, f"{field}.start"))
    try:
        rule = rrulestr(recurring.rrule, dtstart=start)
    except (ValueError, TypeError) as error:
        raise Stalled("InvalidRecurrence", f"{field}.rrule: {error}: correct {recurring.rrule}") from None
    assert isinstance(rule, rrule)  # noqa: S101 - the model takes a single rule
    return rule


def _local(text: str, field: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise Stalled("InvalidRecurrence", f"{field}: there is no such day: {text}") from None


_CYCLE = 7_600
"""Years after which weekdays and leap years repeat (400, 19 times). dateutil searches for the next occurrence until the
year 9999: for a rule that never occurs this takes long, and near that year it is quick."""


def _later(at: datetime) -> datetime:
    return at.replace(year=at.year + _CYCLE)


def _earlier(at: datetime) -> datetime:
    return at.replace(year=at.year - _CYCLE)
