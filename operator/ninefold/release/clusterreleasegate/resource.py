"""The ClusterReleaseGate, with which a platform team stops changes in many namespaces at once. Pure."""

from __future__ import annotations

from pydantic import Field

from ninefold.kube.fields import MatchLabels, ObjectName
from ninefold.kube.model import Column, Model, Resource
from ninefold.release.gate.spec import Freeze, GateSpec
from ninefold.release.gate.status import GateStatus

PREFIX = "cluster."
"""The prefix of the name of each gate that is kept for a ClusterReleaseGate; other gates may not use it."""

SYSTEM = ("kube-node-lease", "kube-public", "kube-system")


class Namespaces(Model):
    """The namespaces in which the line stops."""

    match_labels: MatchLabels | None = Field(
        default=None, description="The namespaces that carry all of these labels; if left out, all namespaces."
    )
    except_: list[ObjectName] = Field(
        default_factory=lambda: list(SYSTEM),
        alias="except",
        max_length=64,
        description="The namespaces to leave out; by default those of Kubernetes itself.",
    )


class PolicyReference(Model):
    """A reference to an ErrorBudgetPolicy in any namespace."""

    namespace: ObjectName = Field(description="The namespace of the policy.")
    name: ObjectName = Field(description="The name of the policy.")


class ClusterSource(Model, exactly_one_of=("error_budget_policy", "freeze")):
    """A source of the decision: an error budget policy or a freeze."""

    error_budget_policy: PolicyReference | None = Field(
        default=None,
        description="An ErrorBudgetPolicy, such as that of the platform on which every service runs. Users in all "
        "selected namespaces can read its message.",
    )
    freeze: Freeze | None = Field(default=None, description="A change freeze: a time in which the gate is closed.")


class ClusterReleaseGateSpec(GateSpec):
    """Which namespaces the gate covers, which sources decide, and what happens while data are missing."""

    namespaces: Namespaces = Field(
        default_factory=lambda: Namespaces.model_validate({}),
        description="The namespaces to cover: Ninefold keeps a ReleaseGate over all workloads in each of them.",
    )
    sources: list[ClusterSource] = Field(
        default_factory=list,
        max_length=16,
        description="The sources that decide; the most severe decision wins. Without sources, only spec.stop closes "
        "the gate.",
    )


class ClusterReleaseGateStatus(GateStatus):
    """The decision. The gate in each namespace adopts it."""

    namespaces: int = Field(default=0, description="How many namespaces the gate covers.")


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
