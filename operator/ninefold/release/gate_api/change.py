"""What a delivery tool means by the names of what it releases. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence

from ninefold.kube.api import ROLLOUT, Manifest
from ninefold.kube.store import Store
from ninefold.release.gate.effective import ImagesAsked, TemplateChange
from ninefold.release.gate_api.question import Question
from ninefold.release.release.records import of_workload
from ninefold.release.release.resource import Release
from ninefold.release.release.revision import read
from ninefold.release.workloads.delegation import released
from ninefold.release.workloads.workload import WORKLOADS

_KINDS = frozenset(api.kind for api in WORKLOADS)


def meant(store: Store, question: Question) -> TemplateChange | ImagesAsked:
    """The change of the workload whose newest release has these names, from the one before; else the names alone.

    Tools ask while what they release stands in the workload already, so what it ran before is known of the records.
    """
    if not question.revisions:
        return ImagesAsked(())
    revisions = (*question.revisions, *_of_rollouts(store, question))
    records = list(store.all(Release.api, question.namespace))
    for kind, name in _workloads(records, question):
        found = of_workload(records, kind, name)
        if len(found) > 1 and _is_meant(found[-1], revisions):
            old, new = (record["spec"].get("images", ()) for record in found[-2:])
            return TemplateChange.of_images(f"{kind}/{name}", old, new, found[-1]["spec"]["templateHash"])
    return ImagesAsked(revisions, question.name if "/" in question.name and question.by == "workload" else None)


def _of_rollouts(store: Store, question: Question) -> Iterator[str]:
    """What stands behind the hashes by which Argo Rollouts calls what it releases."""
    for rollout in store.all(ROLLOUT, question.namespace):
        found = released(rollout, store)
        revision = read(*found[1:]) if found and found[0] in question.revisions else None
        yield from (revision.hash, *revision.images) if revision else ()


def _workloads(records: Iterable[Manifest], question: Question) -> Sequence[tuple[str, str]]:
    """Those with records, as far as the question does not speak of another."""
    workloads = dict.fromkeys((each["spec"]["workload"]["kind"], each["spec"]["workload"]["name"]) for each in records)
    kind, _, name = question.name.rpartition("/")
    return [
        each
        for each in workloads
        if each[0] in _KINDS and (question.by != "workload" or (each[1] == name and kind in ("", each[0])))
    ]


def _is_meant(record: Manifest, revisions: Collection[str]) -> bool:
    images = record["spec"].get("images", ())
    hashes = (record["spec"]["templateHash"], record.get("status", {}).get("podHash"))
    return any(each in revisions for each in hashes) or (bool(images) and set(images) <= set(revisions))
