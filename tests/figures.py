"""Figures of a test's own choosing in the place of an objective's rules: a real Prometheus evaluates them.

The objective is suspended, so that the operator writes no rules for it: with two rules for one figure it is contested.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from ninefold.kube.api import Manifest


def figures(namespace: str, objective: str, values: Mapping[str, float]) -> Manifest:
    """A ConfigMap `figures` of rules that record these values by name, from the next evaluation on."""
    labels = {"slo_id": f"{namespace}/{objective}"}
    rules = [{"record": name, "expr": f"vector({value})", "labels": labels} for name, value in values.items()]
    group = {"groups": [{"name": f"ninefold/{namespace}/{objective}", "rules": rules}]}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "figures", "labels": {"ninefold.dev/rules": "true"}},
        "data": {"figures.yaml": json.dumps(group)},
    }
