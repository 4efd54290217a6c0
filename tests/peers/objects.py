"""Objects of ours and of the peers, as the API server has them."""

from __future__ import annotations

import json
from typing import Any

import devcluster
from ninefold.kube.api import Api
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from tests.builders import made

Manifest = dict[str, Any]

SLO, POLICY, GATE = (kind.api for kind in (ServiceLevelObjective, ErrorBudgetPolicy, ReleaseGate))

TOTAL = "prometheus_http_requests_total"


def objective(name: str, namespace: str = "", **spec: Any) -> Manifest:
    """The availability of Prometheus as Prometheus counts it."""
    usual = {
        "service": "checkout",
        "objective": "99",
        "window": {"rolling": "1d"},
        "indicator": {"ratio": {"bad": f'{TOTAL}{{code=~"5.."}}', "total": TOTAL}},
    }
    return made(ServiceLevelObjective, name, namespace, **{**usual, **spec})


class Objects:
    """The objects of a cluster."""

    def __init__(self, cluster: devcluster.Cluster) -> None:
        self._cluster = cluster

    def apply(self, *manifests: Manifest) -> None:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": manifests})
        self._cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    def get(self, api: Api, name: str, namespace: str) -> Manifest:
        """{} where there is none, or not even its kind."""
        code, found = self._cluster.api.request("GET", api.path(namespace, name))
        assert code in (200, 404), found
        return dict(found) if code == 200 else {}

    def served(self, api: Api) -> bool:
        """Whether the API server serves this kind, which is a moment after its CRD was applied."""
        return self._cluster.api.request("GET", api.path(), limit=1)[0] == 200

    def list(self, api: Api, namespace: str, labels: str) -> list[Manifest]:
        code, found = self._cluster.api.request("GET", api.path(namespace), labelSelector=labels)
        assert code == 200, found
        return list(found["items"])

    def condition(self, api: Api, name: str, namespace: str, type_: str = "Ready") -> Manifest:
        """A condition about the present generation; {} where there is none."""
        found = self.get(api, name, namespace)
        status = found.get("status", {})
        if status.get("observedGeneration") != found.get("metadata", {}).get("generation"):
            return {}
        return next((each for each in status.get("conditions", ()) if each["type"] == type_), {})

    def ready(self, api: Api, name: str, namespace: str) -> bool:
        return self.condition(api, name, namespace).get("status") == "True"
