"""Workloads whose pods another object runs: then it, and not the workload's own count of pods, says that all is well.

Flagger runs what is released as "NAME-primary" and leaves the workload itself without pods. A Rollout of Argo may refer
to the template of a Deployment, which it scales down. Pure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from ninefold.kube.api import DAEMON_SET, DEPLOYMENT, ROLLOUT, Api, Key, Manifest
from ninefold.kube.index import Index
from ninefold.kube.store import Store
from ninefold.release.workloads.serving import Serving
from ninefold.release.workloads.workload import Workload, read

_PRIMARY = "-primary"


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


def unguarded(found: Collection[tuple[Api, Manifest]]) -> list[tuple[str, str]]:
    """Of the workloads under a gate, the Rollouts that refer to a Deployment which is not, each with it."""
    names = {(api, Key.of(manifest).name) for api, manifest in found}
    pairs = ((Key.of(manifest).name, _referred(manifest)) for api, manifest in found if api == ROLLOUT)
    return [
        (f"{ROLLOUT.kind}/{rollout}", f"{DEPLOYMENT.kind}/{template}")
        for rollout, template in pairs
        if template and (DEPLOYMENT, template) not in names
    ]


def shown_by(api: Api, manifest: Manifest, store: Store) -> Iterable[tuple[Api, Manifest]]:
    """The workloads that are seen otherwise when this one changes: itself, the one that it runs for Flagger, and the
    Deployment to which it refers."""
    key = Key.of(manifest)
    yield api, manifest
    name, of = (_referred(manifest), DEPLOYMENT) if api == ROLLOUT else (_run_by(key.name), api)
    if name and (other := store.get(of, Key(key.namespace, name))):
        yield of, other


def _run_by(name: str) -> str:
    return name.removesuffix(_PRIMARY) if name.endswith(_PRIMARY) else ""


def _primary(api: Api, manifest: Manifest, store: Store) -> Manifest | None:
    key = Key.of(manifest)
    primary = store.get(api, Key(key.namespace, f"{key.name}{_PRIMARY}")) if api in (DEPLOYMENT, DAEMON_SET) else None
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
    return iter(sorted(store.found(_REFERRING, key), key=Key.of))


def _referred(rollout: Manifest) -> str:
    """The name of the Deployment that a Rollout refers to, whatever it holds; "" if there is none."""
    spec = rollout.get("spec")
    reference = spec.get("workloadRef") if isinstance(spec, dict) else None
    if not isinstance(reference, dict) or reference.get("kind") != DEPLOYMENT.kind:
        return ""
    name = reference.get("name")
    return name if isinstance(name, str) else ""


_REFERRING = Index(
    ROLLOUT, lambda rollout: [Key(Key.of(rollout).namespace, name)] if (name := _referred(rollout)) else []
)
"""Rollouts by the Deployment to which they refer."""
