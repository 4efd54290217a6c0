"""Workloads whose pods another object runs: the pods of that object, not the workload's own, say whether it serves.

Flagger runs the released revision as "NAME-primary" and leaves the workload itself without pods. An Argo Rollout may
refer to the template of a Deployment, which it scales down. Pure.
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
    """Returns the workload, with the pods of the object that runs its template, if another object does."""
    workload = read(api.kind, manifest)
    if primary := _primary(api, manifest, store):
        # The workload's own pods are those of a canary under analysis.
        runs = read(api.kind, primary)
        return replace(workload, serving=runs.serving if runs.parts == workload.parts else Serving())
    if workload.serving.enough or not workload.parts or api != DEPLOYMENT:
        return workload
    rollouts = (read(ROLLOUT.kind, rollout) for rollout in _referring(manifest, store) if _has_seen(rollout, manifest))
    return replace(workload, serving=next((rollout.serving for rollout in rollouts), workload.serving))


def released(rollout: Manifest, store: Store) -> tuple[str, str, Manifest] | None:
    """Returns the hash that Argo Rollouts gives to the released revision, and the kind and manifest of the workload
    with the pod template: the Rollout, or the Deployment that it refers to. None until the controller of the Rollout
    has observed the present template."""
    status = _status(rollout)
    if str(status.get("observedGeneration")) != str(rollout["metadata"].get("generation")):
        return None
    pod_hash, name = str(status.get("currentPodHash")), _referred(rollout)
    if not name:
        return pod_hash, ROLLOUT.kind, rollout
    deployment = store.get(DEPLOYMENT, Key(Key.of(rollout).namespace, name))
    return (pod_hash, DEPLOYMENT.kind, deployment) if deployment and _has_seen(rollout, deployment) else None


def unguarded(workloads: Collection[tuple[Api, Manifest]]) -> list[tuple[str, str]]:
    """Returns the Rollouts under a gate that refer to a Deployment which is not under it, each with its Deployment:
    ("Rollout/NAME", "Deployment/NAME")."""
    names = {(api, Key.of(manifest).name) for api, manifest in workloads}
    pairs = ((Key.of(manifest).name, _referred(manifest)) for api, manifest in workloads if api == ROLLOUT)
    return [
        (f"{ROLLOUT.kind}/{rollout}", f"{DEPLOYMENT.kind}/{template}")
        for rollout, template in pairs
        if template and (DEPLOYMENT, template) not in names
    ]


def shown_by(api: Api, manifest: Manifest, store: Store) -> Iterable[tuple[Api, Manifest]]:
    """Returns the workloads that may look different to a gate when this workload changes: itself, the workload whose
    Flagger primary it is, and the Deployment to which it refers."""
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
    """Whether the status of a Rollout describes the present template of the Deployment that it refers to."""
    return str(_status(rollout).get("workloadObservedGeneration")) == str(deployment["metadata"].get("generation"))


def _status(rollout: Manifest) -> Manifest:
    status = rollout.get("status")
    return status if isinstance(status, dict) else {}


def _referring(manifest: Manifest, store: Store) -> Iterator[Manifest]:
    key = Key.of(manifest)
    return iter(sorted(store.found(_REFERRING, key), key=Key.of))


def _referred(rollout: Manifest) -> str:
    """Returns the name of the Deployment that a Rollout refers to; "" if there is none or the reference is invalid."""
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
