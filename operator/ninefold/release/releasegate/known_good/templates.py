"""Which pod templates are known to be good, where a gate is to remember any. Pure.

As with images, and beside them: a rollback to another image passes by the image, whatever else comes with it.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime

from ninefold.release.gate.spec import KnownGood
from ninefold.release.gate.status import MAX_TEMPLATES, GoodTemplate, Learning, ReleaseGateStatus
from ninefold.release.releasegate.known_good.trial import trial
from ninefold.release.workloads.workload import Workload, fingerprint, unrestarted

_LARGEST, _ALL = 16_384, 262_144
"""Characters of one template and of all: an object of the API server holds a million or so."""


def learn(
    rule: KnownGood,
    before: ReleaseGateStatus,
    workloads: Iterable[Workload],
    *,
    trusted: bool,
    now: datetime,
    blamed: Collection[str] = (),
) -> tuple[list[GoodTemplate], list[Learning]]:
    """The templates known to be good, the newest first, and those on their way there.

    `blamed` are hashes; the rest is as with images.
    """
    if not rule.templates:
        return [], []
    good = [known for known in before.known_good_templates if known.hash not in blamed]
    begun = {(entry.workload, entry.template): entry for entry in before.learning}
    learning = []
    for workload in workloads if trusted else ():
        if not workload.template:
            continue
        found = fingerprint(workload.kind, workload.template)
        if _newest(good, workload.name) == found:
            continue
        on_trial = trial(rule, begun.get((workload.name, found)), workload.serving, now)
        if on_trial and on_trial.passed:
            good = [
                _known(workload, found),
                *(one for one in good if (one.workload, one.hash) != (workload.name, found)),
            ]
        elif on_trial:
            learning.append(on_trial.entry(workload.name, template=found))
    return _cut(good, rule.templates + 1), learning


def _newest(good: Sequence[GoodTemplate], workload: str) -> str:
    return next((known.hash for known in good if known.workload == workload), "")


def _known(workload: Workload, found: str) -> GoodTemplate:
    template = unrestarted(workload.template)
    metadata = template["metadata"]
    return GoodTemplate(
        workload=workload.name,
        hash=found,
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        spec=dict(template.get("spec") or {}),
    )


def _cut(good: Iterable[GoodTemplate], each: int) -> list[GoodTemplate]:
    """The newest of each workload, as far as there is room."""
    kept: list[GoodTemplate] = []
    room = _ALL
    for known in good:
        size = len(json.dumps([known.labels, known.annotations, known.spec]))
        same = sum(one.workload == known.workload for one in kept)
        if same < each and size <= min(_LARGEST, room):
            kept.append(known)
            room -= size
    return kept[:MAX_TEMPLATES]
