"""The records of a workload, and its next record. Pure: reads stored manifests."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from ninefold.kube.api import MANAGED_BY, OPERATOR, Key, Manifest
from ninefold.kube.index import Index
from ninefold.release.release.resource import Change, PassedBy, Release, ReleaseSpec, WorkloadRef
from ninefold.release.release.revision import Revision

BY_WORKLOAD = Index(Release.api, lambda record: [(Key.of(record).namespace, *_workload(record))])
"""Records by the namespace, kind and name of their workload."""
_LONGEST = 253
"""The longest name, in characters."""


def _workload(record: Manifest) -> tuple[str, str]:
    workload = record["spec"]["workload"]
    return workload["kind"], workload["name"]


def of_workload(records: Iterable[Manifest], kind: str, name: str) -> list[Manifest]:
    """Returns the records of one workload, the oldest first. `records` are those of its namespace."""
    wanted = {"kind": kind, "name": name}
    return sorted((record for record in records if record["spec"]["workload"] == wanted), key=sequence)


def sequence(record: Manifest) -> int:
    number: int = record["spec"]["sequence"]
    return number


def key_for(revision: Revision, records: Sequence[Manifest]) -> Key:
    """Returns the key of the record of a workload's present revision, whether that record exists or not."""
    if records and records[-1]["spec"]["templateHash"] == revision.hash:
        return Key.of(records[-1])
    number = sequence(records[-1]) + 1 if records else 1
    # The hash includes the kind: a Deployment and a StatefulSet may have the same name.
    end = f"-{number}-{revision.hash}"
    return Key(revision.key.namespace, revision.key.name[: _LONGEST - len(end)].rstrip("-.") + end)


def next_record(
    revision: Revision,
    records: Sequence[Manifest],
    gate: str,
    services: Iterable[str],
    overrides: Sequence[PassedBy] = (),
) -> Manifest:
    """Returns the record of a revision that has none yet. `services` are those of the objectives of its gate,
    `overrides` those with which it passed closed gates."""
    key, newest = key_for(revision, records), records[-1] if records else None
    named = set(services)
    spec = ReleaseSpec(
        workload=WorkloadRef(kind=revision.kind, name=revision.key.name),
        sequence=sequence(newest) + 1 if newest else 1,
        template_hash=revision.hash,
        images=list(revision.images),
        service=revision.service or (named.pop() if len(named) == 1 else revision.key.name),
        team=revision.team,
        gate=gate,
        change=_change(revision, newest),
        rolls_back_to=_rolls_back_to(revision, records),
        overrides=list(overrides),
    )
    return {
        "apiVersion": Release.api.api_version,
        "kind": Release.api.kind,
        "metadata": {"namespace": key.namespace, "name": key.name, "labels": {MANAGED_BY: OPERATOR}},
        "spec": {name: value for name, value in spec.wire().items() if value not in ("", [], {}, False)},
    }


def _change(revision: Revision, newest: Manifest | None) -> Change:
    """Returns the change that the pod template describes, completed by the labels and annotations of the workload.

    `kubectl set image` leaves the workload's annotations unchanged: if they are those of the last release, and the
    images differ, they do not describe this release.
    """
    recorded = newest["spec"].get("change", {}) if newest else {}
    noted = revision.noted.wire()
    about = ("commit", "commitTime", "author", "cause")
    stale = newest is not None and set(newest["spec"].get("images", ())) != set(revision.images)
    fresh = {
        name: value for name, value in noted.items() if not (stale and name in about and recorded.get(name) == value)
    }
    return Change.model_validate({**fresh, **revision.change.wire()})


def _rolls_back_to(revision: Revision, records: Sequence[Manifest]) -> str | None:
    """Returns the newest earlier release that this revision brings back, and that was rolled out and not undone; None
    if there is none. A revision brings back a release with the same template, or with exactly the same images. But if
    the last release has the same images, too, only the rest of the template has changed, and only the same template
    counts. An object without images, such as an object of Flux, is compared by its revision."""
    if not records:
        return None
    same = _same_template if _same(records[-1], revision) else _same
    for record, following in reversed(list(pairwise(records))):
        good = record.get("status", {}).get("outcome") == "Succeeded" and "rollsBackTo" not in following["spec"]
        if good and same(record, revision):
            return str(record["metadata"]["name"])
    return None


def _same(record: Manifest, revision: Revision) -> bool:
    if not revision.images:
        return _same_template(record, revision)
    return set(record["spec"].get("images", ())) == set(revision.images)


def _same_template(record: Manifest, revision: Revision) -> bool:
    return bool(record["spec"]["templateHash"] == revision.hash)
