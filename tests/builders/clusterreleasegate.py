"""ClusterReleaseGates for tests."""

from __future__ import annotations

from typing import Any

from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from tests.builders import made


def manifest(name: str = "production", uid: str = "u1", **spec: Any) -> dict[str, Any]:
    found = made(ClusterReleaseGate, name, **spec)
    found["metadata"] |= {"uid": uid, "resourceVersion": "1"}
    return found
