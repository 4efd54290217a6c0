"""The Release: a record of what was released, and of the outcome. Pure.

No user writes a Release: Ninefold creates it for each revision of a workload under a gate.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.kube.fields import Cel, Timestamp, figure
from ninefold.kube.model import Column, Model, Resource, Spec, Status
from ninefold.release.gate.status import MAX_IMAGES, Image

Outcome = Literal["Progressing", "Succeeded", "RolledBack", "Aborted", "Superseded"]

MAX_OBJECTIVES = 64
MAX_PASSED = 8

SUSPECTED = 0.5
"""From this suspicion on, a release counts as failed even without a rollback, and a closed gate blames it."""

Text = Annotated[str, Field(max_length=253)]


class WorkloadRef(Model):
    """The workload that was changed, or the object of a tool that delivers workloads."""

    kind: str = Field(
        max_length=63,
        description="Deployment, StatefulSet, DaemonSet or Rollout; or Kustomization, HelmRelease or Application.",
    )
    name: Text = Field(description="The name of the object, in the namespace of the record.")


class Change(Model):
    """The origin of the revision, as far as the labels and annotations of the workload name it."""

    commit: str | None = Field(
        default=None, max_length=128, description="The commit: annotation org.opencontainers.image.revision."
    )
    commit_time: Timestamp | None = Field(
        default=None, description="The time of the commit: annotation ninefold.dev/commit-time, RFC 3339."
    )
    author: Text | None = Field(default=None, description="The author: annotation ninefold.dev/author.")
    version: Text | None = Field(default=None, description="The version: label app.kubernetes.io/version.")
    cause: str | None = Field(
        default=None, max_length=1024, description="The cause of the change: annotation kubernetes.io/change-cause."
    )
    delivered_by: str | None = Field(
        default=None,
        max_length=600,
        description='The object of a delivery tool that applied the revision, such as "Application checkout" of Argo '
        'CD or "Kustomization flux-system/shop".',
    )


class PassedBy(Model):
    """An Override with which the change passed a closed gate."""

    name: Text = Field(description="The Override.")
    gate: Text = Field(description="The ReleaseGate that was closed.")
    by: str = Field(max_length=256, description="Who asked for it.")
    reason: str = Field(default="", max_length=512, description="The reason that the Override gives.")


class ReleaseSpec(
    Spec,
    rules=(Cel("self == oldSelf", "leave the record unchanged: it says what was released, and never changes"),),
):
    """What was released."""

    workload: WorkloadRef = Field(description="The workload that was changed.")
    sequence: int = Field(
        ge=1, description="The number of the release among the recorded releases of its workload, from 1."
    )
    template_hash: str = Field(
        max_length=64,
        description="A hash of the pod template, or of the revision that a tool delivers; a restart does not change "
        "it.",
    )
    images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="The images of the pod template, with digests where it names them.",
    )
    service: Text = Field(
        description="The service: label ninefold.dev/service of the workload; otherwise the service of the gate's "
        "objectives, if all have the same; otherwise the name of the workload."
    )
    team: Text = Field(
        default="",
        description="The team: label ninefold.dev/team of the workload, otherwise app.kubernetes.io/part-of.",
    )
    gate: Text = Field(
        description="The ReleaseGate under which the release was recorded; with its namespace if that is another: "
        '"shop/checkout".'
    )
    change: Change | None = Field(
        default=None, description="The origin of the revision, as far as the workload names it."
    )
    rolls_back_to: Text | None = Field(
        default=None, description="For a rollback: the earlier release that it brings back."
    )
    overrides: list[PassedBy] = Field(
        default_factory=list,
        max_length=MAX_PASSED,
        description="The Overrides with which the release passed closed gates. The list stays complete when the "
        "Overrides are deleted.",
    )


class ObjectiveCost(Model):
    """The cost of the release for one objective. Values that could not be measured are absent."""

    name: Text = Field(description="The ServiceLevelObjective.")
    left: Annotated[str | None, figure(" %")] = Field(
        default=None,
        max_length=16,
        description='The remaining error budget at the last reconciliation, such as "38.21 %".',
    )
    rolling: Annotated[str | None, figure(" %")] = Field(
        default=None, max_length=16, description="The share of the error budget spent during the rollout."
    )
    since: Annotated[str | None, figure(" %")] = Field(
        default=None,
        max_length=16,
        description="The share of the error budget spent after the rollout, while the objective was watched.",
    )
    burn_before: Annotated[str | None, figure("x")] = Field(
        default=None, max_length=16, description='The burn rate at the start of the release, such as "0.4x".'
    )
    burn_after: Annotated[str | None, figure("x")] = Field(
        default=None, max_length=16, description="The burn rate for which the suspicion is highest."
    )
    burn_began: Timestamp | None = Field(
        default=None, description="When the burn began of which the release may be suspected."
    )
    burn_ended: Timestamp | None = Field(default=None, description="When that burn ended; absent while it lasts.")
    burn_paused: bool | None = Field(default=None, description="Set if that burn ended and soon came back.")
    suspicion: Annotated[str | None, figure("")] = Field(
        default=None, max_length=4, description='How strongly the release is suspected of that burn, "0.00" to "1.00".'
    )


class ReleaseStatus(Status):
    """The outcome of the release."""

    outcome: Outcome | None = Field(
        default=None,
        description="Progressing, Succeeded, RolledBack (a rollback followed), Aborted (the rollout gave up, or the "
        "workload was deleted) or Superseded (the next release began before this release was complete).",
    )
    revision: Text | None = Field(
        default=None,
        description="The number of the revision that kubectl rollout history shows, if the workload has one.",
    )
    pod_hash: str | None = Field(
        default=None, max_length=63, description="For an Argo Rollout: the pod-template-hash of the revision."
    )
    start: Timestamp | None = Field(
        default=None, description="When the rollout began; absent if its beginning was not observed."
    )
    end: Timestamp | None = Field(
        default=None, description="When the rollout ended; absent while it is in progress, or if the time is not known."
    )
    took: str | None = Field(default=None, max_length=16, description="The time from start to end.")
    undone: Timestamp | None = Field(default=None, description="When the rollback that undid it began.")
    spent: str | None = Field(
        default=None,
        max_length=16,
        description="The share of the error budget that the release has spent during and after its rollout, for the "
        "objective that lost most; Unknown if no objective could be measured.",
    )
    suspicion: str | None = Field(
        default=None,
        max_length=8,
        description='How strongly the release is suspected of a burn that followed, "0.00" to "1.00"; Unknown if no '
        "objective could be measured.",
    )
    objectives: Annotated[
        list[ObjectiveCost],
        Field(
            default_factory=list,
            max_length=MAX_OBJECTIVES,
            description="The cost for each objective of the gate's budget policies.",
        ),
    ]
    closed: bool = Field(
        default=False,
        description="Whether the objectives are no longer watched: true from a day after the end of the rollout, or "
        "from the next release on.",
    )


def went_bad(outcome: str | None, suspicion: float | None) -> bool:
    """Whether a release failed according to its record: it was undone, gave up, or is suspected of a burn."""
    return outcome in ("RolledBack", "Aborted") or (suspicion or 0.0) >= SUSPECTED


class Release(
    Resource,
    plural="releases",
    short_names=("rel",),
    in_category=False,
    columns=(
        Column("Workload", ".spec.workload.name"),
        Column("Revision", ".status.revision"),
        Column("Outcome", ".status.outcome"),
        Column("Started", ".status.start", "date"),
        Column("Took", ".status.took"),
        Column("Spent", ".status.spent"),
        Column("Suspicion", ".status.suspicion"),
        Column("Service", ".spec.service", wide=True),
        Column("Team", ".spec.team", wide=True),
        Column("Commit", ".spec.change.commit", wide=True),
        Column("Override", ".spec.overrides[*].name", wide=True),
    ),
):
    """The record of one revision of a workload under a gate. Ninefold writes it; users read it."""

    spec: ReleaseSpec = Field(description="What was released.")
    status: ReleaseStatus = Field(
        default_factory=lambda: ReleaseStatus.model_validate({}), description="The outcome of the release."
    )
