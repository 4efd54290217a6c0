"""ReleaseGates for tests."""

from __future__ import annotations

from typing import Any

from ninefold.release.releasegate.resource import ReleaseGate
from tests.builders import made


def manifest(name: str = "checkout", namespace: str = "shop", **spec: Any) -> dict[str, Any]:
    """A gate over all workloads of its namespace, unless `workloads` says otherwise."""
    return made(ReleaseGate, name, namespace, **{"workloads": {"scope": "Namespace"}, **spec})


def gate(**spec: Any) -> ReleaseGate:
    return ReleaseGate.parse(manifest(**spec))
