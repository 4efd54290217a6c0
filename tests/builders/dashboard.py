"""Dashboards for tests."""

from __future__ import annotations

from typing import Any

from ninefold.observability.dashboard.resource import Dashboard
from tests.builders import made


def manifest(name: str = "checkout", **spec: Any) -> dict[str, Any]:
    """A Dashboard of namespace shop."""
    found = made(Dashboard, name, "shop", **spec)
    found["metadata"] |= {"uid": "u", "generation": 1}
    return found


def dashboard(name: str = "checkout", **spec: Any) -> Dashboard:
    return Dashboard.parse(manifest(name, **spec))
