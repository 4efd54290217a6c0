"""Which workloads of a namespace are meant, as a user writes it. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.kube.fields import LabelValue, MatchLabels, matches
from ninefold.kube.model import Model

SERVICE_LABELS = ("ninefold.dev/service", "app.kubernetes.io/name", "app")
TEAM_LABELS = ("ninefold.dev/team", "app.kubernetes.io/part-of")
"""Labels that say whose a workload is."""

WorkloadName = Annotated[
    str,
    Field(min_length=1, max_length=300),
    matches(
        r"(Deployment|StatefulSet|DaemonSet|CronJob|Rollout)/[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "write kind and name, such as Deployment/checkout",
    ),
]


class Workloads(Model, exactly_one_of=("names", "match_labels", "service", "team", "scope")):
    """Which workloads of the same namespace a gate is about: one, those of a service or of a team, or all."""

    names: list[WorkloadName] | None = Field(
        default=None, min_length=1, max_length=64, description="The workloads of these names: Deployment/checkout."
    )
    match_labels: MatchLabels | None = Field(
        default=None,
        description="The workloads that carry all of these labels, themselves or in their selector. The selector "
        "cannot change, so labels of its kind cannot be taken off to get past the gate.",
    )
    service: LabelValue | None = Field(
        default=None,
        description=f"The workloads of a service: those with this value under one of {', '.join(SERVICE_LABELS)}.",
    )
    team: LabelValue | None = Field(
        default=None,
        description=f"The workloads of a team: those with this value under one of {', '.join(TEAM_LABELS)}.",
    )
    scope: Literal["Namespace"] | None = Field(default=None, description="Namespace: every workload of it.")
