"""ServiceLevelObjectives for tests, and what they compile to."""

from __future__ import annotations

import copy
from typing import Any

from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

TOTAL = 'http_requests_total{job="checkout"}'
BAD = 'http_requests_total{job="checkout",code=~"5.."}'

_MANIFEST: dict[str, Any] = {
    "apiVersion": "ninefold.dev/v1alpha1",
    "kind": "ServiceLevelObjective",
    "metadata": {"name": "checkout", "namespace": "shop", "uid": "u", "generation": 1},
    "spec": {
        "service": "checkout",
        "objective": "99.9",
        "window": {"rolling": "30d"},
        "indicator": {"ratio": {"bad": BAD, "total": TOTAL}},
    },
}


def manifest(name: str = "checkout", **spec: Any) -> dict[str, Any]:
    """The usual objective with some fields of its spec replaced; `window` may be a plain string."""
    made = copy.deepcopy(_MANIFEST)
    made["metadata"]["name"] = name
    if isinstance(spec.get("window"), str):
        spec["window"] = {"rolling": spec["window"]}
    made["spec"].update(spec)
    return made


def objective(name: str = "checkout", **spec: Any) -> ServiceLevelObjective:
    return ServiceLevelObjective.parse(manifest(name, **spec), strict=False)


def group(name: str = "checkout", **spec: Any) -> Group:
    return Group(objective(name, **spec))


def expression(compiled: Group, record: str) -> str:
    """The expression that a recording rule of a group has."""
    return next(str(rule["expr"]) for rule in compiled.rules if rule.get("record") == record)
