"""Reads the parts of a workload that a gate needs. Pure.

This module selects workloads for the status, and the admission policy selects them for enforcement, by the same rules.
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
"""The prefix of the name of an image volume: no container can have such a name."""
WORKLOADS = (DEPLOYMENT, STATEFUL_SET, DAEMON_SET, CRON_JOB, ROLLOUT)


@dataclass(frozen=True, slots=True)
class Workload:
    """A workload by name ("Deployment/checkout"), the images of its pod template by container, and the pods that serve
    it. An image volume is listed among the containers as "volume/NAME"."""

    name: str
    parts: Mapping[str, str]
    serving: Serving
    template: Mapping[str, Any] = field(default_factory=dict, compare=False)
    """The pod template of the workload."""

    @property
    def images(self) -> tuple[str, ...]:
        """The images of the workload, each once."""
        return tuple(dict.fromkeys(self.parts.values()))

    @property
    def kind(self) -> str:
        return self.name.partition("/")[0]


def concerns(workloads: Workloads, kind: str, manifest: Manifest) -> bool:
    """Whether a gate with this selector covers the workload: by name, by its own labels, or by those of its
    `spec.selector`."""
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
    """Reads a workload from its manifest."""
    return Workload(
        name=f"{kind}/{manifest['metadata']['name']}",
        parts=parts(mapped(template(kind, manifest).get("spec"))),
        serving=serving(kind, manifest),
        template=template(kind, manifest),
    )


def template(kind: str, manifest: Manifest) -> Mapping[str, Any]:
    """Returns the pod template; empty if a Rollout refers to the Deployment that holds it."""
    spec = mapped(manifest.get("spec"))
    inner = mapped(mapped(spec.get("jobTemplate")).get("spec")) if kind == "CronJob" else spec
    return mapped(inner.get("template"))


def unrestarted(template: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the pod template without the annotation that a restart writes."""
    metadata = dict(template.get("metadata") or {})
    notes = {name: value for name, value in (metadata.pop("annotations", None) or {}).items() if name != RESTARTED_AT}
    return {**template, "metadata": {**metadata, **({"annotations": notes} if notes else {})}}


def fingerprint(kind: str, template: Mapping[str, Any]) -> str:
    """Returns a hash of the pod template, which identifies a revision of a workload of this kind. A restart does not
    change it."""
    return hashlib.sha256(json.dumps([kind, unrestarted(template)], sort_keys=True).encode()).hexdigest()[:10]


def _maps(value: object) -> list[Mapping[str, Any]]:
    return [mapped(entry) for entry in value] if isinstance(value, list) else []


def parts(pod: Mapping[str, Any]) -> dict[str, str]:
    """Returns every image that a pod spec names, by container; image volumes too."""
    containers = [*_maps(pod.get("containers")), *_maps(pod.get("initContainers"))]
    images = {_text(container.get("name")): _text(container.get("image")) for container in containers}
    for volume in _maps(pod.get("volumes")):
        images[f"{VOLUME}{_text(volume.get('name'))}"] = _text(mapped(volume.get("image")).get("reference"))
    return {name: image for name, image in images.items() if image}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def pinned(image: str) -> bool:
    """Whether the name always means the same image: it has a digest, or a tag that is not `latest`.

    >>> pinned("example.com:5000/shop/checkout:v41"), pinned("checkout"), pinned("checkout:latest")
    (True, False, False)
    """
    if "@" in image:
        return True
    _, _, tag = image.rpartition("/")[2].partition(":")
    return tag not in ("", "latest")


def repository(image: str) -> str:
    """Returns the image without tag and digest.

    >>> repository("example.com:5000/shop/checkout:v41")
    'example.com:5000/shop/checkout'
    """
    path, slash, last = image.partition("@")[0].rpartition("/")
    return f"{path}{slash}{last.partition(':')[0]}"


def replaced(parts: Mapping[str, str], images: Iterable[str]) -> dict[str, str]:
    """Returns the images by container, after `images` replace those of the same repository. An image whose repository
    no container has is added as a new container.

    >>> replaced({"app": "shop/checkout:v42", "proxy": "proxy:1"}, ["shop/checkout:v43"])
    {'app': 'shop/checkout:v43', 'proxy': 'proxy:1'}
    """
    after = dict(parts)
    for image in images:
        names = [name for name, runs in parts.items() if repository(runs) == repository(image)]
        after.update(dict.fromkeys(names or [image], image))
    return after


def by_repository(images: Iterable[str]) -> dict[str, str]:
    """Returns images whose containers are not recorded under keys that stay the same in the next revision.

    >>> by_repository(["shop/checkout:v41", "proxy:1"])
    {'shop/checkout': 'shop/checkout:v41', 'proxy': 'proxy:1'}
    """
    named: dict[str, str] = {}
    for image in images:
        name = repository(image)
        while name in named:
            name += "+"
        named[name] = image
    return named


def paired(old: Iterable[str], new: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """Returns images before and after a change, whose containers are not recorded, under shared keys: first images of
    the same repository are paired, then the remaining ones in their order.

    >>> paired(["checkout:v41", "proxy:1"], ["shop/checkout:v42", "proxy:2"])
    ({'checkout': 'checkout:v41', 'proxy': 'proxy:1'}, {'checkout': 'shop/checkout:v42', 'proxy': 'proxy:2'})
    """
    before, after = by_repository(old), by_repository(new)
    left = iter([name for name in before if name not in after])
    return before, {name if name in before else next(left, name): image for name, image in after.items()}


def short(image: str) -> str:
    """Formats an image for a sentence: without registry and path, its digest cut to twelve digits.

    >>> short("example.com/shop/checkout:v41"), short("example.com/a@sha256:0123456789abcdef")
    ('checkout:v41', 'a@sha256:0123456789ab')
    """
    name, at, digest = image.rpartition("/")[2].partition("@")
    return f"{name}{at}{digest[:19]}"
