"""How long a workload has served what it runs, as the state of a while in the status of a gate says. Pure.

The while begins when enough pods serve the revision, and no other. It goes on through scaling and the loss of a pod; it
begins again when the revision changes, or when fewer pods are left than have been enough. Were it to wait for a
workload that is still, the revision of a busy one would never be known to be good.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from ninefold.kube.fields import seconds
from ninefold.release.gate.spec import KnownGood
from ninefold.release.gate.status import Learning
from ninefold.release.workloads.serving import Serving


@dataclass(frozen=True, slots=True)
class Trial:
    """Since when, the fewest pods that have been enough since then, and whether it has stood its time."""

    since: datetime
    fewest: int | None
    passed: bool

    def entry(self, workload: str, revision: str | None = None, template: str | None = None) -> Learning:
        """As it stands in the status, of a revision by its images or by its template."""
        return Learning(workload=workload, revision=revision, template=template, since=self.since, fewest=self.fewest)


def trial(rule: KnownGood, before: Learning | None, serving: Serving, now: datetime) -> Trial | None:
    """None while too few pods serve it."""
    if before is None and not serving.enough:
        return None
    since, known = (before.since, before.fewest) if before else (now, None)
    # A workload that grows has the pods of before at first.
    fewest = min(serving.needed, known or serving.needed)
    if serving.available is not None and serving.available < fewest:
        return None
    ran = not serving.runs or (serving.run is not None and serving.run > since)
    return Trial(since, None if serving.runs else fewest, serving.enough and ran and now >= since + lasting(rule))


def lasting(rule: KnownGood) -> timedelta:
    """How long a revision must be served."""
    return timedelta(seconds=seconds(rule.after))
