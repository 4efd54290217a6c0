"""The annotation by which the owner of an object names the gate that it follows. Pure."""

from __future__ import annotations

from ninefold.kube.api import GROUP, Key, Manifest

GATE = f"{GROUP}/release-gate"
"""The annotation by which the owner of an object has it held while a gate is closed."""
HELD_BY = f"{GROUP}/held-by"
"""The annotation that tells which gate holds an object, for whoever wonders."""


def gate_of(manifest: Manifest) -> Key | None:
    """The gate that the annotation names; None without one."""
    name = (manifest["metadata"].get("annotations") or {}).get(GATE, "").strip()
    return named(name, Key.of(manifest).namespace) if name else None


def named(name: str, namespace: str) -> Key:
    """The gate that is called so in a namespace: "checkout", or "shop/checkout" if it is in another one."""
    other, slash, rest = name.partition("/")
    return Key(other, rest) if slash else Key(namespace, name)
