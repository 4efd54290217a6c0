"""Releases for tests, and the workloads that they are records of."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import rfc3339
from ninefold.release.release.resource import Release, ReleaseStatus
from ninefold.release.release.revision import Revision, read

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


def deployment(image: str = "checkout:v1", state: str = "Complete", **metadata: Any) -> dict[str, Any]:
    """A Deployment of three pods at the beginning, in the middle or at the end of a rollout."""
    updated = 3 if state == "Complete" else 1
    reason = {"Complete": "NewReplicaSetAvailable", "GaveUp": "ProgressDeadlineExceeded"}.get(
        state, "ReplicaSetUpdated"
    )
    return {
        "metadata": {
            "name": "checkout",
            "namespace": "shop",
            "generation": 4,
            "creationTimestamp": "2026-01-01T00:00:00Z",
            **metadata,
        },
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "checkout"}},
            "template": {
                "metadata": {"labels": {"app": "checkout"}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
        "status": {
            "observedGeneration": 4,
            "replicas": 3,
            "updatedReplicas": updated,
            "availableReplicas": 3,
            "conditions": [{"type": "Progressing", "reason": reason, "lastUpdateTime": rfc3339(NOW)}],
        },
    }


def revision(image: str = "checkout:v1", state: str = "Complete", **metadata: Any) -> Revision:
    found = read("Deployment", deployment(image, state, **metadata))
    assert found is not None
    return found


def stored(record: Manifest, created: datetime = NOW, **status: Any) -> dict[str, Any]:
    """A record as the API server has it."""
    metadata = {**record["metadata"], "creationTimestamp": rfc3339(created), "uid": record["metadata"]["name"]}
    return {**record, "metadata": metadata, "status": {**record.get("status", {}), **status}}


def release(status: ReleaseStatus | None = None, sequence: int = 2, created: datetime = NOW) -> Release:
    """A record of the Deployment's revision checkout:v1."""
    found = Release.parse(
        {
            "metadata": {
                "name": f"checkout-{sequence}",
                "namespace": "shop",
                "creationTimestamp": rfc3339(created),
            },
            "spec": {
                "workload": {"kind": "Deployment", "name": "checkout"},
                "sequence": sequence,
                "templateHash": revision().hash,
                "images": ["checkout:v1"],
                "service": "checkout",
                "gate": "checkout",
            },
        }
    )
    return found.model_copy(update={"status": status}) if status else found


def names(records: Sequence[Manifest]) -> list[str]:
    return [Key.of(record).name for record in records]
