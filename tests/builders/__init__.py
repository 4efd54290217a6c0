"""Objects for tests, one builder a kind: `manifest` for what is applied, and the model under the name of the kind."""

from __future__ import annotations

from typing import Any

from ninefold.kube.model import Resource


def made(model: type[Resource], name: str, namespace: str = "", **spec: Any) -> dict[str, Any]:
    """The manifest of an object; without a namespace it is applied to that of the test."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"apiVersion": model.api.api_version, "kind": model.api.kind, "metadata": metadata, "spec": spec}
