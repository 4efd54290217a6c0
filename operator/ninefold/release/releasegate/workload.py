"""What a gate reads of workloads. Pure.

Which workloads are meant is decided here for the status and in the admission policy for enforcement, alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ninefold.kube.api import CRON_JOB, DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET, Manifest
from ninefold.release.releasegate.resource import SERVICE_LABELS, TEAM_LABELS, Workloads

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, ROLLOUT)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload by name ("Deployment/checkout"), the images of its pod template, and whether all its pods run it."""

    name: str
    images: tuple[str, ...]
    complete: bool
    template: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Its pod template."""

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]


def concerns(workloads: Workloads, kind: str, manifest: Manifest) -> bool:
    """Whether a gate over these is about the workload: by its own labels, or by those of its selector."""
    if workloads.scope is not None:
        return True
    if workloads.names is not None:
        return f"{kind}/{manifest['metadata']['name']}" in workloads.names
    own = manifest["metadata"].get("labels") or {}
    selector = (manifest.get("spec", {}).get("selector") or {}).get("matchLabels") or {}
    return any(_carries(workloads, labels) for labels in (own, selector))


def _carries(workloads: Workloads, labels: Mapping[str, str]) -> bool:
    if workloads.match_labels is not None:
        return all(labels.get(key) == value for key, value in workloads.match_labels.items())
    keys, value = (SERVICE_LABELS, workloads.service) if workloads.service else (TEAM_LABELS, workloads.team)
    return any(labels.get(key) == value for key in keys)


def read(kind: str, manifest: Manifest) -> Workload:
    """The workload as a gate sees it."""
    return Workload(
        name=f"{kind}/{manifest['metadata']['name']}",
        images=images(_map(template(manifest).get("spec"))),
        complete=_complete(kind, manifest),
        template=template(manifest),
    )


def template(manifest: Manifest) -> Mapping[str, Any]:
    """The pod template; empty where a Rollout refers to the Deployment that holds it."""
    spec = _map(manifest.get("spec"))
    inner = _map(_map(spec.get("jobTemplate")).get("spec")) if "jobTemplate" in spec else spec
    return _map(inner.get("template"))


def unrestarted(template: Mapping[str, Any]) -> dict[str, Any]:
    """The pod template without what a restart writes there."""
    metadata = dict(template.get("metadata") or {})
    notes = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if name != RESTARTED_AT}
    return {**template, "metadata": {**metadata, **({"annotations": notes} if notes else {})}}


def fingerprint(kind: str, template: Mapping[str, Any]) -> str:
    """What tells revisions of a kind apart: a hash of the pod template, the same after a restart."""
    return hashlib.sha256(json.dumps([kind, unrestarted(template)], sort_keys=True).encode()).hexdigest()[:10]


def _map(value: object) -> Mapping[str, Any]:
    """What somebody else's kind may hold in the place of an object is none."""
    return value if isinstance(value, Mapping) else {}


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [_map(each) for each in value] if isinstance(value, list) else []


def images(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """Every image that a pod spec names, image volumes too, each once."""
    containers = [*_maps(pod.get("containers")), *_maps(pod.get("initContainers"))]
    volumes = [_map(volume.get("image")) for volume in _maps(pod.get("volumes"))]
    found = [container.get("image") for container in containers] + [volume.get("reference") for volume in volumes]
    return tuple(dict.fromkeys(image for image in found if image))


def _complete(kind: str, manifest: Manifest) -> bool:
    """Whether every pod runs the present template and is available. No pod proves nothing."""
    status = _map(manifest.get("status"))
    if kind == "CronJob":
        # Its controller tells of no generation: a run that succeeded is what there is to go by.
        return bool(status.get("lastSuccessfulTime")) and not status.get("active")
    # That of a Rollout is a string.
    if str(status.get("observedGeneration", -1)) != str(manifest["metadata"].get("generation")):
        return False
    if kind == "Rollout":
        return status.get("phase") == "Healthy"
    if kind == "DaemonSet":
        counts = {
            status.get(name, 0) for name in ("desiredNumberScheduled", "updatedNumberScheduled", "numberAvailable")
        }
    else:
        wanted = manifest["spec"].get("replicas", 1)
        counts = {wanted, *(status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas"))}
    return len(counts) == 1 and counts != {0}


def pinned(image: str) -> bool:
    """Whether the name stands for one image: a digest, or a tag that is not `latest`.

    >>> pinned("example.com:5000/shop/checkout:v41"), pinned("checkout"), pinned("checkout:latest")
    (True, False, False)
    """
    if "@" in image:
        return True
    _, _, tag = image.rpartition("/")[2].partition(":")
    return tag not in ("", "latest")


def repository(image: str) -> str:
    """The image without tag and digest.

    >>> repository("example.com:5000/shop/checkout:v41")
    'example.com:5000/shop/checkout'
    """
    path, slash, last = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def short(image: str) -> str:
    """The image for a sentence: without registry and path, a digest cut to twelve digits.

    >>> short("example.com/shop/checkout:v41"), short("example.com/a@sha256:0123456789abcdef")
    ('checkout:v41', 'a@sha256:0123456789ab')
    """
    name, at, digest = image.rpartition("/")[2].partition("@")
    return f"{name}{at}{digest[:19]}"
