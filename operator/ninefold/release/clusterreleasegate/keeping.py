"""Computes the ReleaseGate that a ClusterReleaseGate wants in a namespace. Pure: reads only the store."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ninefold.kube.api import MANAGED_BY, NAMESPACE, OPERATOR, Key, Manifest
from ninefold.kube.children import adopt
from ninefold.kube.store import Store
from ninefold.release.clusterreleasegate.resource import PREFIX, ClusterReleaseGate, Namespaces
from ninefold.release.gate.spec import GateSpec
from ninefold.release.releasegate.resource import ReleaseGate

_TAKEN_OVER = set(GateSpec.model_fields) - {"stop"}
"""The settings that a kept gate copies. It reads the decision from the status of the ClusterReleaseGate."""


def selects(wanted: Namespaces, namespace: Manifest) -> bool:
    """Whether a namespace is selected. A namespace that is being deleted accepts no new object."""
    metadata = namespace["metadata"]
    labels = metadata.get("labels") or {}
    return (
        metadata["name"] not in wanted.except_
        and "deletionTimestamp" not in metadata
        and all(labels.get(name) == value for name, value in (wanted.match_labels or {}).items())
    )


def selected(wanted: Namespaces, store: Store) -> Iterator[str]:
    """Yields the names of the selected namespaces."""
    for namespace in store.all(NAMESPACE):
        if selects(wanted, namespace):
            yield Key.of(namespace).name


def kept(key: Key, store: Store) -> Manifest | None:
    """Returns the gate to create under this key; None if no ClusterReleaseGate wants it, or its owner is suspended."""
    gate = _above(key, store)
    return _manifest(gate, key) if gate is not None and not gate.spec.suspend and _wants(gate, key, store) else None


def corrected(manifest: Manifest, store: Store) -> Manifest | None:
    """Returns the required content of a kept gate; None for any other gate, or if its owner is suspended."""
    key = Key.of(manifest)
    gate = _above(key, store)
    mine = gate is not None and not gate.spec.suspend and made_for(gate, manifest)
    return _manifest(gate, key) if gate is not None and mine and _wants(gate, key, store) else None


def made_for(gate: ClusterReleaseGate, manifest: Manifest | None) -> bool:
    """Whether `manifest` is the kept gate of this ClusterReleaseGate, or of a deleted one of the same name, and not a
    user's gate with a reserved name."""
    metadata = manifest["metadata"] if manifest else {}
    owners = metadata.get("ownerReferences") or ()
    left = _is_orphan(manifest) and metadata["name"] == f"{PREFIX}{gate.metadata.name}"
    return left or any(owner["uid"] == gate.metadata.uid for owner in owners)


def is_unwanted(key: Key, store: Store) -> bool:
    """Whether a kept gate must be deleted: its namespace is no longer selected, or its ClusterReleaseGate was deleted
    without it."""
    manifest, gate = store.get(ReleaseGate.api, key), _above(key, store)
    if store.get(ClusterReleaseGate.api, _key_above(key)) is None:
        return _is_orphan(manifest)
    mine = gate is not None and not gate.spec.suspend and made_for(gate, manifest)
    return gate is not None and mine and not _wants(gate, key, store)


def _is_orphan(manifest: Manifest | None) -> bool:
    """Whether the ClusterReleaseGate of this gate was deleted with --cascade=orphan. The API server lets only the
    operator change or delete such a gate, so otherwise it would stay forever."""
    metadata = manifest["metadata"] if manifest else {}
    managed = (metadata.get("labels") or {}).get(MANAGED_BY) == OPERATOR
    return managed and metadata["name"].startswith(PREFIX) and not metadata.get("ownerReferences")


def key_of(name: str, namespace: str) -> Key:
    """Returns the key of the gate that is kept in a namespace for the ClusterReleaseGate of this name."""
    return Key(namespace, f"{PREFIX}{name}")


def _above(key: Key, store: Store) -> ClusterReleaseGate | None:
    """Returns the ClusterReleaseGate after which a gate is named; None if it does not exist or is invalid."""
    return store.resource(ClusterReleaseGate, _key_above(key)) if key.name.startswith(PREFIX) else None


def _key_above(key: Key) -> Key:
    return Key("", key.name.removeprefix(PREFIX))


def _wants(gate: ClusterReleaseGate, key: Key, store: Store) -> bool:
    namespace = store.get(NAMESPACE, Key("", key.namespace))
    return namespace is not None and selects(gate.spec.namespaces, namespace)


def _manifest(gate: ClusterReleaseGate, key: Key) -> Manifest:
    settings: dict[str, Any] = gate.spec.model_dump(mode="json", by_alias=True, include=_TAKEN_OVER, exclude_none=True)
    sources = [{"clusterReleaseGate": gate.metadata.name}]
    manifest = {
        "apiVersion": ReleaseGate.api.api_version,
        "kind": ReleaseGate.api.kind,
        "metadata": {"name": key.name, "namespace": key.namespace},
        "spec": {"workloads": {"scope": "Namespace"}, "sources": sources, **settings},
    }
    return adopt(gate, manifest)
