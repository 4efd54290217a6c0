"""What one source of a gate says now, and what it is known to say later. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from ninefold.release.gate.status import Closure, Decision

SEVERITY: tuple[Decision, ...] = ("Allow", "Unknown", "Hold", "Deny")
CLOSED = ("Hold", "Deny")


@dataclass(frozen=True, slots=True)
class Opinion:
    """`unknown_since` is set while the source does not know; `stale_at` when that will be too long."""

    decision: Decision
    because: str = ""
    message: str = ""
    until: datetime | None = None
    """When it is predicted to end."""
    unknown_since: datetime | None = None
    stale_at: datetime | None = None
    exempt: bool = False
    """Whether it would close the gate, had nobody exempted it: what is released meanwhile is not known to be good."""
    calendar: bool = False
    """Whether it is a freeze, which says nothing of how well the workloads are."""
    unmeasured: bool = False
    """Whether all that was ever measured says Allow, and something else never was."""
    ends: datetime | None = None
    """When it ends for sure, whoever is down; then the API server ends it by itself."""
    later: tuple[Closure, ...] = ()
    """Closures that are known to come."""
    pace: int = 100
    """How large the steps of a delivery may be, in percent of their usual size."""
    approvals: int | None = None
    """How many others must at least approve an Override while this closes the gate."""
    changes: datetime | None = None
    """When it will say something else, by the clock alone."""

    @property
    def trusted(self) -> bool:
        """Whether what runs meanwhile can be known to be good: neither a freeze nor an objective without any data is
        evidence against it. A stop by hand may be."""
        well = self.decision == "Allow" and not self.unknown_since and not self.exempt
        return well or self.unmeasured or self.calendar

    @property
    def closed(self) -> bool:
        return self.decision in CLOSED


def most_severe(decisions: Iterable[Decision]) -> Decision:
    return max(decisions, key=SEVERITY.index, default="Allow")


def told(message: str, others: Sequence[str], passes: str) -> str:
    """One line for the person who is refused: why, who else closes it, and what passes."""
    also = f" Closed by {' and '.join(others)} too." if others else ""
    return f"{message}{also} {passes}"


def clock(moment: datetime, now: datetime) -> str:
    """A moment for a sentence, with the date if it is another day's: "14:20 UTC"."""
    return f"{moment:%H:%M} UTC" if moment.date() == now.date() else f"{moment:%Y-%m-%d %H:%M} UTC"
