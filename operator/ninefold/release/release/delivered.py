"""Reads the revision that objects of Flux and Argo CD deliver. Pure.

They are read like a workload, with the revision of their source instead of a pod template. The images are left to the
records of the workloads: when such a record is created, the earlier pods still run.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from ninefold.kube.api import APPLICATION, HELM_RELEASE, KUSTOMIZATION, Api, Key, Manifest
from ninefold.kube.fields import moment
from ninefold.release.release.revision import Revision, State, condition, read_change, short

READS: Mapping[Api, tuple[str, ...]] = {
    KUSTOMIZATION: ("conditions", "lastAppliedRevision", "lastAttemptedRevision", "lastAppliedOriginRevision"),
    HELM_RELEASE: ("conditions", "history", "lastAttemptedRevision", "lastAttemptedConfigDigest"),
    APPLICATION: ("operationState", "health"),
}
"""The fields of the status that are read, by kind."""

_NOT_YET = ("DependencyNotReady", "Progressing", "ProgressingWithRetry", "")
"""Reasons of the condition Ready that do not judge the revision that is being delivered."""
_COMMIT = re.compile(r"(?:.*@sha1:)?([0-9a-f]{40})")

_Delivery = tuple[str, State, dict[str, Any]]
"""The tool's name of the revision, the state of its rollout, and further fields of the Revision."""


def read(kind: str, manifest: Manifest) -> Revision | None:
    """Returns the revision; None if the object delivers nothing yet or is malformed."""
    try:
        return _read(kind, manifest)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        return None


def _read(kind: str, manifest: Manifest) -> Revision | None:
    metadata, status = manifest["metadata"], manifest.get("status") or {}
    name, state, more = _READERS[kind](status)
    if not name:
        return None
    labels, notes = metadata.get("labels") or {}, metadata.get("annotations") or {}
    change = read_change(notes, labels, {})
    delivered = more.pop("change", {})
    return replace(
        Revision(
            kind=kind,
            key=Key.of(manifest),
            hash=hashlib.sha256(f"{kind} {name}".encode()).hexdigest()[:10],
            images=(),
            state=state,
            number=short(name, 253),
            pod_hash=None,
            created=moment(metadata.get("creationTimestamp")),
            began=None,
            over=None,
            service=labels.get("ninefold.dev/service"),
            team=labels.get("ninefold.dev/team") or labels.get("app.kubernetes.io/part-of") or "",
            change=change.model_copy(update={field: value for field, value in delivered.items() if value}),
            noted=change,
        ),
        **more,
    )


def _kustomization(status: Mapping[str, Any]) -> _Delivery:
    """The revision is the artifact of the source: "main@sha1:...", or "v1@sha256:..." for an OCI artifact."""
    name = status.get("lastAttemptedRevision") or status.get("lastAppliedRevision") or ""
    ready = condition(status, "Ready")
    state: State = "Rolling"
    if status.get("lastAppliedRevision") == name and ready.get("status") == "True":
        state = "Complete"
    elif ready.get("status") == "False" and ready.get("reason", "") not in _NOT_YET:
        state = "GaveUp"
    origin = status.get("lastAppliedOriginRevision") if state == "Complete" else None
    return name, state, {"change": {"commit": _commit(origin or name)}}


def _helm_release(status: Mapping[str, Any]) -> _Delivery:
    """The revision is the version of the chart and the digest of the values: a change of either is a release."""
    chart, values = status.get("lastAttemptedRevision") or "", status.get("lastAttemptedConfigDigest") or ""
    ready, latest = condition(status, "Ready"), (status.get("history") or [{}])[0]
    state: State = "Rolling"
    if ready.get("status") == "True":
        state = "Complete"
    elif ready.get("status") == "False" and ready.get("reason", "") not in _NOT_YET:
        state = "GaveUp"
    over = moment(latest.get("lastDeployed")) if state == "Complete" else None
    version = latest.get("appVersion") if latest.get("chartVersion") == chart else None
    name = f"{chart}@{values}" if chart and values else chart
    return name, state, {"over": over, "change": {"version": short(version, 253)}}


def _application(status: Mapping[str, Any]) -> _Delivery:
    """The revision is that of the last sync; with several sources, those of all sources."""
    operation = status.get("operationState") or {}
    synced = operation.get("syncResult") or (operation.get("operation") or {}).get("sync") or {}
    revisions = synced.get("revisions") or [synced.get("revision")]
    name = ",".join(revision for revision in revisions if revision)
    phase, health = operation.get("phase"), status.get("health") or {}
    over = [moment(operation.get("finishedAt")), moment(health.get("lastTransitionTime"))]
    state: State = "Rolling"
    if phase in ("Failed", "Error"):
        state = "GaveUp"
    elif phase == "Succeeded" and health.get("status") == "Healthy":
        state = "Complete"
    who = ((operation.get("operation") or {}).get("initiatedBy") or {}).get("username")
    return (
        name,
        state,
        {
            "began": moment(operation.get("startedAt")),
            "over": max((at for at in over if at), default=None) if state == "Complete" else None,
            "change": {"commit": _commit(name), "cause": short(f"synced by {who}", 1024) if who else None},
        },
    )


def _commit(revision: str) -> str | None:
    """Returns the commit in a revision of Git; None for any other revision."""
    match = _COMMIT.fullmatch(revision)
    return match[1] if match else None


_READERS: Mapping[str, Callable[[Mapping[str, Any]], _Delivery]] = {
    KUSTOMIZATION.kind: _kustomization,
    HELM_RELEASE.kind: _helm_release,
    APPLICATION.kind: _application,
}
