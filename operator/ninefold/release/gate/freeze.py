"""Converts a freeze, which is a cron schedule in a time zone or a pair of dates, to spans of time. Pure."""

from __future__ import annotations

from datetime import datetime

from ninefold.domain.schedules.cron import cron_spans
from ninefold.domain.schedules.span import Span, joined
from ninefold.release.gate.spec import Freeze


def spans(freeze: Freeze, first: datetime, last: datetime, field: str) -> list[Span]:
    """Returns the spans that touch the time from `first` until before `last`, in order; adjoining spans become one.

    Raises Stalled, with the field, if the schedule is invalid.
    """
    if freeze.dates is not None:
        frozen = [Span(freeze.dates.from_, freeze.dates.until)]
    else:
        assert freeze.cron is not None  # noqa: S101 - the model holds exactly one
        frozen = list(cron_spans(freeze.cron, first, last, f"{field}.cron"))
    return joined(span for span in frozen if span.touches(first, last))
