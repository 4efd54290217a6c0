"""How much of Prometheus the objectives of a namespace may use together. Pure.

As with Kubernetes' own quotas, running objectives stay: a quota decides about new and about growing objectives.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ninefold.kube.api import GROUP
from ninefold.reliability.servicelevelobjective.cost.estimate import BAND

ANNOTATION = f"{GROUP}/slo-quota"
"""The annotation of the Namespace: "objectives=50,samples=200000", or one of the two."""

_HOW = 'write it as "objectives=50,samples=200000", or one of the two'


@dataclass(frozen=True, slots=True)
class Quota:
    """The most objectives, and the most samples that one evaluation of all their rules may read; None for no limit."""

    objectives: int | None = None
    samples: int | None = None

    @classmethod
    def parse(cls, text: str) -> Quota:
        """Parses the annotation. Raises ValueError with a sentence that says what to write."""
        limits: dict[str, int] = {}
        for part in text.split(","):
            match = re.fullmatch(r"\s*(objectives|samples)\s*=\s*([0-9]{1,15})\s*", part, re.ASCII)
            if match is None or match[1] in limits:
                raise ValueError(f"the annotation {ANNOTATION} of the namespace cannot be read: {_HOW}")
            limits[match[1]] = int(match[2])
        return cls(**limits)

    def __str__(self) -> str:
        """The quota in a sentence: "50 objectives and 200000 samples an evaluation"."""
        return _text(self.objectives, self.samples)

    def holds(self, objectives: int, samples: int) -> bool:
        return (self.objectives is None or objectives <= self.objectives) and (
            self.samples is None or samples <= self.samples
        )


@dataclass(frozen=True, slots=True)
class Claim:
    """What an objective requests, and what it has."""

    name: str
    created: datetime
    asks: int
    """The samples that its rules will read."""
    has: int | None = None
    """The samples that its rules in the cluster read; None while there are no rules."""

    @property
    def turn(self) -> tuple[Any, ...]:
        return (self.created, self.name)

    @property
    def grows(self) -> bool:
        """Whether it requests more than it has, by more than the band of a cost."""
        return self.has is None or self.asks > self.has * (1 + BAND)


def refusal(quota: Quota, mine: Claim, others: Iterable[Claim]) -> str:
    """Why an objective is not served; "" if it is.

    Other objectives keep what they have. The rest goes to new objectives in the order of creation, then of names; an
    objective that does not fit is skipped.
    """
    if not mine.grows:
        return ""
    claims = list(others)
    having = [claim.has for claim in claims if claim.has is not None]
    objectives, samples = len(having), sum(having)
    before = [claim for claim in claims if claim.has is None and claim.turn < mine.turn]
    for claim in sorted(before, key=lambda claim: claim.turn) if mine.has is None else ():
        if quota.holds(objectives + 1, samples + claim.asks):
            objectives, samples = objectives + 1, samples + claim.asks
    if quota.holds(objectives + 1 if mine.has is None else 0, samples + mine.asks):
        return ""
    stays = "" if mine.has is None else " Its present rules stay."
    return (
        f"the quota of the namespace is {quota} ({ANNOTATION}); the others have {_text(objectives, samples)}, and this "
        f"objective reads {mine.asks}: delete or simplify objectives, or ask a cluster administrator for more.{stays}"
    )


def _text(objectives: int | None, samples: int | None) -> str:
    parts = ((objectives, "objectives"), (samples, "samples an evaluation"))
    return " and ".join(f"{count} {what}" for count, what in parts if count is not None)
