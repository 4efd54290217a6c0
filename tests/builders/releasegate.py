"""ReleaseGates for tests."""

from __future__ import annotations

from typing import Any

from ninefold.kube.api import Manifest
from ninefold.release.releasegate.resource import ReleaseGate


def manifest(name: str = "checkout", namespace: str = "shop", **spec: Any) -> Manifest:
    """A gate over all workloads of its namespace, unless `workloads` says otherwise."""
    return {
        "apiVersion": ReleaseGate.api.api_version,
        "kind": ReleaseGate.api.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"workloads": {"scope": "Namespace"}, **spec},
    }


def gate(**spec: Any) -> ReleaseGate:
    return ReleaseGate.parse(manifest(**spec))
