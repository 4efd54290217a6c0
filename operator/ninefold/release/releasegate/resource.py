"""The ReleaseGate, with which a user gates changes of workloads. Pure."""

from __future__ import annotations

from pydantic import Field

from ninefold.kube.fields import ObjectName
from ninefold.kube.model import Column, Model, Resource
from ninefold.release.gate.spec import Freeze, GateSpec
from ninefold.release.gate.status import ReleaseGateStatus
from ninefold.release.workloads.selector import Workloads


class GateSource(Model, exactly_one_of=("error_budget_policy", "freeze", "cluster_release_gate")):
    """A source of the decision: an error budget policy, a freeze or a ClusterReleaseGate."""

    error_budget_policy: ObjectName | None = Field(
        default=None, description="The ErrorBudgetPolicy of this name in the same namespace."
    )
    freeze: Freeze | None = Field(default=None, description="A change freeze: a time in which the gate is closed.")
    cluster_release_gate: ObjectName | None = Field(
        default=None, description="The ClusterReleaseGate of this name: while it is closed, this gate is closed."
    )


class ReleaseGateSpec(GateSpec):
    """Which workloads the gate covers, which sources decide, and what happens while data are missing."""

    workloads: Workloads = Field(description="The workloads of this namespace that the gate covers.")
    sources: list[GateSource] = Field(
        default_factory=list,
        max_length=16,
        description="The sources that decide; the most severe decision wins. Without sources, only spec.stop closes "
        "the gate.",
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
        # A string: kubectl shows a date as an age, and a date in the future as <invalid>.
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
