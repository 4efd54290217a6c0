"""The opinions of people and calendars: a stop by hand, and freezes. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ninefold.domain.schedules.span import Span
from ninefold.release.gate.freeze import spans
from ninefold.release.gate.opinion import Opinion
from ninefold.release.gate.spec import Freeze, Stop
from ninefold.release.gate.status import Closure

AHEAD = timedelta(days=36)
"""How far ahead the status lists freezes: the API server enforces them while the operator is down."""
_NEXT = 4
"""How many freezes to come the status lists for one source."""


def of_stop(stop: Stop | None, now: datetime) -> Opinion:
    """Returns the opinion of a stop; Allow without a stop, or after its end."""
    if stop is None or (stop.until is not None and stop.until <= now):
        return Opinion("Allow")
    ends = f" Until {_moment(stop.until)}." if stop.until else ""
    return Opinion(
        decision=stop.decision,
        because=f"stopped by {stop.by}",
        message=f"{stop.by} has closed it: {_sentence(stop.reason)}{ends}",
        until=stop.until,
        ends=stop.until,
        changes=stop.until,
    )


def of_freeze(freeze: Freeze, now: datetime, field: str) -> Opinion:
    """Returns the opinion of a freeze, with the next freezes to come. Raises Stalled if the schedule is invalid."""
    frozen = spans(freeze, now, now + AHEAD, field)
    present = next((span for span in frozen if span.start <= now), None)
    coming = [span for span in frozen if span.start > now][:_NEXT]
    changes = [present.end] if present else [span.start for span in coming[:1]]
    # The list of freezes must be renewed before the API server reaches its end.
    later = tuple(_closure(freeze, span) for span in coming)
    moment = min([*changes, now + AHEAD / 2])
    if present is None:
        return Opinion("Allow", later=later, changes=moment)
    closed = _closure(freeze, present)
    return Opinion(
        decision=closed.decision,
        because=closed.because,
        message=closed.message,
        calendar=True,
        until=present.end,
        ends=present.end,
        later=later,
        changes=moment,
    )


def _closure(freeze: Freeze, span: Span) -> Closure:
    return Closure.model_validate(
        {
            "decision": freeze.decision,
            "because": f"freeze: {freeze.reason}",
            "message": f"Nothing changes now: {_sentence(freeze.reason)} Until {_moment(span.end)}.",
            "from": span.start,
            "until": span.end,
            "calendar": True,
        }
    )


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
