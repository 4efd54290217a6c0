"""The selector with which a user says which workloads a gate covers. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.kube.fields import LabelValue, MatchLabels, matches
from ninefold.kube.model import Model

SERVICE_LABELS = ("ninefold.dev/service", "app.kubernetes.io/name", "app")
TEAM_LABELS = ("ninefold.dev/team", "app.kubernetes.io/part-of")
"""Labels that name the service and the team of a workload."""

WorkloadName = Annotated[
    str,
    Field(min_length=1, max_length=300),
    matches(
        r"(Deployment|StatefulSet|DaemonSet|CronJob|Rollout)/[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "write kind and name, such as Deployment/checkout",
    ),
]


class Workloads(Model, exactly_one_of=("names", "match_labels", "service", "team", "scope")):
    """The workloads of the same namespace that a gate covers: by name, by label, of a service, of a team, or all."""

    names: list[WorkloadName] | None = Field(
        default=None,
        min_length=1,
        max_length=64,
        description="The workloads with these names, such as Deployment/checkout.",
    )
    match_labels: MatchLabels | None = Field(
        default=None,
        description="The workloads that carry all of these labels, on themselves or in their selector. The selector "
        "cannot change, so no user can remove its labels to get past the gate.",
    )
    service: LabelValue | None = Field(
        default=None,
        description=f"The workloads of a service: one of the labels {', '.join(SERVICE_LABELS)} has this value.",
    )
    team: LabelValue | None = Field(
        default=None,
        description=f"The workloads of a team: one of the labels {', '.join(TEAM_LABELS)} has this value.",
    )
    scope: Literal["Namespace"] | None = Field(default=None, description="Namespace: every workload of the namespace.")
