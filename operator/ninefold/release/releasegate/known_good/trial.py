"""The trial of a revision: how long its workload has served it, as the status of the gate records. Pure.

The trial begins when enough pods serve the revision, and no pod serves another. Scaling and the loss of a pod do not
interrupt it. It begins again when the revision changes, or when fewer pods are available than have been enough. If it
waited for a workload without any change, no revision of a busy workload would ever be known to be good.
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
    """When the trial began, the fewest pods that have been enough since then, and whether the revision has passed."""

    since: datetime
    fewest: int | None
    passed: bool

    def entry(self, workload: str, revision: str | None = None, template: str | None = None) -> Learning:
        """Returns the entry for the status, of a revision identified by its images or by its template."""
        return Learning(workload=workload, revision=revision, template=template, since=self.since, fewest=self.fewest)


def trial(rule: KnownGood, before: Learning | None, serving: Serving, now: datetime) -> Trial | None:
    """Returns the state of the trial; None while too few pods serve the revision."""
    if before is None and not serving.enough:
        return None
    since, known = (before.since, before.fewest) if before else (now, None)
    # A workload that scales up has only its previous number of pods at first.
    fewest = min(serving.needed, known or serving.needed)
    if serving.available is not None and serving.available < fewest:
        return None
    ran = not serving.runs or (serving.run is not None and serving.run > since)
    return Trial(since, None if serving.runs else fewest, serving.enough and ran and now >= since + lasting(rule))


def lasting(rule: KnownGood) -> timedelta:
    """How long a workload must serve a revision."""
    return timedelta(seconds=seconds(rule.after))
