"""What an object that we make looks like, and whose it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ninefold.kube.api import MANAGED_BY, OPERATOR, Manifest
from ninefold.kube.model import Resource


def adopt(owner: Resource, child: Manifest) -> dict[str, Any]:
    """The child with its namespace, our label and its owner, as it is sent to the API server.

    It lives beside its owner; that of a cluster-scoped owner says where.
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
    """By name, not by uid: what was made for an owner that has just been deleted and made anew is still its own."""
    return any(
        owner.api.is_kind_of(reference) and reference["name"] == owner.metadata.name
        for reference in live["metadata"].get("ownerReferences", ())
    )


def is_ours(live: Manifest, owner: Resource) -> bool:
    return any(reference["uid"] == owner.metadata.uid for reference in live["metadata"].get("ownerReferences", ()))


def contains(live: Any, wanted: Any) -> bool:
    """Whether every field that we want stands in the live object; lists must be equal, objects may hold more."""
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
    """A number that changes with the manifest; only ever compared within this process."""
    return hash(repr(manifest))
