"""The form and the owner of objects that the operator makes. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ninefold.kube.api import MANAGED_BY, OPERATOR, Manifest
from ninefold.kube.model import Resource


def adopt(owner: Resource, child: Manifest) -> dict[str, Any]:
    """The child with its namespace, the operator's label and its owner, as it is sent to the API server.

    It lives in the namespace of its owner; the child of a cluster-scoped owner names its own namespace.
    """
    metadata = dict(child["metadata"])
    if owner.api.namespaced:
        metadata["namespace"] = owner.metadata.namespace
    metadata["labels"] = {**metadata.get("labels", {}), MANAGED_BY: OPERATOR}
    metadata["ownerReferences"] = [
        {
            "apiVersion": owner.api.api_version,
            "kind": owner.api.kind,
            "name": owner.metadata.name,
            "uid": owner.metadata.uid,
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    return {**child, "metadata": metadata}


def made_for(live: Manifest, owner: Resource) -> bool:
    """Compared by name, not by uid: a child stays the owner's when the owner is deleted and created again."""
    return any(
        owner.api.is_kind_of(reference) and reference["name"] == owner.metadata.name
        for reference in live["metadata"].get("ownerReferences", ())
    )


def is_ours(live: Manifest, owner: Resource) -> bool:
    return any(reference["uid"] == owner.metadata.uid for reference in live["metadata"].get("ownerReferences", ()))


def contains(live: Any, wanted: Any) -> bool:
    """Whether the live object has every wanted field; lists must be equal, objects may hold more."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            name in live and contains(live[name], value) for name, value in wanted.items()
        )
    if isinstance(wanted, list | tuple):
        return (
            isinstance(live, list | tuple)
            and len(live) == len(wanted)
            and all(contains(a, b) for a, b in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)


def hash_of(manifest: Manifest) -> int:
    """A number that changes with the manifest; compared only within this process."""
    return hash(repr(manifest))
