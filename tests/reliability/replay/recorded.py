"""Made-up recordings of an objective, a value a minute."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from ninefold.reliability.backtest.grid import NAME, Array, Grid, Labels, Vector, labels_of

BEGIN = datetime(2026, 9, 1, tzinfo=UTC)
MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
LEFT, BURN, COVERAGE, EVENTS = (
    "slo:error_budget_left:ratio",
    "slo:burn_rate:1h",
    "slo:coverage:ratio",
    "slo:events:rate5m",
)


def grid(minutes: int, start: datetime = BEGIN) -> Grid:
    return Grid(int(start.timestamp()) * 1000, 60_000, minutes)


def labels(name: str, slo_id: str) -> Labels:
    return labels_of({NAME: name, "slo_id": slo_id})


def healthy(minutes: int, slo_id: str = "shop/checkout", left: float = 0.5) -> Vector:
    """Half of the budget left, traffic, and nothing burning."""
    values = {LEFT: left, BURN: 0.5, COVERAGE: 1.0, EVENTS: 100.0}
    return {labels(name, slo_id): np.full(minutes, value) for name, value in values.items()}


def with_(vector: Vector, name: str, first: int, end: int, value: float, slo_id: str = "shop/checkout") -> Vector:
    """The same with another value from one minute until before another."""
    changed: Array = vector[labels(name, slo_id)].copy()
    changed[first:end] = value
    return {**vector, labels(name, slo_id): changed}


def without(vector: Vector, first: int, end: int) -> Vector:
    """The same with no sample from one minute until before another."""
    changed = {key: values.copy() for key, values in vector.items()}
    for values in changed.values():
        values[first:end] = np.nan
    return changed


def slo(name: str = "checkout", window: Mapping[str, object] | None = None) -> dict[str, Any]:
    return {
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "service": "checkout",
            "objective": "99.9",
            "window": window or {"rolling": "30d"},
            "indicator": {"ratio": {"bad": "failed_total", "total": "all_total"}},
        },
    }
