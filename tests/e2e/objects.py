"""Our kinds as a user handles them in the tests of the whole operator."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import devcluster
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from tests import direct
from tests.builders import errorbudgetpolicy, made, releasegate
from tests.namespaced import Namespaced
from tests.processes import wait_for

Manifest = dict[str, Any]


def objective(name: str, service: str | None = None, **spec: Any) -> Manifest:
    """An availability objective over the counters of a shop."""
    service = service or name
    usual = {
        "service": service,
        "objective": "95",
        "window": {"rolling": "1h"},
        "indicator": {
            "ratio": {
                "bad": f'shop_requests_total{{service="{service}",code=~"5.."}}',
                "total": f'shop_requests_total{{service="{service}"}}',
            }
        },
    }
    return made(ServiceLevelObjective, name, **{**usual, **spec})


def correction(name: str, **spec: Any) -> Manifest:
    return made(Correction, name, **{"reason": "The database is moved.", "category": "Maintenance", **spec})


def policy(name: str, **spec: Any) -> Manifest:
    """A policy that opens soon after."""
    return errorbudgetpolicy.manifest(name, "", **{"recovery": {"margin": "1", "for": "3s"}, **spec})


def gate(name: str, **spec: Any) -> Manifest:
    """A gate that learns soon."""
    usual = {
        "workloads": {"matchLabels": {"app": name}},
        "sources": [{"errorBudgetPolicy": name}],
        "knownGood": {"after": "2s"},
    }
    return releasegate.manifest(name, "", **{**usual, **spec})


def dashboard(name: str, **spec: Any) -> Manifest:
    return made(Dashboard, name, **spec)


class Objects(Namespaced):
    """The objects of one namespace."""

    def apply(self, *manifests: Manifest) -> None:
        direct.apply(self.cluster, *manifests, namespace=self.namespace, force=True)

    def refusal(self, manifest: Manifest) -> str:
        """What the API server says when it refuses the object; fails if it takes it."""
        try:
            self.kubectl("create", "-f", "-", input=json.dumps(manifest))
        except devcluster.CommandError as error:
            return str(error)
        raise AssertionError(f"the API server accepted {manifest}")

    def get(self, kind: str, name: str) -> Manifest:
        return direct.get(self.cluster, kind, name, self.namespace)

    def all(self, kind: str) -> list[Manifest]:
        return direct.items(self.cluster, kind, self.namespace)

    def status(self, kind: str, name: str) -> Manifest:
        status: Manifest = self.get(kind, name).get("status", {})
        return status

    def condition(self, kind: str, name: str, type_: str = "Ready") -> tuple[str, str, str]:
        """Status, reason and message for the present generation; empty before it was looked at."""
        found = self.get(kind, name)
        for condition in found.get("status", {}).get("conditions", ()):
            if condition["type"] == type_ and condition["observedGeneration"] == found["metadata"]["generation"]:
                return condition["status"], condition["reason"], condition["message"]
        return "", "", ""

    def wait_condition(self, kind: str, name: str, wanted: Iterable[str], seconds: float = 30) -> None:
        """Wait until Ready has one of these reasons or values."""
        wanted = set(wanted)
        wait_for(
            f"{kind} {name} to be {wanted}",
            lambda: (seen := self.condition(kind, name)) and (wanted & set(seen[:2]) or None),
            seconds,
        )
