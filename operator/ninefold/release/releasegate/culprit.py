"""Which of several releases is the cause of a burn: or that nobody can tell. Pure.

A release that a gate blames is aborted by delivery tools, and no rollback to its image passes. So to blame an innocent
release costs more than to miss a guilty one. A release is the cause where no other release went out shortly before the
burn began, or where the burn ended with this release and with no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NEAR = timedelta(minutes=10)
"""How long after a rollout the burn may begin that it is blamed for, and how much earlier a burn may truly have begun,
or ended, than the figures show: the shortest burn rate looks back over five minutes, and rules, scrapes and polls take
their time. Releases closer together cannot be told apart by it."""
LAG = timedelta(minutes=5)
"""How long after the first failed requests a burn shows at the latest that is strong enough to raise a suspicion."""
FAR = timedelta(hours=1)
"""The same where the burn ended with the release."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A release of a workload, while it served, and the burn of one objective that was seen under it.

    `end` is when its rollout was complete, `replaced` when the rollout of the next release of its workload was; `began`
    and `ended` are of the burn. None: not yet, or never.
    """

    release: str
    start: datetime
    end: datetime | None = None
    replaced: datetime | None = None
    undone: bool = False
    """Whether a rollback replaced it."""
    watched: bool = True
    """Whether the objective is still watched on its account."""
    began: datetime | None = None
    ended: datetime | None = None
    paused: bool = False
    """Whether the burn has ended and come back: with little traffic one more error is enough for that."""
    suspected: bool = False

    @property
    def near(self) -> bool:
        """Whether the burn began under its rollout, or so shortly after that it may be the cause."""
        return self.began is not None and self.began <= (self.end or self.began) + (FAR if self.relieved else NEAR)

    @property
    def relieved(self) -> bool:
        """Whether the burn ended when it was replaced."""
        if self.replaced is None or self.ended is None:
            return False
        return self.start <= self.ended <= self.replaced + NEAR

    @property
    def acquitted(self) -> bool:
        """Whether the burn outlasted it: it was undone, and nothing got better."""
        lasts = self.began is not None and self.ended is None and not self.paused
        return self.undone and not self.watched and lasts

    def rivals(self, other: Exposure) -> bool:
        """Whether the other one went out so shortly before the burn, and served for so long, that it may as well be the
        cause."""
        if other.release == self.release or other.acquitted or self.began is None or other.start > self.began:
            return False
        served = other.replaced is None or other.replaced >= self.began - LAG
        return served and (other.end or self.began) >= self.began - NEAR


def culprits(exposures: Sequence[Exposure]) -> list[Exposure]:
    """Each cause of a burn among the releases under a gate, rollbacks left out; none where they cannot be told
    apart."""
    return [each for each in exposures if _is_suspect(each) and _stands_alone(each, exposures)]


def _is_suspect(release: Exposure) -> bool:
    return release.suspected and release.near and not release.acquitted


def _stands_alone(suspect: Exposure, exposures: Sequence[Exposure]) -> bool:
    rivals = [other for other in exposures if suspect.rivals(other)]
    return not rivals or (suspect.relieved and not any(other.relieved for other in rivals))
