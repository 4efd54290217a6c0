"""Builds the objects that deliver a dashboard to Grafana; `ninefold render` prints them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ninefold.kube.api import CONFIG_MAP, GRAFANA_DASHBOARD, Api, Manifest
from ninefold.kube.controller import Content
from ninefold.kube.errors import Stalled
from ninefold.observability.dashboard.resource import (
    ConfigMapDelivery,
    Dashboard,
    GrafanaDashboardDelivery,
)

CONTENTS: Mapping[Api, Content] = {
    CONFIG_MAP: Content(
        "object.metadata.name.startsWith('dashboard-') && !has(object.binaryData) && object.?data.orValue({})"
        ".all(f, f.startsWith(object.metadata.namespace + '.') && f.endsWith('.json'))",
        "the JSON of a dashboard, under a name dashboard-...",
    ),
    # Other fields fetch from URLs, or read Secrets.
    GRAFANA_DASHBOARD: Content.of_spec("instanceSelector", "folder", "allowCrossNamespaceImport", "json"),
}
"""The permitted content of the objects that hold dashboards."""

LARGEST = 1_000_000
"""The largest JSON, in bytes. An object may hold a mebibyte and little more."""

_LONGEST_KEY = 253


def object_name(dashboard: Dashboard) -> str:
    """Returns the name of the object for messages: "ConfigMap/dashboard-checkout"."""
    kind = "ConfigMap" if dashboard.spec.delivery.config_map else "GrafanaDashboard"
    return f"{kind}/{_name(dashboard)}"


def manifest(dashboard: Dashboard, text: str) -> Manifest:
    """Returns the object that holds the JSON of a dashboard. Raises Stalled if the JSON or the name is too long."""
    if len(_file(dashboard)) > _LONGEST_KEY or len(_name(dashboard)) > _LONGEST_KEY:
        raise Stalled("NameTooLong", "metadata.name: choose a shorter name")
    if (size := len(text.encode())) > LARGEST:
        raise Stalled(
            "TooLarge",
            f"spec.objectives: the dashboard is {size} bytes long, more than the {LARGEST} that an object may hold: "
            "select fewer objectives, and write a second Dashboard for the others",
        )
    if dashboard.spec.delivery.config_map:
        return _config_map(dashboard, dashboard.spec.delivery.config_map, text)
    assert dashboard.spec.delivery.grafana_dashboard is not None  # noqa: S101 - the model holds exactly one
    return _grafana_dashboard(dashboard, dashboard.spec.delivery.grafana_dashboard, text)


def _config_map(dashboard: Dashboard, delivery: ConfigMapDelivery, text: str) -> Manifest:
    metadata = _metadata(dashboard) | {"labels": dict(delivery.labels)}
    if delivery.folder:
        metadata["annotations"] = {delivery.folder_annotation: delivery.folder}
    return {
        "apiVersion": CONFIG_MAP.api_version,
        "kind": CONFIG_MAP.kind,
        "metadata": metadata,
        "data": {_file(dashboard): text},
    }


def _grafana_dashboard(dashboard: Dashboard, delivery: GrafanaDashboardDelivery, text: str) -> Manifest:
    spec: Mapping[str, Any] = {
        "instanceSelector": delivery.instance_selector.model_dump(by_alias=True),
        **({"folder": delivery.folder} if delivery.folder else {}),
        **({"allowCrossNamespaceImport": True} if delivery.allow_cross_namespace_import else {}),
        "json": text,
    }
    return {
        "apiVersion": GRAFANA_DASHBOARD.api_version,
        "kind": GRAFANA_DASHBOARD.kind,
        "metadata": _metadata(dashboard),
        "spec": spec,
    }


def _metadata(dashboard: Dashboard) -> dict[str, Any]:
    return {"name": _name(dashboard), "namespace": dashboard.metadata.namespace}


def _name(dashboard: Dashboard) -> str:
    return f"dashboard-{dashboard.metadata.name}"


def _file(dashboard: Dashboard) -> str:
    """Returns the name of the file, with the namespace: the sidecar writes the files of all namespaces to one
    folder."""
    return f"{dashboard.metadata.namespace}.{dashboard.metadata.name}.json"
