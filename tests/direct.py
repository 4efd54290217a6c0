"""Objects of a cluster read and written without kubectl, which costs as much CPU a call as thirty requests.

For what a test does over and over: waiting for a status, setting the stage. Where a test is about what a person types
or reads, it runs the real kubectl.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import devcluster

Manifest = dict[str, Any]

_DISCOVERY = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_CLEANER = "system:serviceaccount:kube-system:namespace-controller"
_paths: WeakKeyDictionary[devcluster.Cluster, dict[str, tuple[str, str, bool]]] = WeakKeyDictionary()


def get(cluster: devcluster.Cluster, kind: str, name: str, namespace: str = "") -> Manifest:
    """`kind` by any name that kubectl knows; raises CommandError, as all here do, with kubectl's words."""
    found: Manifest = _ask(cluster, "GET", path(cluster, kind, namespace, name))
    return found


def items(cluster: devcluster.Cluster, kind: str, namespace: str = "") -> list[Manifest]:
    """All objects of a kind in the namespace, or everywhere; each without its apiVersion and kind."""
    found: list[Manifest] = _ask(cluster, "GET", path(cluster, kind, namespace))["items"]
    return found


def create(
    cluster: devcluster.Cluster,
    manifest: Mapping[str, Any],
    namespace: str = "",
    *,
    user: str = "",
    dry: bool = False,
    validation: str = "Strict",
) -> Manifest:
    """As `kubectl create`; `dry`: with `--dry-run=server`. What the API server has made of it."""
    kind = f"{manifest['kind']} {manifest['apiVersion']}"
    at = path(cluster, kind, manifest["metadata"].get("namespace") or namespace)
    found: Manifest = _ask(
        cluster,
        "POST",
        at,
        manifest,
        _as(user),
        fieldManager="kubectl-create",
        fieldValidation=validation,
        dryRun="All" if dry else None,
    )
    return found


def apply(
    cluster: devcluster.Cluster,
    *manifests: Mapping[str, Any],
    namespace: str = "",
    manager: str = "kubectl",
    force: bool = False,
    user: str = "",
) -> None:
    """As `kubectl apply --server-side`, one after the other; unlike kubectl, it ends with the first refusal."""
    for manifest in manifests:
        metadata = manifest["metadata"]
        kind = f"{manifest['kind']} {manifest['apiVersion']}"
        at = path(cluster, kind, metadata.get("namespace") or namespace, metadata["name"])
        headers = {"Content-Type": "application/apply-patch+yaml", **_as(user)}
        force_it = "true" if force else None
        _ask(cluster, "PATCH", at, manifest, headers, fieldManager=manager, force=force_it, fieldValidation="Strict")


def patch(
    cluster: devcluster.Cluster,
    kind: str,
    name: str,
    body: Manifest,
    *,
    namespace: str = "",
    subresource: str = "",
    user: str = "",
) -> Manifest:
    """As `kubectl patch --type=merge`."""
    at = path(cluster, kind, namespace, name) + (f"/{subresource}" if subresource else "")
    headers = {"Content-Type": "application/merge-patch+json", **_as(user)}
    found: Manifest = _ask(cluster, "PATCH", at, body, headers, fieldManager="kubectl-patch")
    return found


def delete(cluster: devcluster.Cluster, kind: str, name: str, namespace: str = "", user: str = "") -> bool:
    """As `kubectl delete --wait=false --ignore-not-found`; whether there was something to delete."""
    try:
        body = {"propagationPolicy": "Background"}
        _ask(cluster, "DELETE", path(cluster, kind, namespace, name), body, _as(user))
    except devcluster.CommandError as error:
        if "(NotFound)" in error.stderr:
            return False
        raise
    return True


def clear(cluster: devcluster.Cluster, namespace: str) -> None:
    """Delete what operators would see of a namespace, which stays: its end costs the control plane ninety requests."""
    seen = {place for place in _discover(cluster).values() if place[2] and _is_looked_at(*place[:2])}
    try:
        for start, plural, _ in sorted(seen):
            at, query = f"{start}/namespaces/{namespace}/{plural}", "metadata.name!=kube-root-ca.crt"
            _ask(cluster, "DELETE", at, {"propagationPolicy": "Background"}, _as(_CLEANER), fieldSelector=query)
    except devcluster.CommandError:
        # A kind that has gone meanwhile, or a policy that lets nobody delete.
        delete(cluster, "namespace", namespace)


def _is_looked_at(start: str, plural: str) -> bool:
    """Pods, ConfigMaps, workloads, and all custom resources."""
    group = start.removeprefix("/apis/").partition("/")[0]
    custom = "." in group and not group.endswith(".k8s.io")
    return custom or group in {"apps", "batch"} or plural in {"pods", "configmaps"}


def path(cluster: devcluster.Cluster, kind: str, namespace: str = "", name: str = "") -> str:
    """Of a resource on the API server, by a name that discovery gives: plural, singular, short, `Kind group/version`.

    The namespace is left out where the kind has none.
    """
    known = _paths.setdefault(cluster, {})
    if kind.lower() not in known:
        known |= _discover(cluster)
    if kind.lower() not in known:
        raise _error(f'error: the server doesn\'t have a resource type "{kind}"')
    start, plural, namespaced = known[kind.lower()]
    where = f"/namespaces/{namespace}" if namespaced and namespace else ""
    return f"{start}{where}/{plural}" + (f"/{name}" if name else "")


def _discover(cluster: devcluster.Cluster) -> dict[str, tuple[str, str, bool]]:
    """Name -> (start of the path, plural, whether it is in namespaces); as with kubectl, the first of a name counts."""
    known: dict[str, tuple[str, str, bool]] = {}
    for root in ("/api", "/apis"):
        for group in _ask(cluster, "GET", root, None, {"Accept": _DISCOVERY})["items"]:
            group_name = group["metadata"].get("name", "")
            for version in group["versions"]:
                api_version = f"{group_name}/{version['version']}" if group_name else version["version"]
                for each in version["resources"]:
                    plural, kind = each["resource"], each["responseKind"]["kind"].lower()
                    place = (f"{root}/{api_version}", plural, each["scope"] == "Namespaced")
                    names = [plural, each["singularResource"], *each.get("shortNames", ())]
                    for name in [*names, f"{plural}.{group_name}", f"{kind} {api_version}"]:
                        known.setdefault(name, place)
    return known


def _ask(
    cluster: devcluster.Cluster,
    method: str,
    at: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    **parameters: object,
) -> Any:
    try:
        code, reply = cluster.api.send(method, at, body, parameters, headers or {})
    except OSError as error:
        raise _error(f"error: {error}") from error
    if code >= 300:
        said = reply if isinstance(reply, dict) else {"reason": code, "message": reply}
        raise _error(f"Error from server ({said.get('reason', code)}): {said.get('message')}")
    return reply


def _as(user: str) -> dict[str, str]:
    return {"Impersonate-User": user} if user else {}


def _error(said: str) -> devcluster.CommandError:
    return devcluster.CommandError(["kubectl"], 1, said)
