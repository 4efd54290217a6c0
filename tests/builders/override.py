"""Overrides for tests."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from ninefold.kube.fields import rfc3339
from ninefold.release.override.resource import Override


def override(made: datetime, until: datetime, *approved: str, **spec: Any) -> Override:
    """What ann asks for at `made`, approved by these."""
    metadata = {"name": "fix", "namespace": "shop", "creationTimestamp": rfc3339(made)}
    asked = {"gate": "checkout", "reason": "hotfix", "by": "ann", "until": rfc3339(until), **spec}
    return Override.parse({"metadata": metadata, "spec": {**asked, "approvals": [{"by": by} for by in approved]}})
