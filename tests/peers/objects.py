"""Objects of ours and of the peers, and what kstatus would say of them."""

from __future__ import annotations

import json
from typing import Any

import devcluster

Manifest = dict[str, Any]

TOTAL = "prometheus_http_requests_total"


def objective(name: str, namespace: str = "", **spec: Any) -> Manifest:
    """The availability of Prometheus as Prometheus counts it."""
    return {
        "apiVersion": "ninefold.dev/v1alpha1",
        "kind": "ServiceLevelObjective",
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
        "spec": {
            "service": "checkout",
            "objective": "99",
            "window": {"rolling": "1d"},
            "indicator": {"ratio": {"bad": f'{TOTAL}{{code=~"5.."}}', "total": TOTAL}},
            **spec,
        },
    }


class Objects:
    """The objects of a cluster, as `kubectl` shows them."""

    def __init__(self, cluster: devcluster.Cluster) -> None:
        self._cluster = cluster

    def apply(self, *manifests: Manifest) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        self._cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    def get(self, kind: str, name: str, namespace: str) -> Manifest:
        """{} where there is none."""
        text = self._cluster.kubectl("-n", namespace, "get", kind, name, "-o", "json", "--ignore-not-found")
        found: Manifest = json.loads(text or "{}")
        return found

    def condition(self, kind: str, name: str, namespace: str, type_: str = "Ready") -> Manifest:
        """A condition about the present generation; {} where there is none."""
        found = self.get(kind, name, namespace)
        status = found.get("status", {})
        if status.get("observedGeneration") != found.get("metadata", {}).get("generation"):
            return {}
        return next((each for each in status.get("conditions", ()) if each["type"] == type_), {})

    def ready(self, kind: str, name: str, namespace: str) -> bool:
        return self.condition(kind, name, namespace).get("status") == "True"
