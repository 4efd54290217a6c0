"""Which objectives a policy is about. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ninefold.kube.api import Manifest


def selects(objectives: Mapping[str, Any], slo: Manifest) -> bool:
    """Whether `spec.objectives` of a policy, as it stands on the wire, selects an objective of its namespace."""
    labels = slo["metadata"].get("labels") or {}
    wanted = objectives.get("matchLabels")
    return (
        slo["metadata"]["name"] in (objectives.get("names") or ())
        or objectives.get("service", "") == slo.get("spec", {}).get("service")
        or (wanted is not None and all(labels.get(key) == value for key, value in wanted.items()))
    )
