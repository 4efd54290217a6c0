"""The opinion of one source of a gate: its decision now, and the closures known to come. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninefold.release.gate.status import Closure, Decision

SEVERITY: tuple[Decision, ...] = ("Allow", "Unknown", "Hold", "Deny")
CLOSED = ("Hold", "Deny")


@dataclass(frozen=True, slots=True)
class Opinion:
    """The decision of one source. `unknown_since` is set while its data are missing; `stale_at` is when the fail mode
    takes over."""

    decision: Decision
    because: str = ""
    message: str = ""
    until: datetime | None = None
    """When the decision is predicted to end."""
    unknown_since: datetime | None = None
    stale_at: datetime | None = None
    exempt: bool = False
    """Whether an exemption keeps the source from closing the gate: a revision released meanwhile is not known to be
    good."""
    calendar: bool = False
    """Whether the source is a freeze, which says nothing about the health of the workloads."""
    unmeasured: bool = False
    """Whether every measured objective says Allow, and another has never been measured."""
    ends: datetime | None = None
    """When the decision certainly ends: the API server ends it by itself, also while the operator is down."""
    later: tuple[Closure, ...] = ()
    """Closures known to come."""
    pace: int = 100
    """How large the steps of a delivery may be, in percent of their usual size."""
    approvals: int | None = None
    """How many other people, at least, must approve an Override while this source closes the gate."""
    changes: datetime | None = None
    """When the source changes its opinion by the clock alone."""

    @property
    def trusted(self) -> bool:
        """Whether a revision that runs meanwhile can become known to be good. Neither a freeze nor an objective without
        any data is evidence against it; a stop by hand may be."""
        well = self.decision == "Allow" and not self.unknown_since and not self.exempt
        return well or self.unmeasured or self.calendar

    @property
    def closed(self) -> bool:
        return self.decision in CLOSED


def most_severe(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=SEVERITY.index, default="Allow")


def compose_refusal(message: str, others: Sequence[str], passes: str) -> str:
    """Returns one line for the person who is refused: why, which other sources close the gate, and what passes."""
    also = f" Closed by {' and '.join(others)} too." if others else ""
    return f"{message}{also} {passes}"


def clock(moment: datetime, now: datetime) -> str:
    """Formats a moment for a sentence, with the date unless it is today: "14:20 UTC"."""
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"
