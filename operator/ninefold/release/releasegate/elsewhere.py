"""Workloads whose pods another object runs: then it, and not the workload's own count of pods, says that all is well.

Flagger runs what is released as "NAME-primary" and leaves the workload itself without pods. A Rollout of Argo may refer
to the template of a Deployment, which it scales down. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from ninefold.kube.api import DAEMON_SET, DEPLOYMENT, ROLLOUT, Api, Key, Manifest
from ninefold.kube.store import Store
from ninefold.release.releasegate.serving import Serving
from ninefold.release.releasegate.workload import Workload, read


def seen(api: Api, manifest: Manifest, store: Store) -> Workload:
    """The workload, with the pods of the object that runs its template in its place."""
    found = read(api.kind, manifest)
    if primary := _primary(api, manifest, store):
        # Its own pods are those of a canary that is looked at.
        runs = read(api.kind, primary)
        return replace(found, serving=runs.serving if runs.parts == found.parts else Serving())
    if found.serving.enough or not found.parts or api != DEPLOYMENT:
        return found
    referring = (read(ROLLOUT.kind, each) for each in _referring(manifest, store) if _has_seen(each, manifest))
    return replace(found, serving=next((rollout.serving for rollout in referring), found.serving))


def released(rollout: Manifest, store: Store) -> tuple[str, str, Manifest] | None:
    """By which hash Argo Rollouts calls what a Rollout releases, and the workload, by kind, that has the pod template:
    the Rollout, or the Deployment that it refers to. None until its controller has seen the present one."""
    status = _status(rollout)
    if str(status.get("observedGeneration")) != str(rollout["metadata"].get("generation")):
        return None
    found, name = str(status.get("currentPodHash")), _referred(rollout)
    if not name:
        return found, ROLLOUT.kind, rollout
    deployment = store.get(DEPLOYMENT, Key(Key.of(rollout).namespace, name))
    return (found, DEPLOYMENT.kind, deployment) if deployment and _has_seen(rollout, deployment) else None


def unguarded(names: Collection[str], store: Store, namespace: str) -> list[tuple[str, str]]:
    """Of the workloads under a gate, the Rollouts that refer to a Deployment which is not, each with it."""
    pairs = ((Key.of(each).name, _referred(each)) for each in store.all(ROLLOUT, namespace))
    named = [(f"{ROLLOUT.kind}/{rollout}", f"{DEPLOYMENT.kind}/{template}") for rollout, template in pairs if template]
    return [(rollout, template) for rollout, template in named if rollout in names and template not in names]


def _primary(api: Api, manifest: Manifest, store: Store) -> Manifest | None:
    key = Key.of(manifest)
    primary = store.get(api, Key(key.namespace, f"{key.name}-primary")) if api in (DEPLOYMENT, DAEMON_SET) else None
    owners = primary["metadata"].get("ownerReferences") or () if primary else ()
    return primary if any(map(_is_canary, owners)) else None


def _is_canary(owner: Manifest) -> bool:
    return str(owner.get("apiVersion")).startswith("flagger.app/") and owner.get("kind") == "Canary"


def _has_seen(rollout: Manifest, deployment: Manifest) -> bool:
    """Whether what a Rollout says of itself is about the present template of the Deployment that it refers to."""
    return str(_status(rollout).get("workloadObservedGeneration")) == str(deployment["metadata"].get("generation"))


def _status(rollout: Manifest) -> Manifest:
    status = rollout.get("status")
    return status if isinstance(status, dict) else {}


def _referring(manifest: Manifest, store: Store) -> Iterator[Manifest]:
    key = Key.of(manifest)
    return (each for each in store.all(ROLLOUT, key.namespace) if _referred(each) == key.name)


def _referred(rollout: Manifest) -> str:
    """The name of the Deployment that a Rollout refers to, whatever it holds; "" if there is none."""
    spec = rollout.get("spec")
    reference = spec.get("workloadRef") if isinstance(spec, dict) else None
    if not isinstance(reference, dict) or reference.get("kind") != DEPLOYMENT.kind:
        return ""
    name = reference.get("name")
    return name if isinstance(name, str) else ""
