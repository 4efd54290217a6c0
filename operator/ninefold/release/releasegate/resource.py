"""What a user writes to gate the change of workloads, and the decision that is told back. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.kube.fields import Duration, MatchLabels, ObjectName, Timestamp
from ninefold.kube.model import Column, Model, Resource, Spec, Status

Decision = Literal["Allow", "Hold", "Deny", "Unknown"]

MAX_IMAGES = 64
MAX_WORKLOADS = 64

Image = Annotated[str, Field(min_length=1, max_length=512)]
"""An image as a container names it: "example.com/shop/checkout:v41"."""


class Workloads(Model):
    """Which workloads of the same namespace a gate is about."""

    match_labels: MatchLabels = Field(
        description="Deployments, StatefulSets and DaemonSets that carry all of these labels, themselves or in their "
        "selector. The selector cannot change, so labels of its kind cannot be taken off to get past the gate."
    )


class Source(Model, exactly_one_of=("error_budget_policy",)):
    """Something that has a say."""

    error_budget_policy: ObjectName | None = Field(
        default=None, description="The ErrorBudgetPolicy of this name in the same namespace."
    )


class FailMode(Model):
    """The answer to not knowing."""

    stale_after: Duration = Field(
        default="10m", description="How long the last known decision holds on after data were last known."
    )
    decision: Literal["Hold", "Allow"] = Field(
        default="Hold",
        description="What is decided after that: Hold, because nobody could see what a change does, or Allow.",
    )


class KnownGood(Model):
    """When an image counts as good, so that a rollback to it passes a closed gate."""

    after: Duration = Field(
        default="10m",
        description="How long its rollout must have been complete while the gate was open and data known.",
    )
    keep: int = Field(
        default=10,
        ge=1,
        le=MAX_IMAGES,
        description="How many images are remembered, the newest first; those that run now are always kept.",
    )


class ReleaseGateSpec(Spec):
    """Which workloads, who has a say, and what happens when nobody knows."""

    workloads: Workloads = Field(description="Which workloads of this namespace the gate is about.")
    sources: list[Source] = Field(
        min_length=1, max_length=16, description="Who has a say; the most severe decision of all sources wins."
    )
    fail_mode: FailMode = Field(
        default_factory=FailMode, description="What happens when the data that the decision rests on are missing."
    )
    known_good: KnownGood = Field(
        default_factory=KnownGood, description="When an image counts as good, so that a rollback to it passes."
    )


class Learning(Model):
    """A complete rollout on its way to be known as good."""

    workload: str = Field(max_length=300, description='The workload, such as "Deployment/checkout".')
    images: list[Image] = Field(max_length=MAX_IMAGES, description="The images of its pod template.")
    since: Timestamp = Field(description="Since when its rollout is complete, the gate open and data known.")


class ReleaseGateStatus(Status):
    """The decision. The API server reads it from here for every change of a pod template."""

    decision: Decision = Field(
        default="Unknown", description="Allow and Unknown let change pass, Hold lets it wait, Deny refuses it."
    )
    because: str = Field(default="", max_length=320, description="Who decided, in a few words.")
    message: str = Field(
        default="", max_length=2048, description="The decision in full, on one line: what a refused person reads."
    )
    since: Timestamp | None = Field(default=None, description="When the decision last changed.")
    until: str | None = Field(
        default=None,
        max_length=20,
        description="When the gate is predicted to open (RFC 3339), if that can be told from what is known.",
    )
    unknown_since: Timestamp | None = Field(
        default=None, description="Since when data are missing; not set while they are there."
    )
    workloads: int = Field(default=0, description="How many workloads the gate is about now.")
    known_good_images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="The images a rollback to which passes a closed gate, the newest first.",
    )
    learning: list[Learning] = Field(
        default_factory=list,
        max_length=MAX_WORKLOADS,
        description="Complete rollouts on their way to be known as good.",
    )


class ReleaseGate(
    Resource,
    plural="releasegates",
    short_names=("gate",),
    columns=(
        Column("Decision", ".status.decision"),
        Column("Because", ".status.because"),
        # A string: kubectl shows a date as an age, and one that is to come as <invalid>.
        Column("Until", ".status.until"),
        Column("Workloads", ".status.workloads", "integer", wide=True),
        Column("Message", ".status.message", wide=True),
    ),
):
    """One decision on whether the pod templates of some workloads may change now."""

    spec: ReleaseGateSpec
    status: ReleaseGateStatus = Field(default_factory=ReleaseGateStatus)
