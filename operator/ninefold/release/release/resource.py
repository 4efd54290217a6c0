"""What is recorded of a release: what went out, and what came of it. Pure.

Nobody writes a Release by hand: Ninefold makes one for each revision of a workload under a gate.
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
"""From this suspicion on a release has failed, though nobody rolled it back, and a gate that is closed blames it."""

Text = Annotated[str, Field(max_length=253)]


class WorkloadRef(Model):
    """The workload that was changed, or the object of a tool that delivers workloads."""

    kind: str = Field(
        max_length=63,
        description="Deployment, StatefulSet, DaemonSet or Rollout; or Kustomization, HelmRelease or Application.",
    )
    name: Text = Field(description="Its name, in the namespace of the record.")


class Change(Model):
    """Where the revision comes from, as far as the workload says so."""

    commit: str | None = Field(
        default=None, max_length=128, description="The commit: annotation org.opencontainers.image.revision."
    )
    commit_time: Timestamp | None = Field(
        default=None, description="When it was committed: annotation ninefold.dev/commit-time, RFC 3339."
    )
    author: Text | None = Field(default=None, description="Who wrote it: annotation ninefold.dev/author.")
    version: Text | None = Field(default=None, description="Label app.kubernetes.io/version.")
    cause: str | None = Field(default=None, max_length=1024, description="Annotation kubernetes.io/change-cause.")
    delivered_by: str | None = Field(
        default=None,
        max_length=600,
        description='What applied it, such as "Application checkout" of Argo CD or "Kustomization flux-system/shop".',
    )


class PassedBy(Model):
    """An Override by which the change passed a closed gate."""

    name: Text = Field(description="The Override.")
    gate: Text = Field(description="The ReleaseGate that was closed.")
    by: str = Field(max_length=256, description="Who asked for it.")
    reason: str = Field(default="", max_length=512, description="Why, as it says.")


class ReleaseSpec(
    Spec,
    rules=(Cel("self == oldSelf", "leave a record as it is: it says what was released, and never changes"),),
):
    """What was released."""

    workload: WorkloadRef = Field(description="The workload that was changed.")
    sequence: int = Field(ge=1, description="The number of the release among those recorded of the workload, from 1.")
    template_hash: str = Field(
        max_length=64,
        description="What tells pod templates apart, or the revisions that a tool delivers; a restart changes nothing "
        "in it.",
    )
    images: list[Image] = Field(
        default_factory=list,
        max_length=MAX_IMAGES,
        description="The images of the pod template, with digests where it names them.",
    )
    service: Text = Field(
        description="The service: label ninefold.dev/service of the workload, else the one service of the objectives "
        "of its gate, else the name of the workload."
    )
    team: Text = Field(
        default="", description="The team: label ninefold.dev/team of the workload, else app.kubernetes.io/part-of."
    )
    gate: Text = Field(
        description='The ReleaseGate under which it was recorded; of another namespace with that: "shop/checkout".'
    )
    change: Change | None = Field(default=None, description="Where it comes from, as far as the workload says so.")
    rolls_back_to: Text | None = Field(
        default=None, description="Of a rollback: the earlier release whose images it brings back."
    )
    overrides: list[PassedBy] = Field(
        default_factory=list,
        max_length=MAX_PASSED,
        description="The Overrides by which it passed gates that were closed. They stand here also when the Overrides "
        "themselves are gone.",
    )


class ObjectiveCost(Model):
    """What happened to one objective. Figures are absent where nobody could measure them."""

    name: Text = Field(description="The ServiceLevelObjective.")
    left: Annotated[str | None, figure(" %")] = Field(
        default=None, max_length=16, description='The error budget left when last looked at, such as "38.21 %".'
    )
    rolling: Annotated[str | None, figure(" %")] = Field(
        default=None, max_length=16, description="The share of the error budget spent while it rolled."
    )
    since: Annotated[str | None, figure(" %")] = Field(
        default=None, max_length=16, description="The share of the error budget spent after that, while it was watched."
    )
    burn_before: Annotated[str | None, figure("x")] = Field(
        default=None, max_length=16, description='The burn rate at its start, as "0.4x".'
    )
    burn_after: Annotated[str | None, figure("x")] = Field(
        default=None, max_length=16, description="The burn rate that it is most to be suspected for."
    )
    burn_began: Timestamp | None = Field(
        default=None, description="When the burn began for which the release may be suspected."
    )
    burn_ended: Timestamp | None = Field(default=None, description="When that burn ended; absent while it lasts.")
    burn_paused: bool | None = Field(default=None, description="Set if that burn has ended, and soon came back.")
    suspicion: Annotated[str | None, figure("")] = Field(
        default=None, max_length=4, description='How much it is to be suspected for that, "0.00" to "1.00".'
    )


class ReleaseStatus(Status):
    """What came of it."""

    outcome: Outcome | None = Field(
        default=None,
        description="Progressing, Succeeded, RolledBack (a rollback followed), Aborted (it gave up, or its workload "
        "was deleted) or Superseded (the next release came before it was complete).",
    )
    revision: Text | None = Field(
        default=None, description="The revision as the workload counts it, where it does: of kubectl rollout history."
    )
    pod_hash: str | None = Field(
        default=None, max_length=63, description="Of an Argo Rollout: the pod-template-hash by which it goes there."
    )
    start: Timestamp | None = Field(
        default=None, description="When the rollout began; absent where nobody saw it begin."
    )
    end: Timestamp | None = Field(
        default=None, description="When the rollout ended; absent while it goes on, and where nobody can tell."
    )
    took: str | None = Field(default=None, max_length=16, description="From start to end.")
    undone: Timestamp | None = Field(default=None, description="When the rollback that undid it began.")
    spent: str | None = Field(
        default=None,
        max_length=16,
        description="The share of the error budget spent while it rolled and since, of the objective that lost most; "
        "Unknown if no objective could be measured.",
    )
    suspicion: str | None = Field(
        default=None,
        max_length=8,
        description='How much it is to be suspected for a burn that followed, "0.00" to "1.00"; Unknown if no '
        "objective could be measured.",
    )
    objectives: Annotated[
        list[ObjectiveCost],
        Field(
            default_factory=list,
            max_length=MAX_OBJECTIVES,
            description="The same for each objective of the gate's budget policies.",
        ),
    ]
    closed: bool = Field(
        default=False,
        description="Whether its objectives are no longer watched: a day after its end, or from the next release on.",
    )


def went_bad(outcome: str | None, suspicion: float | None) -> bool:
    """Whether a release failed, by its record: it was undone, gave up, or is to be suspected for a burn."""
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
    """The record of one revision of a workload under a gate. Ninefold writes it; people read it."""

    spec: ReleaseSpec = Field(description="What was released.")
    status: ReleaseStatus = Field(
        default_factory=lambda: ReleaseStatus.model_validate({}), description="What came of it."
    )
