"""The Dashboard: which objectives it shows, and how Grafana gets it. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from ninefold.domain.selectors.objectives import Objectives
from ninefold.kube.api import GROUP, MANAGED_BY
from ninefold.kube.fields import Cel, LabelValue, MatchLabels, matches
from ninefold.kube.model import Column, Model, Resource, Spec, Status

SIDECAR_LABEL = {"grafana_dashboard": "1"}
"""The label by which the sidecar of Grafana's Helm chart finds ConfigMaps by default."""

Name = Annotated[str, Field(min_length=1, max_length=189)]
"""A name in Grafana, within the longest that its database accepts."""

_PREFIX = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/"
_KEY = f"({_PREFIX})?[A-Za-z0-9]([-A-Za-z0-9_.]{{0,61}}[A-Za-z0-9])?"

AnnotationKey = Annotated[
    str,
    Field(min_length=1, max_length=253),
    matches(_KEY, "write the key of an annotation, such as grafana_folder or k8s-sidecar-target-directory"),
]
"""The key of an annotation, with or without a prefix."""

SidecarLabels = Annotated[
    dict[str, LabelValue],
    Field(min_length=1, max_length=16),
    Cel(
        f"self.all(key, key.size() <= 253 && key.matches('^({_KEY})$'))",
        "write the keys of labels, such as grafana_dashboard or example.com/grafana",
        lambda labels: all(len(key) <= 253 and re.fullmatch(_KEY, key) for key in labels),
    ),
    Cel(
        f"self.all(key, key != '{MANAGED_BY}' && !key.startsWith('{GROUP}/'))",
        f"choose other labels: {MANAGED_BY} and those of {GROUP} are written by Ninefold",
        lambda labels: not any(key == MANAGED_BY or key.startswith(f"{GROUP}/") for key in labels),
    ),
]
"""Labels that Ninefold writes on the object that it creates."""


class Fleet(Model):
    """An overview of many objectives."""


class ConfigMapDelivery(Model):
    """A ConfigMap that a Grafana sidecar collects."""

    labels: SidecarLabels = Field(
        default_factory=SIDECAR_LABEL.copy,
        description="The labels by which the sidecar finds the ConfigMap; grafana_dashboard=1 by default.",
    )
    folder: Name | None = Field(
        default=None,
        description="The folder in Grafana, written to folderAnnotation; the sidecar must be configured to use it.",
    )
    folder_annotation: AnnotationKey = Field(
        default="grafana_folder", description="The annotation from which the sidecar reads the folder."
    )


class InstanceSelector(
    Model,
    rules=(
        Cel(
            "self == oldSelf",
            "grafana-operator accepts no change of instanceSelector: delete this Dashboard and create it again",
        ),
    ),
):
    """Which Grafana instances show the dashboard."""

    match_labels: MatchLabels = Field(description="The labels of the Grafana objects: all that carry these match.")


class GrafanaDashboardDelivery(Model):
    """A GrafanaDashboard for grafana-operator."""

    instance_selector: InstanceSelector = Field(
        description="Which Grafana instances show the dashboard. Immutable: grafana-operator accepts no change."
    )
    folder: Name | None = Field(default=None, description="The title of the folder in Grafana.")
    allow_cross_namespace_import: bool = Field(
        default=False, description="Whether Grafana instances in other namespaces show the dashboard, too."
    )


class Delivery(Model, exactly_one_of=("config_map", "grafana_dashboard")):
    """How Grafana gets the dashboard."""

    config_map: ConfigMapDelivery | None = Field(
        default=None, description="As a ConfigMap, which a Grafana sidecar collects."
    )
    grafana_dashboard: GrafanaDashboardDelivery | None = Field(
        default=None, description="As a GrafanaDashboard, which grafana-operator delivers to its instances."
    )


class DashboardSpec(
    Spec,
    exactly_one_of=("service", "fleet"),
    rules=(
        Cel(
            "!has(self.service) || !has(self.objectives) || !has(self.objectives.service)",
            "leave out objectives.service: spec.service already selects it",
            lambda spec: spec.service is None or spec.objectives is None or spec.objectives.service is None,
        ),
    ),
):
    """What the dashboard shows, and how Grafana gets it."""

    title: Name | None = Field(
        default=None, description="The title. If left out, it is made from the service and the namespace."
    )
    service: LabelValue | None = Field(
        default=None,
        description="One service in detail: the ServiceLevelObjectives of this namespace whose spec.service has this "
        "value, each with its budget, burn rates, events and data.",
    )
    fleet: Fleet | None = Field(
        default=None,
        description="An overview of all ServiceLevelObjectives of this namespace: the worst, those that page, those "
        "without data, and the cost of their rules. Write {}.",
    )
    objectives: Objectives | None = Field(
        default=None, description="Show only the objectives selected here, by names or by labels."
    )
    delivery: Delivery = Field(
        default_factory=lambda: Delivery(config_map=ConfigMapDelivery()),
        description="How Grafana gets the dashboard. If left out, as a ConfigMap labelled grafana_dashboard=1.",
    )
    datasource: Name | None = Field(
        default=None,
        description="The uid or the name of the Prometheus data source in Grafana. If left out, readers choose it in "
        "the dashboard.",
    )


class DashboardStatus(Status):
    """The state of the generated dashboard."""

    objectives: int | None = Field(default=None, description="How many ServiceLevelObjectives the dashboard shows.")
    uid: str | None = Field(
        default=None, max_length=40, description="The uid in Grafana: the address of the dashboard is /d/UID."
    )


class Dashboard(
    Resource,
    plural="dashboards",
    short_names=("dash",),
    columns=(
        Column("Service", ".spec.service"),
        Column("Objectives", ".status.objectives", "integer"),
        Column("UID", ".status.uid"),
    ),
):
    """A Grafana dashboard of a service's objectives, or of all objectives of a namespace."""

    spec: DashboardSpec = Field(description="What the dashboard shows, and how Grafana gets it.")
    status: DashboardStatus = Field(
        default_factory=lambda: DashboardStatus.model_validate({}), description="The state of the generated dashboard."
    )
