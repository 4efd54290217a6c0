"""What a gate's status means at a moment, as the API server reads it: freezes need no operator. Pure."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from ninefold.release.releasegate.opinion import CLOSED, told
from ninefold.release.releasegate.resource import Closure, Decision, GateStatus, OverrideInForce, ReleaseGateStatus


def closures(status: GateStatus, now: datetime) -> list[Closure]:
    """All that closes it now, the most severe first."""
    return [
        each
        for each in status.closures
        if (each.from_ is None or each.from_ <= now) and (each.until is None or now < each.until)
    ]


def overrides(status: ReleaseGateStatus, images: Collection[str], now: datetime) -> list[OverrideInForce]:
    """Those that let change pass now: any change, or, if images are given, the one to them."""
    return [
        each
        for each in status.overrides
        if now < each.until and (not each.images or (images and set(images) <= set(each.images)))
    ]


def decision(status: GateStatus, now: datetime) -> Decision:
    """What is decided, whatever may override it."""
    closed = closures(status, now)
    if closed:
        return closed[0].decision
    # What had closed it is over, and the operator has not said more.
    return "Allow" if status.decision in CLOSED and status.closures else status.decision


def changes(status: ReleaseGateStatus, now: datetime) -> datetime | None:
    """When the clock alone may change what it means; None if never."""
    moments = [moment for each in status.closures for moment in (each.from_, each.until)]
    moments += [each.until for each in status.overrides]
    return min((moment for moment in moments if moment and moment > now), default=None)


def message(status: GateStatus, now: datetime) -> str:
    """Why it is closed, and what passes; "" while it is open."""
    closed = closures(status, now)
    if not closed:
        return ""
    return told(closed[0].message, [each.because for each in closed[1:]], status.passes).strip()
