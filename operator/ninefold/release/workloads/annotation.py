"""The annotation by which the owner of an object names the gate that it follows. Pure."""

from __future__ import annotations

from ninefold.kube.api import GROUP, Key, Manifest

GATE = f"{GROUP}/release-gate"
"""The annotation with which the owner of an object asks Ninefold to hold it while a gate is closed."""
HELD_BY = f"{GROUP}/held-by"
"""The annotation that names the gate that holds an object, for people who look at the object."""


def gate_of(manifest: Manifest) -> Key | None:
    """Returns the gate that the annotation names; None without the annotation."""
    name = (manifest["metadata"].get("annotations") or {}).get(GATE, "").strip()
    return named(name, Key.of(manifest).namespace) if name else None


def named(name: str, namespace: str) -> Key:
    """Returns the gate of this name in a namespace: "checkout", or "shop/checkout" for a gate in another namespace."""
    other, slash, rest = name.partition("/")
    return Key(other, rest) if slash else Key(namespace, name)
