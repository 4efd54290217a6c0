"""Learns which revisions of each workload are known to be good. Pure.

A revision is good when its workload has served it for long enough (trial.py), and no measurement spoke against it in
that time. The state of the trial is in the status, so a restart of the operator changes nothing.
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
"""The syntax that every container name and every image follows."""
_ALL = 393_216
"""Characters of all revisions: an object of the API server holds a million or so."""
_ABSENT = 64
"""How many deleted workloads are remembered: they may come back."""

Good = dict[str, str]
"""The good revisions by workload, as the status stores them: one revision a line."""


def learn(
    rule: KnownGood,
    before: ReleaseGateStatus,
    workloads: Collection[Workload],
    *,
    trusted: bool,
    now: datetime,
    blamed: Collection[str] = (),
) -> tuple[Good, list[Learning]]:
    """Returns the revisions known to be good by workload, the newest first, and those on trial.

    `trusted` says that data are known and do not speak against the running revisions. A moving tag, such as latest, is
    not learned. A revision with a blamed image is no longer good, and must be learned again.
    """
    good = {name: _innocent(lines, blamed) for name, lines in _known(before, workloads).items()}
    begun = {(entry.workload, entry.revision): entry for entry in before.learning}
    learning = []
    # Workloads that wait for a run come last: they may wait for long, and there is no room for all.
    for workload in sorted(workloads, key=lambda workload: workload.serving.runs) if trusted else ():
        line = revision(workload.parts)
        known = good.get(workload.name, [])
        if not line or known[:1] == [line]:
            continue
        on_trial = trial(rule, begun.get((workload.name, _hash(line))), workload.serving, now)
        if on_trial and on_trial.passed:
            good[workload.name] = [line, *(other for other in known if other != line)]
        elif on_trial:
            learning.append(on_trial.entry(workload.name, revision=_hash(line)))
    running = {workload.name: revision(workload.parts) for workload in workloads}
    return _cut(good, running, rule.keep), learning[:MAX_LEARNING]


def revision(parts: Mapping[str, str]) -> str:
    """Returns the line that the status stores for these images, with moving images left empty; "" if no image is left
    to roll back to.

    >>> revision({"proxy": "proxy:latest", "app": "checkout:v42"})
    'app=checkout:v42 proxy='
    """
    images = {name: image if pinned(image) and len(image) <= _LONGEST_IMAGE else "" for name, image in parts.items()}
    line = " ".join(f"{name}={image}" for name, image in sorted(images.items()))
    fits = len(parts) <= _MOST_PARTS and len(line) <= _LONGEST_LINE
    return line if fits and any(images.values()) and _PLAIN.fullmatch(line) else ""


def _hash(line: str) -> str:
    return hashlib.sha256(line.encode()).hexdigest()[:16]


def _innocent(lines: Iterable[str], blamed: Collection[str]) -> list[str]:
    return [line for line in lines if images_of(line).isdisjoint(blamed)]


def _known(before: ReleaseGateStatus, workloads: Iterable[Workload]) -> dict[str, list[str]]:
    """The good revisions by workload, with the images that the previous version had learned for the gate as a whole."""
    good = {name: lines.splitlines() for name, lines in before.known_good_revisions.items()}
    for workload in workloads if before.known_good_images else ():
        lines = list(dict.fromkeys(filter(None, _taken_over(workload.parts, before.known_good_images))))
        if lines and workload.name not in good:
            good[workload.name] = lines
    return good


def _taken_over(parts: Mapping[str, str], known: Collection[str]) -> Iterator[str]:
    """Yields the running revision, if all its images are known, and the running revision with an image replaced by a
    known image of the same repository."""
    if set(parts.values()) <= set(known):
        yield revision(parts)
    for image in known:
        for name, runs in parts.items():
            if image != runs and repository(image) == repository(runs):
                yield revision({**parts, name: image})


def _cut(good: Mapping[str, list[str]], running: Mapping[str, str], keep: int) -> Good:
    """Keeps the running revision and the newest revisions of each workload, as far as there is room: first one revision
    of each workload, then a second of each, and so on."""
    wanted = {name: _newest(lines, running.get(name, ""), keep) for name, lines in sorted(good.items()) if lines}
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


def _newest(lines: list[str], runs: str, keep: int) -> list[str]:
    """Returns the newest revisions; the running revision is kept even if others are newer."""
    newest = lines[:keep]
    return [*newest[: keep - 1], runs] if runs in lines[keep:] else newest
