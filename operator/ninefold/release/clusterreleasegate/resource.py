"""What a platform team writes to stop change in many namespaces at once. Pure."""

from __future__ import annotations

from pydantic import Field

from ninefold.kube.fields import MatchLabels, ObjectName
from ninefold.kube.model import Column, Model, Resource
from ninefold.release.gate.spec import Freeze, GateSpec
from ninefold.release.gate.status import GateStatus

PREFIX = "cluster."
"""Begins the name of each gate that is kept for a ClusterReleaseGate; nobody else may use such a name."""

SYSTEM = ("kube-node-lease", "kube-public", "kube-system")


class Namespaces(Model):
    """The namespaces in which the line stops."""

    match_labels: MatchLabels | None = Field(
        default=None, description="The namespaces that carry all of these labels; left out, all."
    )
    except_: list[ObjectName] = Field(
        default_factory=lambda: list(SYSTEM),
        alias="except",
        max_length=64,
        description="But not these: left out, those of Kubernetes itself.",
    )


class PolicyReference(Model):
    """An ErrorBudgetPolicy in some namespace."""

    namespace: ObjectName = Field(description="Its namespace.")
    name: ObjectName = Field(description="Its name.")


class ClusterSource(Model, exactly_one_of=("error_budget_policy", "freeze")):
    """Something that has a say."""

    error_budget_policy: PolicyReference | None = Field(
        default=None,
        description="An ErrorBudgetPolicy, such as that of what every service stands on. Its message is read in all "
        "of the namespaces.",
    )
    freeze: Freeze | None = Field(default=None, description="Time in which nothing changes.")


class ClusterReleaseGateSpec(GateSpec):
    """In which namespaces, who has a say, and what happens when nobody knows."""

    namespaces: Namespaces = Field(
        default_factory=lambda: Namespaces.model_validate({}),
        description="In which namespaces; each has a ReleaseGate for it, about all of its workloads.",
    )
    sources: list[ClusterSource] = Field(
        default_factory=list,
        max_length=16,
        description="Who has a say; the most severe decision of all wins. Without any, people close it by stop.",
    )


class ClusterReleaseGateStatus(GateStatus):
    """The decision. The gate in each namespace takes it over."""

    namespaces: int = Field(default=0, description="In how many namespaces a gate is kept.")


class ClusterReleaseGate(
    Resource,
    plural="clusterreleasegates",
    short_names=("clustergate",),
    namespaced=False,
    columns=(
        Column("Decision", ".status.decision"),
        Column("Mode", ".spec.mode", absent="Enforce"),
        Column("Because", ".status.because"),
        Column("Until", ".status.until"),
        Column("Namespaces", ".status.namespaces", "integer"),
        Column("Message", ".status.message", wide=True),
    ),
):
    """Stops the line: one decision on whether pod templates may change, for many namespaces."""

    spec: ClusterReleaseGateSpec
    status: ClusterReleaseGateStatus = Field(default_factory=ClusterReleaseGateStatus)
