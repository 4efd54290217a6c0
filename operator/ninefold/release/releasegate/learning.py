"""Which images are known to be good. Pure.

An image is good when a workload ran it complete for a while, with the gate open and data known all the while. The state
of that while stands in status, so that a restart changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from ninefold.kube.fields import seconds
from ninefold.release.releasegate.resource import MAX_IMAGES, MAX_WORKLOADS, KnownGood, Learning, ReleaseGateStatus
from ninefold.release.releasegate.workload import Workload, pinned

_LONGEST_IMAGE = 512


def learn(
    rule: KnownGood,
    before: ReleaseGateStatus,
    workloads: Iterable[Workload],
    *,
    is_open: bool,
    now: datetime,
    blamed: Collection[str] = (),
) -> tuple[list[str], list[Learning]]:
    """The images known to be good, newest first, and the rollouts on their way there.

    `is_open` says that the gate is open because the data say so. A tag that moves, such as latest, is not learnt; an
    image that is blamed is good no longer, and has to be learnt anew.
    """
    complete = [workload for workload in workloads if workload.complete]
    good, learning = [image for image in before.known_good_images if image not in blamed], []
    begun = {(entry.workload, tuple(entry.images)): entry.since for entry in before.learning}
    for workload in complete if is_open else ():
        images = _learnable(workload)
        if set(images) <= set(good):
            continue
        since = begun.get((workload.name, images), now)
        if now >= since + lasting(rule):
            good = [*images, *(image for image in good if image not in images)]
        else:
            learning.append(Learning(workload=workload.name, images=list(images), since=since))
    running = {image for workload in complete for image in workload.images}
    return _cut(good, running, rule.keep), learning[:MAX_WORKLOADS]


def lasting(rule: KnownGood) -> timedelta:
    """How long a rollout must be complete."""
    return timedelta(seconds=seconds(rule.after))


def _learnable(workload: Workload) -> tuple[str, ...]:
    return tuple(image for image in workload.images if pinned(image) and len(image) <= _LONGEST_IMAGE)[:MAX_IMAGES]


def _cut(good: list[str], running: set[str], keep: int) -> list[str]:
    """The newest `keep`, and those that run now even if that makes more."""
    places = max(0, keep - sum(image in running for image in good))
    kept = []
    for image in good:
        if image in running:
            kept.append(image)
        elif places:
            places -= 1
            kept.append(image)
    return kept[:MAX_IMAGES]
