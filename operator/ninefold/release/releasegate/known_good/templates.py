"""Learns which pod templates are known to be good, if the gate remembers templates. Pure.

The rules are those for images, and apply in addition: a rollback to another image passes because of the image, whatever
else comes with it.
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
    """Returns the templates known to be good, the newest first, and those on trial.

    `blamed` holds hashes of templates; the other arguments are those of `revisions.learn`.
    """
    if not rule.templates:
        return [], []
    good = [known for known in before.known_good_templates if known.hash not in blamed]
    begun = {(entry.workload, entry.template): entry for entry in before.learning}
    learning = []
    for workload in workloads if trusted else ():
        if not workload.template:
            continue
        running = fingerprint(workload.kind, workload.template)
        if _newest(good, workload.name) == running:
            continue
        on_trial = trial(rule, begun.get((workload.name, running)), workload.serving, now)
        if on_trial and on_trial.passed:
            good = [
                _known(workload, running),
                *(known for known in good if (known.workload, known.hash) != (workload.name, running)),
            ]
        elif on_trial:
            learning.append(on_trial.entry(workload.name, template=running))
    return _cut(good, rule.templates + 1), learning


def _newest(good: Sequence[GoodTemplate], workload: str) -> str:
    return next((known.hash for known in good if known.workload == workload), "")


def _known(workload: Workload, template_hash: str) -> GoodTemplate:
    template = unrestarted(workload.template)
    metadata = template["metadata"]
    return GoodTemplate(
        workload=workload.name,
        hash=template_hash,
        labels=metadata.get("labels") or {},
        annotations=metadata.get("annotations") or {},
        spec=dict(template.get("spec") or {}),
    )


def _cut(good: Iterable[GoodTemplate], keep: int) -> list[GoodTemplate]:
    """Keeps the newest `keep` templates of each workload, as far as there is room."""
    kept: list[GoodTemplate] = []
    room = _ALL
    for known in good:
        size = len(json.dumps([known.labels, known.annotations, known.spec]))
        same = sum(template.workload == known.workload for template in kept)
        if same < keep and size <= min(_LARGEST, room):
            kept.append(known)
            room -= size
    return kept[:MAX_TEMPLATES]
