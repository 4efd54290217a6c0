"""What a user writes to gate the change of workloads. Pure."""

from __future__ import annotations

from pydantic import Field

from ninefold.kube.fields import ObjectName
from ninefold.kube.model import Column, Model, Resource
from ninefold.release.gate.spec import Freeze, GateSpec
from ninefold.release.gate.status import ReleaseGateStatus
from ninefold.release.workloads.selector import Workloads


class GateSource(Model, exactly_one_of=("error_budget_policy", "freeze", "cluster_release_gate")):
    """Something that has a say."""

    error_budget_policy: ObjectName | None = Field(
        default=None, description="The ErrorBudgetPolicy of this name in the same namespace."
    )
    freeze: Freeze | None = Field(default=None, description="Time in which nothing changes.")
    cluster_release_gate: ObjectName | None = Field(
        default=None, description="The ClusterReleaseGate of this name: it closes this gate, too."
    )


class ReleaseGateSpec(GateSpec):
    """Which workloads, who has a say, and what happens when nobody knows."""

    workloads: Workloads = Field(description="Which workloads of this namespace the gate is about.")
    sources: list[GateSource] = Field(
        default_factory=list,
        max_length=16,
        description="Who has a say; the most severe decision of all wins. Without any, people close it by stop.",
    )


class ReleaseGate(
    Resource,
    plural="releasegates",
    short_names=("gate",),
    columns=(
        Column("Decision", ".status.decision"),
        # Empty for Enforce, which need not be written.
        Column("Mode", ".spec.mode", absent="Enforce"),
        Column("Because", ".status.because"),
        # A string: kubectl shows a date as an age, and one that is to come as <invalid>.
        Column("Until", ".status.until"),
        Column("Workloads", ".status.workloads", "integer"),
        Column("Pace", ".status.pace", wide=True),
        Column("Message", ".status.message", wide=True),
        Column("Contact", ".spec.contact", wide=True),
    ),
):
    """One decision on whether the pod templates of some workloads may change now."""

    spec: ReleaseGateSpec
    status: ReleaseGateStatus = Field(default_factory=ReleaseGateStatus)
