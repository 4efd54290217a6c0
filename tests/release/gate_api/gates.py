"""A store with gates as the API server would have them."""

from __future__ import annotations

from itertools import count
from typing import Any

from ninefold.kube.api import DEPLOYMENT, Api
from ninefold.kube.store import Store
from ninefold.release.releasegate.resource import ReleaseGate
from ninefold.reliability.errorbudgetpolicy.resource import ErrorBudgetPolicy
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_versions = count(1)

SINCE = "2026-03-01T12:00:00Z"


def put(store: Store, api: Api, name: str, namespace: str = "shop", **parts: Any) -> None:
    """Take in an object; `metadata` is added to."""
    metadata = {"name": name, "namespace": namespace, "resourceVersion": str(next(_versions)), "generation": 1}
    metadata |= parts.pop("metadata", {})
    store.put(api, {"apiVersion": api.api_version, "kind": api.kind, "metadata": metadata, **parts})


def gate(
    store: Store,
    decision: str,
    *,
    name: str = "checkout",
    namespace: str = "shop",
    app: str = "checkout",
    fail_mode: dict[str, str] | None = None,
    contact: str = "",
    **status: Any,
) -> None:
    """A gate that has decided."""
    spec: dict[str, Any] = {"workloads": {"matchLabels": {"app": app}}, "sources": [{"errorBudgetPolicy": app}]}
    if fail_mode:
        spec["failMode"] = fail_mode
    if contact:
        spec["contact"] = contact
    told = {"decision": decision, "observedGeneration": 1, "since": SINCE, **status}
    put(store, ReleaseGate.api, name, namespace, spec=spec, status=told)


def deployment(store: Store, name: str, *images: str, app: str = "checkout", namespace: str = "shop") -> None:
    pod = {"containers": [{"name": f"c{number}", "image": image} for number, image in enumerate(images)]}
    spec = {"selector": {"matchLabels": {"app": app}}, "template": {"spec": pod}}
    put(store, DEPLOYMENT, name, namespace, spec=spec)


def policy(store: Store, name: str, *objectives: str, service: str | None = None) -> None:
    selected = {"service": service} if service else {"names": list(objectives)}
    rules = [{"when": {"budgetLeftBelow": "0"}, "state": "Exhausted"}]
    status = {"objectives": [{"name": each, "data": "Healthy", "decision": "Allow"} for each in objectives]}
    put(store, ErrorBudgetPolicy.api, name, spec={"objectives": selected, "rules": rules}, status=status)


def objective(store: Store, name: str, service: str) -> None:
    put(store, ServiceLevelObjective.api, name, spec={"service": service})
