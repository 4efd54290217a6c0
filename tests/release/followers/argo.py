"""What Argo CD makes of sync windows, as read in its source (pkg/apis/application/v1alpha1, v3.5.7)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from cronsim import CronSim


def active(window: Mapping[str, Any], now: datetime) -> bool:
    """It holds if it began at most its duration ago. Those of the tests are in minutes and UTC."""
    length = timedelta(minutes=int(window["duration"].removesuffix("m")))
    assert window.get("timeZone", "UTC") == "UTC"
    return next(CronSim(window["schedule"], now - length)) < now


def complaint(windows: Sequence[Mapping[str, Any]]) -> str:
    """Why the project is invalid; "" if it is not."""
    seen = []
    for window in windows:
        identity = [window.get(name) or None for name in ("kind", "schedule", "duration", "applications", "timeZone")]
        identity += [window.get(name) or None for name in ("namespaces", "clusters", "andOperator")]
        if identity in seen:
            return f"twice: {identity}"
        seen.append(identity)
        if len(window.get("description", "").encode()) > 255:
            return "the description is too long"
        if not any(window.get(name) for name in ("applications", "namespaces", "clusters")):
            return "it is about nothing"
    return ""
