"""What a gate reads of Deployments, StatefulSets and DaemonSets. Pure.

Which workloads are meant is decided here for the status and in the admission policy for enforcement, alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ninefold.kube.api import Manifest


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload by name ("Deployment/checkout"), the images of its pod template, and whether all its pods run it."""

    name: str
    images: tuple[str, ...]
    complete: bool


def matches(labels: Mapping[str, str], manifest: Manifest) -> bool:
    """Whether the workload carries all the labels, itself or in its selector."""
    own = manifest["metadata"].get("labels") or {}
    selector = (manifest.get("spec", {}).get("selector") or {}).get("matchLabels") or {}
    return any(all(where.get(key) == value for key, value in labels.items()) for where in (own, selector))


def read(kind: str, manifest: Manifest) -> Workload:
    """The workload as a gate sees it."""
    return Workload(
        name=f"{kind}/{manifest['metadata']['name']}",
        images=images(manifest["spec"]["template"]["spec"]),
        complete=_complete(kind, manifest),
    )


def images(pod: Mapping[str, Any]) -> tuple[str, ...]:
    """Every image that a pod spec names, image volumes too, each once."""
    containers = [*(pod.get("containers") or ()), *(pod.get("initContainers") or ())]
    volumes = [volume.get("image") or {} for volume in pod.get("volumes") or ()]
    found = [container.get("image") for container in containers] + [volume.get("reference") for volume in volumes]
    return tuple(dict.fromkeys(image for image in found if image))


def _complete(kind: str, manifest: Manifest) -> bool:
    """Whether every pod runs the present template and is available. No pod proves nothing."""
    status = manifest.get("status") or {}
    if status.get("observedGeneration", -1) != manifest["metadata"].get("generation"):
        return False
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
