"""Lamps as a user handles them."""

from __future__ import annotations

from typing import Any

from tests import direct
from tests.namespaced import Namespaced
from tests.processes import wait_for


class Lamps(Namespaced):
    """The lamps and their ConfigMaps of one namespace."""

    def apply(self, *names: str, **spec: Any) -> None:
        kind = {"apiVersion": "ninefold.dev/v1alpha1", "kind": "Lamp"}
        manifests = [{**kind, "metadata": {"name": name}, "spec": spec} for name in names]
        direct.apply(self.cluster, *manifests, namespace=self.namespace, force=True)

    def get(self, name: str) -> dict[str, Any]:
        return direct.get(self.cluster, "lamps", name, self.namespace)

    def all(self) -> list[dict[str, Any]]:
        return direct.items(self.cluster, "lamps", self.namespace)

    def ready(self, name: str) -> tuple[str, str]:
        """Status and reason of Ready, for the present generation; ("", "") before."""
        lamp = self.get(name)
        for condition in lamp["status"].get("conditions", ()):
            if condition["type"] == "Ready" and condition["observedGeneration"] == lamp["metadata"]["generation"]:
                return condition["status"], condition["reason"]
        return "", ""

    def config_maps(self) -> dict[str, dict[str, str]]:
        items = direct.items(self.cluster, "configmaps", self.namespace)
        return {
            item["metadata"]["name"]: item["data"] for item in items if item["metadata"]["name"] != "kube-root-ca.crt"
        }

    def wait_ready(self, name: str, reason: str = "Lit", seconds: float = 20) -> None:
        wait_for(f"lamp {name} to be {reason}", lambda: self.ready(name)[1] == reason, seconds)
