"""Finds which of several releases caused a burn, if the records show it. Pure.

Delivery tools abort a release that a gate blames, and no rollback to its image passes. So to blame an innocent release
costs more than to miss a guilty release. A release is the cause if no other release went out shortly before the burn
began, or if the burn ended with this release and with no other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

NEAR = timedelta(minutes=10)
"""How long after a rollout a burn may begin for which the release is blamed, and how much earlier a burn may truly have
begun, or ended, than the measurements show: the shortest burn rate looks back over five minutes, and rules, scrapes and
polls take their time. The beginning of a burn cannot separate releases that are closer together."""
LAG = timedelta(minutes=5)
"""The longest time from the first failed requests until a burn shows that is strong enough to raise a suspicion."""
FAR = timedelta(hours=1)
"""How long after a rollout a burn may begin for which the release is blamed, if the burn ended with the release."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """The time in which a release served, and the burn of one objective that was seen in that time.

    `end` is when its rollout was complete, `replaced` when the rollout of the next release of its workload was
    complete; `began` and `ended` are the times of the burn. None means not yet, or never.
    """

    release: str
    start: datetime
    end: datetime | None = None
    replaced: datetime | None = None
    undone: bool = False
    """Whether a rollback replaced it."""
    watched: bool = True
    """Whether the record of the release still watches the objective."""
    began: datetime | None = None
    ended: datetime | None = None
    paused: bool = False
    """Whether the burn has ended and come back: with little traffic a single further error brings it back."""
    suspected: bool = False

    @property
    def near(self) -> bool:
        """Whether the burn began during the rollout, or shortly enough after it that the release may be the cause."""
        return self.began is not None and self.began <= (self.end or self.began) + (FAR if self.relieved else NEAR)

    @property
    def relieved(self) -> bool:
        """Whether the burn ended when the release was replaced."""
        if self.replaced is None or self.ended is None:
            return False
        return self.start <= self.ended <= self.replaced + NEAR

    @property
    def acquitted(self) -> bool:
        """Whether the burn outlasted the release: it was undone, and the burn went on."""
        lasts = self.began is not None and self.ended is None and not self.paused
        return self.undone and not self.watched and lasts

    def rivals(self, other: Exposure) -> bool:
        """Whether the other release may equally be the cause: it went out shortly before the burn began, and was not
        replaced long before that."""
        if other.release == self.release or other.acquitted or self.began is None or other.start > self.began:
            return False
        served = other.replaced is None or other.replaced >= self.began - LAG
        return served and (other.end or self.began) >= self.began - NEAR


def culprits(exposures: Sequence[Exposure]) -> list[Exposure]:
    """Returns each release under a gate that caused a burn; none if several releases may equally be the cause.
    `exposures` contains no rollbacks."""
    return [release for release in exposures if _is_suspect(release) and _is_sole_suspect(release, exposures)]


def _is_suspect(release: Exposure) -> bool:
    return release.suspected and release.near and not release.acquitted


def _is_sole_suspect(suspect: Exposure, exposures: Sequence[Exposure]) -> bool:
    rivals = [other for other in exposures if suspect.rivals(other)]
    return not rivals or (suspect.relieved and not any(other.relieved for other in rivals))
