"""What a gate reads of workloads. Pure.

Which workloads are meant is decided here for the status and in the admission policy for enforcement, alike.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ninefold.kube.api import CRON_JOB, DAEMON_SET, DEPLOYMENT, ROLLOUT, STATEFUL_SET, Manifest
from ninefold.release.workloads.selector import SERVICE_LABELS, TEAM_LABELS, Workloads
from ninefold.release.workloads.serving import Serving, mapped, serving

RESTARTED_AT = "kubectl.kubernetes.io/restartedAt"
VOLUME = "volume/"
"""Stands before the name of an image volume: no container can be called so."""
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, ROLLOUT)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload by name ("Deployment/checkout"), the images of its pod template by container, and the pods that serve
    it. An image volume stands among the containers as "volume/NAME"."""

    name: str
    parts: Mapping[str, str]
    serving: Serving
    template: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """Its pod template."""

    @property
    def images(self) -> tuple[str, ...]:
        """Each once."""
        return tuple(dict.fromkeys(self.parts.values()))

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]


def concerns(workloads: Workloads, kind: str, manifest: Manifest) -> bool:
    """Whether a gate over these is about the workload: by its own labels, or by those of its selector."""
    if workloads.scope is not None:
        return True
    if workloads.names is not None:
        return f"{kind}/{manifest['metadata']['name']}" in workloads.names
    own = mapped(manifest["metadata"].get("labels"))
    selector = mapped(mapped(mapped(manifest.get("spec")).get("selector")).get("matchLabels"))
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
        parts=parts(mapped(template(kind, manifest).get("spec"))),
        serving=serving(kind, manifest),
        template=template(kind, manifest),
    )


def template(kind: str, manifest: Manifest) -> Mapping[str, Any]:
    """The pod template; empty where a Rollout refers to the Deployment that holds it."""
    spec = mapped(manifest.get("spec"))
    inner = mapped(mapped(spec.get("jobTemplate")).get("spec")) if kind == "CronJob" else spec
    return mapped(inner.get("template"))


def unrestarted(template: Mapping[str, Any]) -> dict[str, Any]:
    """The pod template without what a restart writes there."""
    metadata = dict(template.get("metadata") or {})
    notes = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if name != RESTARTED_AT}
    return {**template, "metadata": {**metadata, **({"annotations": notes} if notes else {})}}


def fingerprint(kind: str, template: Mapping[str, Any]) -> str:
    """What tells revisions of a kind apart: a hash of the pod template, the same after a restart."""
    return hashlib.sha256(json.dumps([kind, unrestarted(template)], sort_keys=True).encode()).hexdigest()[:10]


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [mapped(each) for each in value] if isinstance(value, list) else []


def parts(pod: Mapping[str, Any]) -> dict[str, str]:
    """Every image that a pod spec names, by container, image volumes too."""
    containers = [*_maps(pod.get("containers")), *_maps(pod.get("initContainers"))]
    found = {_text(each.get("name")): _text(each.get("image")) for each in containers}
    for volume in _maps(pod.get("volumes")):
        found[f"{VOLUME}{_text(volume.get('name'))}"] = _text(mapped(volume.get("image")).get("reference"))
    return {name: image for name, image in found.items() if image}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


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


def replaced(parts: Mapping[str, str], images: Iterable[str]) -> dict[str, str]:
    """The images by container with these in the places of those of the same repository. One that has no place there
    comes as a new container.

    >>> replaced({"app": "shop/checkout:v42", "proxy": "proxy:1"}, ["shop/checkout:v43"])
    {'app': 'shop/checkout:v43', 'proxy': 'proxy:1'}
    """
    found = dict(parts)
    for image in images:
        places = [name for name, runs in parts.items() if repository(runs) == repository(image)]
        found.update(dict.fromkeys(places or [image], image))
    return found


def by_repository(images: Iterable[str]) -> dict[str, str]:
    """Images of which nobody has recorded the containers, by something that is the same in the next revision.

    >>> by_repository(["shop/checkout:v41", "proxy:1"])
    {'shop/checkout': 'shop/checkout:v41', 'proxy': 'proxy:1'}
    """
    found: dict[str, str] = {}
    for image in images:
        name = repository(image)
        while name in found:
            name += "+"
        found[name] = image
    return found


def paired(old: Iterable[str], new: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Images before and after, of which nobody has recorded the containers, under names that they share: those of a
    repository, and then those that are left, in their order.

    >>> paired(["checkout:v41", "proxy:1"], ["shop/checkout:v42", "proxy:2"])
    ({'checkout': 'checkout:v41', 'proxy': 'proxy:1'}, {'checkout': 'shop/checkout:v42', 'proxy': 'proxy:2'})
    """
    before, after = by_repository(old), by_repository(new)
    left = iter([name for name in before if name not in after])
    return before, {name if name in before else next(left, name): image for name, image in after.items()}


def short(image: str) -> str:
    """The image for a sentence: without registry and path, a digest cut to twelve digits.

    >>> short("example.com/shop/checkout:v41"), short("example.com/a@sha256:0123456789abcdef")
    ('checkout:v41', 'a@sha256:0123456789ab')
    """
    name, at, digest = image.rpartition("/")[2].partition("@")
    return f"{name}{at}{digest[:19]}"
