"""Which revisions of each workload are known to be good. Pure.

A revision is good when its workload has served it for a while (trial.py), and no figures spoke against it meanwhile.
The state of that while is in the status, so that a restart of the operator changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import datetime

from ninefold.release.gate.effective import images_of
from ninefold.release.gate.spec import KnownGood
from ninefold.release.gate.status import LONGEST_REVISIONS, MAX_LEARNING, MAX_WORKLOADS, Learning, ReleaseGateStatus
from ninefold.release.releasegate.known_good.trial import trial
from ninefold.release.workloads.workload import Workload, pinned, repository

_LONGEST_IMAGE, _LONGEST_LINE, _MOST_PARTS = 512, 4096, 96
_PLAIN = re.compile(r"([^\s=]+=[^\s=]* ?)+")
"""No container and no image is called otherwise."""
_ALL = 393_216
"""Characters of all revisions: an object of the API server holds a million or so."""
_ABSENT = 64
"""How many workloads that are not there are remembered: they may come back."""

Good = dict[str, str]
"""By workload, as it is stored: a revision a line."""


def learn(
    rule: KnownGood,
    before: ReleaseGateStatus,
    workloads: Collection[Workload],
    *,
    trusted: bool,
    now: datetime,
    blamed: Collection[str] = (),
) -> tuple[Good, list[Learning]]:
    """The revisions known to be good by workload, the newest first, and those on their way there.

    `trusted` says that data are known and say nothing against what runs. A tag that moves, such as latest, is not
    learnt; what has an image that is blamed is good no longer, and has to be learnt again.
    """
    good = {name: _innocent(found, blamed) for name, found in _known(before, workloads).items()}
    begun = {(entry.workload, entry.revision): entry for entry in before.learning}
    learning = []
    # Those that wait for a run may wait for long, and there is no room for all.
    for workload in sorted(workloads, key=lambda each: each.serving.runs) if trusted else ():
        found = revision(workload.parts)
        known = good.get(workload.name, [])
        if not found or known[:1] == [found]:
            continue
        on_trial = trial(rule, begun.get((workload.name, _hash(found))), workload.serving, now)
        if on_trial and on_trial.passed:
            good[workload.name] = [found, *(each for each in known if each != found)]
        elif on_trial:
            learning.append(on_trial.entry(workload.name, revision=_hash(found)))
    return _cut(good, {each.name: revision(each.parts) for each in workloads}, rule.keep), learning[:MAX_LEARNING]


def revision(parts: Mapping[str, str]) -> str:
    """What is remembered of these images, without those that move; "" if there is nothing to go back to.

    >>> revision({"proxy": "proxy:latest", "app": "checkout:v42"})
    'app=checkout:v42 proxy='
    """
    images = {name: image if pinned(image) and len(image) <= _LONGEST_IMAGE else "" for name, image in parts.items()}
    line = " ".join(f"{name}={image}" for name, image in sorted(images.items()))
    fits = len(parts) <= _MOST_PARTS and len(line) <= _LONGEST_LINE
    return line if fits and any(images.values()) and _PLAIN.fullmatch(line) else ""


def _hash(found: str) -> str:
    return hashlib.sha256(found.encode()).hexdigest()[:16]


def _innocent(found: Iterable[str], blamed: Collection[str]) -> list[str]:
    return [line for line in found if images_of(line).isdisjoint(blamed)]


def _known(before: ReleaseGateStatus, workloads: Iterable[Workload]) -> dict[str, list[str]]:
    """By workload, also what the version before this one had learnt without saying of which."""
    good = {name: lines.splitlines() for name, lines in before.known_good_revisions.items()}
    for workload in workloads if before.known_good_images else ():
        found = list(dict.fromkeys(filter(None, _taken_over(workload.parts, before.known_good_images))))
        if found and workload.name not in good:
            good[workload.name] = found
    return good


def _taken_over(parts: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """What runs, if all of it is known, and what runs with one image the earlier one of the same repository."""
    if set(parts.values()) <= set(known):
        yield revision(parts)
    for image in known:
        for name, runs in parts.items():
            if image != runs and repository(image) == repository(runs):
                yield revision({**parts, name: image})


def _cut(good: Mapping[str, list[str]], running: Mapping[str, str], keep: int) -> Good:
    """The newest of each workload and what runs, as far as there is room: first one of each, then a second."""
    wanted = {name: _newest(found, running.get(name, ""), keep) for name, found in sorted(good.items()) if found}
    there = [name for name in wanted if name in running]
    names = [*there, *[name for name in wanted if name not in running][:_ABSENT]][:MAX_WORKLOADS]
    kept: dict[str, list[str]] = {}
    room = _ALL
    for place in range(keep):
        for name in names:
            for line in wanted[name][place : place + 1]:
                room -= len(line) + len(name) * (place == 0)
                if room >= 0 and sum(map(len, kept.get(name, ()))) < LONGEST_REVISIONS - 2 * _LONGEST_LINE:
                    kept.setdefault(name, []).append(line)
    return {name: "\n".join(lines) for name, lines in kept.items()}


def _newest(found: list[str], runs: str, keep: int) -> list[str]:
    """What runs is kept even where others are newer."""
    newest = found[:keep]
    return [*newest[: keep - 1], runs] if runs in found[keep:] else newest
