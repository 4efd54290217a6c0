"""What a user writes: what a dashboard is about, and how Grafana gets it. Pure."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field

from ninefold.domain.selectors.objectives import Objectives
from ninefold.kube.api import GROUP, MANAGED_BY
from ninefold.kube.fields import Cel, LabelValue, MatchLabels, matches
from ninefold.kube.model import Column, Model, Resource, Spec, Status

SIDECAR_LABEL = {"grafana_dashboard": "1"}
"""What the sidecar of Grafana's Helm chart collects by default."""

Name = Annotated[str, Field(min_length=1, max_length=189)]
"""A name in Grafana, as long as its database takes it."""

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
"""Labels that we write on an object of ours."""


class Fleet(Model):
    """Many objectives at a glance."""


class ConfigMapDelivery(Model):
    """A ConfigMap that a sidecar of Grafana collects."""

    labels: SidecarLabels = Field(
        default_factory=SIDECAR_LABEL.copy,
        description="The labels by which the sidecar finds the ConfigMap; grafana_dashboard=1 by default.",
    )
    folder: Name | None = Field(
        default=None,
        description="The folder in Grafana, written to folderAnnotation; the sidecar must be set up to obey it.",
    )
    folder_annotation: AnnotationKey = Field(
        default="grafana_folder", description="The annotation that the sidecar takes the folder from."
    )


class InstanceSelector(
    Model,
    rules=(
        Cel(
            "self == oldSelf",
            "grafana-operator takes no other instanceSelector: delete this Dashboard and create it anew",
        ),
    ),
):
    """Which Grafana instances."""

    match_labels: MatchLabels = Field(description="All Grafana objects that carry these labels.")


class GrafanaDashboardDelivery(Model):
    """A GrafanaDashboard for grafana-operator."""

    instance_selector: InstanceSelector = Field(
        description="Which Grafana instances show the dashboard. It stays as it is: grafana-operator takes no change."
    )
    folder: Name | None = Field(default=None, description="The title of the folder in Grafana.")
    allow_cross_namespace_import: bool = Field(
        default=False, description="Also reach Grafana instances of other namespaces."
    )


class Delivery(Model, exactly_one_of=("config_map", "grafana_dashboard")):
    """How Grafana gets the dashboard."""

    config_map: ConfigMapDelivery | None = Field(
        default=None, description="As a ConfigMap, which a sidecar of Grafana collects."
    )
    grafana_dashboard: GrafanaDashboardDelivery | None = Field(
        default=None, description="As a GrafanaDashboard, which grafana-operator hands to its instances."
    )


class DashboardSpec(
    Spec,
    exactly_one_of=("service", "fleet"),
    rules=(
        Cel(
            "!has(self.service) || !has(self.objectives) || !has(self.objectives.service)",
            "leave out objectives.service: service says it already",
            lambda spec: spec.service is None or spec.objectives is None or spec.objectives.service is None,
        ),
    ),
):
    """What to show."""

    title: Name | None = Field(default=None, description="The title. Left out, it is made from service and namespace.")
    service: LabelValue | None = Field(
        default=None,
        description="One service in detail: the ServiceLevelObjectives of this namespace whose spec.service has this "
        "value, each with its budget, burn rates, events and data.",
    )
    fleet: Fleet | None = Field(
        default=None,
        description="An overview of all ServiceLevelObjectives of this namespace: which are worst, which page, which "
        "have no data, what their rules cost. Write {}.",
    )
    objectives: Objectives | None = Field(
        default=None, description="Show only those of them that are selected here, by names or by labels."
    )
    delivery: Delivery = Field(
        default_factory=lambda: Delivery(config_map=ConfigMapDelivery()),
        description="How Grafana gets it. Left out: as a ConfigMap labelled grafana_dashboard=1.",
    )
    datasource: Name | None = Field(
        default=None,
        description="The uid or the name of the Prometheus data source in Grafana. Left out, the dashboard lets people "
        "choose.",
    )


class DashboardStatus(Status):
    """What was made."""

    objectives: int | None = Field(default=None, description="How many ServiceLevelObjectives the dashboard shows.")
    uid: str | None = Field(
        default=None, max_length=40, description="The uid in Grafana: the dashboard's address is /d/ and this."
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

    spec: DashboardSpec = Field(description="What to show.")
    status: DashboardStatus = Field(
        default_factory=lambda: DashboardStatus.model_validate({}), description="What was made."
    )
