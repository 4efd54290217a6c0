"""Counts the pods that serve the present template of a workload, and how many are enough. Pure.

A busy workload is never still: it is scaled, pods are evicted, a pod finds no node. So not every pod must be there. But
while pods of another template run, the rollout is not over, whatever their number.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ninefold.kube.api import Manifest
from ninefold.kube.fields import moment

_UNUSUAL = {"DaemonSet": ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled")}
_USUAL = ("replicas", "replicas", "updatedReplicas")
"""Fields of the status with the numbers of pods: wanted, existing, and with the present template."""


@dataclass(frozen=True, slots=True)
class Serving:
    """The available pods with the present template, if no other template runs."""

    needed: int = 1
    """How many are enough."""
    available: int | None = 0
    """None while the status is about an earlier spec, for example in the moment after a scale."""
    runs: bool = False
    """Whether the workload runs at times, like a CronJob: then a run must succeed."""
    run: datetime | None = None
    """When the last run was due, if a run has succeeded since then."""

    @property
    def enough(self) -> bool:
        return self.available is not None and self.available >= self.needed


def serving(kind: str, manifest: Manifest) -> Serving:
    """Reads the pods of any workload, also of a custom resource whose fields no schema has checked."""
    status, spec = mapped(manifest.get("status")), mapped(manifest.get("spec"))
    if kind == "CronJob":
        due, success = (moment(status.get(name)) for name in ("lastScheduleTime", "lastSuccessfulTime"))
        return Serving(available=1, runs=True, run=due if due and success and success >= due else None)
    wanted, there, updated = _UNUSUAL.get(kind, _USUAL)
    size = _count(status.get(wanted)) if kind == "DaemonSet" else _count(spec.get(wanted), 1)
    needed = max(size - _spare(kind, spec, size), 1)
    # The observedGeneration of a Rollout is a string.
    if str(status.get("observedGeneration")) != str(manifest["metadata"].get("generation")):
        return Serving(needed, None)
    if kind == "Rollout" and status.get("phase") == "Healthy":
        return Serving(needed, needed)
    alone = _is_stable(status) if kind == "Rollout" else _count(status.get(there)) == _count(status.get(updated))
    available = _count(status.get("numberAvailable" if kind == "DaemonSet" else "availableReplicas"))
    return Serving(needed, min(_count(status.get(updated)), available) if alone else 0)


def mapped(value: object) -> Mapping[str, Any]:
    """Returns the value, or an empty map if it is not a map: a custom resource may hold anything."""
    return value if isinstance(value, Mapping) else {}


def _is_stable(status: Mapping[str, Any]) -> bool:
    """Whether a Rollout has switched to its present template. Pods of the old template may run for another moment."""
    stable = status.get("stableRS")
    failed = bool(status.get("abort")) or status.get("phase") == "Degraded"
    return bool(stable) and stable == status.get("currentPodHash") and not failed


def _spare(kind: str, spec: Mapping[str, Any], size: int) -> int:
    """Returns how many pods may be missing: as many as a rolling update may take away, and at least 1. But never more
    than half of them: with a maxUnavailable of 100 % a rollout would continue although no new pod comes up."""
    strategy = mapped(spec.get("updateStrategy") or spec.get("strategy"))
    rolling = mapped(strategy.get("canary" if kind == "Rollout" else "rollingUpdate"))
    default = "25%" if kind in ("Deployment", "Rollout") else 1
    return min(max(_share(rolling.get("maxUnavailable", default), size), 1), size // 2)


def _share(limit: object, size: int) -> int:
    if isinstance(limit, str) and limit.endswith("%") and limit[:-1].isdecimal():
        return size * int(limit[:4].rstrip("%")) // 100
    return _count(limit)


def _count(value: object, default: int = 0) -> int:
    """Returns a number of pods: `default` for None, and 0 for anything that is not a positive integer."""
    if value is None:
        return default
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
