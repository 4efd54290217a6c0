"""Finds the change that a delivery tool means by the names of the revisions in its question. Pure."""

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
    """Returns the change of the workload whose newest release has these names, from its previous release; otherwise the
    names alone.

    Tools ask when the workload already has the new revision, so the records tell which revision it had before.
    """
    if not question.revisions:
        return ImagesAsked(())
    revisions = (*question.revisions, *_of_rollouts(store, question))
    records = list(store.all(Release.api, question.namespace))
    for kind, name in _workloads(records, question):
        history = of_workload(records, kind, name)
        if len(history) > 1 and _is_meant(history[-1], revisions):
            old, new = (record["spec"].get("images", ()) for record in history[-2:])
            return TemplateChange.of_images(f"{kind}/{name}", old, new, history[-1]["spec"]["templateHash"])
    return ImagesAsked(revisions, question.name if "/" in question.name and question.by == "workload" else None)


def _of_rollouts(store: Store, question: Question) -> Iterator[str]:
    """Yields the template hash and the images of revisions that the question names by the hash of Argo Rollouts."""
    for rollout in store.all(ROLLOUT, question.namespace):
        release = released(rollout, store)
        revision = read(*release[1:]) if release and release[0] in question.revisions else None
        yield from (revision.hash, *revision.images) if revision else ()


def _workloads(records: Iterable[Manifest], question: Question) -> Sequence[tuple[str, str]]:
    """Returns the recorded workloads as (kind, name), unless the question names another workload."""
    references = (record["spec"]["workload"] for record in records)
    workloads = dict.fromkeys((reference["kind"], reference["name"]) for reference in references)
    wanted_kind, _, wanted = question.name.rpartition("/")
    return [
        (kind, name)
        for kind, name in workloads
        if kind in _KINDS and (question.by != "workload" or (name == wanted and wanted_kind in ("", kind)))
    ]


def _is_meant(record: Manifest, revisions: Collection[str]) -> bool:
    images = record["spec"].get("images", ())
    hashes = (record["spec"]["templateHash"], record.get("status", {}).get("podHash"))
    return any(name in revisions for name in hashes) or (bool(images) and set(images) <= set(revisions))
