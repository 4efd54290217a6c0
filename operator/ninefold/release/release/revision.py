"""Reads the present revision of a workload: its images, its origin, and the state of its rollout. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import moment
from ninefold.release.gate.status import MAX_IMAGES
from ninefold.release.release.resource import Change
from ninefold.release.workloads.workload import fingerprint, parts

State = Literal["Rolling", "Complete", "GaveUp"]

_LONGEST_IMAGE = 512
_COUNTED_AS = (
    "deployment.kubernetes.io/revision",
    "rollout.argoproj.io/revision",
    "deprecated.daemonset.template.generation",
)
"""Annotations in which controllers count revisions."""

_COMMIT = "org.opencontainers.image.revision"
_COMMIT_TIME = "ninefold.dev/commit-time"
_AUTHOR = "ninefold.dev/author"
_CAUSE = "kubernetes.io/change-cause"
_ARGO_CD = "argocd.argoproj.io/tracking-id"


@dataclass(frozen=True, slots=True)
class Revision:
    """The revision that a workload has in its spec now."""

    kind: str
    key: Key
    hash: str
    """A hash of the kind and the pod template, without the annotation that a restart writes."""
    images: tuple[str, ...]
    state: State
    number: str | None
    """The number that the workload's controller gives it."""
    pod_hash: str | None
    """The hash that Argo Rollouts gives it."""
    created: datetime | None
    """When the workload was created, and with it its first revision."""
    began: datetime | None
    """When its rollout began and (`over`) when it was over, if the workload itself reports these times."""
    over: datetime | None
    service: str | None
    """The service and the team that labels name."""
    team: str
    change: Change
    """The change as described by annotations of the pod template, and by labels."""
    noted: Change
    """The change as described by annotations of the workload itself, which may still be those of the previous
    revision."""


def read(kind: str, manifest: Manifest) -> Revision | None:
    """Returns the revision; None if the workload has no pod template or is malformed: it may be a custom resource whose
    fields no schema has checked."""
    try:
        return _read(kind, manifest)
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _read(kind: str, manifest: Manifest) -> Revision:
    metadata, template = manifest["metadata"], manifest["spec"]["template"]
    images = tuple(dict.fromkeys(parts(template["spec"]).values()))
    if not images:
        raise ValueError("the pod template has no image")
    labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    template_notes = (template.get("metadata") or {}).get("annotations") or {}
    status = manifest.get("status") or {}
    state = _rollout_state(manifest, status) if kind == "Rollout" else _state(kind, manifest, status)
    began, over = _rollout_times(status) if kind == "Rollout" else (None, _over(status))
    return Revision(
        kind=kind,
        key=Key.of(manifest),
        hash=fingerprint(kind, template),
        images=tuple(image for image in images if len(image) <= _LONGEST_IMAGE)[:MAX_IMAGES],
        state=state,
        number=short(_number(notes, status), 253) if _is_observed(manifest, status) else None,
        pod_hash=short(status.get("currentPodHash"), 63) if _is_observed(manifest, status) else None,
        created=moment(metadata.get("creationTimestamp")),
        began=began,
        over=over if state == "Complete" else None,
        service=labels.get("ninefold.dev/service"),
        team=labels.get("ninefold.dev/team") or labels.get("app.kubernetes.io/part-of") or "",
        change=read_change(template_notes, labels, notes),
        noted=read_change(notes, labels, notes),
    )


def _state(kind: str, manifest: Manifest, status: Mapping[str, Any]) -> State:
    """Returns the state of the rollout of a Deployment, StatefulSet or DaemonSet. A complete rollout stays complete
    when a pod fails later, as far as the workload remembers it; a rollout without pods is complete at once."""
    if not _is_observed(manifest, status):
        return "Rolling"
    if kind == "DaemonSet":
        names = ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        counts = {status.get(name, 0) for name in names}
    else:
        wanted = manifest["spec"].get("replicas", 1)
        counts = {wanted, *(status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))}
    reason = condition(status, "Progressing").get("reason")
    # After a return to an earlier template, a Deployment still has this reason for a moment: then pods of the other
    # template still exist.
    over = reason == "NewReplicaSetAvailable" and status.get("replicas") == status.get("updatedReplicas")
    if len(counts) == 1 or over:
        return "Complete"
    return "GaveUp" if reason == "ProgressDeadlineExceeded" else "Rolling"


def _is_observed(manifest: Manifest, status: Mapping[str, Any]) -> bool:
    """Whether the status is about the present spec. The status of an Argo Rollout has the generation as text."""
    return str(status.get("observedGeneration")) == str(manifest["metadata"].get("generation"))


def _over(status: Mapping[str, Any]) -> datetime | None:
    """Returns when the rollout of a Deployment was complete: the Deployment records this time, and keeps it when pods
    come and go later."""
    progressing = condition(status, "Progressing")
    return moment(progressing.get("lastUpdateTime")) if progressing.get("reason") == "NewReplicaSetAvailable" else None


def _rollout_state(manifest: Manifest, status: Mapping[str, Any]) -> State:
    """Returns the state of the rollout of an Argo Rollout."""
    if not _is_observed(manifest, status):
        return "Rolling"
    if status.get("abort") or status.get("phase") == "Degraded":
        return "GaveUp"
    return "Complete" if status.get("phase") == "Healthy" else "Rolling"


def _rollout_times(status: Mapping[str, Any]) -> tuple[datetime | None, datetime | None]:
    times = status.get("duration") or {}
    return moment(times.get("rolloutStartedAt")), moment(times.get("finishedAt"))


def condition(status: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Returns the condition of this type; an empty map if there is none."""
    conditions = status.get("conditions") or ()
    return next((entry for entry in conditions if entry.get("type") == name), {})


def _number(notes: Mapping[str, str], status: Mapping[str, Any]) -> str | None:
    return next((notes[name] for name in _COUNTED_AS if name in notes), None) or status.get("updateRevision")


def read_change(notes: Mapping[str, str], labels: Mapping[str, str], own: Mapping[str, str]) -> Change:
    """Reads the origin of a revision from annotations (`notes`) and labels; `own` are the annotations of the object
    itself, where delivery tools leave their name."""
    return Change(
        commit=short(notes.get(_COMMIT), 128),
        commit_time=moment(notes.get(_COMMIT_TIME)),
        author=short(notes.get(_AUTHOR), 253),
        version=labels.get("app.kubernetes.io/version"),
        cause=short(notes.get(_CAUSE), 1024),
        delivered_by=short(_delivered_by(labels, own), 600),
    )


def _delivered_by(labels: Mapping[str, str], notes: Mapping[str, str]) -> str | None:
    """Returns the object of Argo CD or Flux that applied this object, by the marks that these tools leave on it."""
    if _ARGO_CD in notes:
        return f"Application {notes[_ARGO_CD].partition(':')[0]}"
    for kind, prefix in (("Kustomization", "kustomize"), ("HelmRelease", "helm")):
        name, namespace = (labels.get(f"{prefix}.toolkit.fluxcd.io/{part}") for part in ("name", "namespace"))
        if name and namespace:
            return f"{kind} {namespace}/{name}"
    return None


def short(value: str | None, longest: int) -> str | None:
    return value[:longest] if value else None
