"""The objectives that are measured with: one service each, as a team would write them."""

from __future__ import annotations

from typing import Any

from ninefold.kube.api import GROUP, VERSION


def objective(number: int, namespace: str) -> dict[str, Any]:
    """Objective `number`: 99.9 % of a service's requests over 30 days, with the default alerts."""
    service = f"service-{number:05}"
    selector = f'http_requests_total{{job="{service}"'
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ServiceLevelObjective",
        "metadata": {"name": f"{service}-availability", "namespace": namespace},
        "spec": {
            "service": service,
            "objective": "99.9",
            "window": {"rolling": "30d"},
            "indicator": {"ratio": {"bad": f'{selector}, code=~"5.."}}', "total": f"{selector}}}"}},
        },
    }


def objectives(count: int, namespace: str) -> list[dict[str, Any]]:
    return [objective(number, namespace) for number in range(count)]
