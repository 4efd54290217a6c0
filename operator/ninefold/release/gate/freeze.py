"""When freezes are: a cron schedule by the clocks of a place, or dates, as moments. Pure."""

from __future__ import annotations

from datetime import datetime

from ninefold.domain.schedules.cron import cron_spans
from ninefold.domain.schedules.span import Span, joined
from ninefold.release.gate.spec import Freeze


def spans(freeze: Freeze, first: datetime, last: datetime, field: str) -> list[Span]:
    """Those that touch the time from `first` until before `last`, in order; those that meet are one.

    Raises Stalled, with the field, for what is no schedule.
    """
    if freeze.dates is not None:
        found = [Span(freeze.dates.from_, freeze.dates.until)]
    else:
        assert freeze.cron is not None  # noqa: S101 - the model holds exactly one
        found = list(cron_spans(freeze.cron, first, last, f"{field}.cron"))
    return joined(span for span in found if span.touches(first, last))
