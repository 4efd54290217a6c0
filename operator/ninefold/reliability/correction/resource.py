"""The spec and the status of a Correction: which time does not count. Pure."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.schedules.recurrence import LONGEST, Recurring
from ninefold.domain.selectors.objectives import MAX_OBJECTIVES, Objectives, found_by, looks_for, selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import Cel, Timestamp
from ninefold.kube.index import Index
from ninefold.kube.model import Column, Model, Resource, Spec, Status
from ninefold.kube.store import Store


class Once(
    Model,
    rules=(
        Cel("self.end > self.start", "write an end after the start", lambda once: once.end > once.start),
        Cel(
            "self.end - self.start <= duration('168h')",
            "write an end at most 7 days after the start; for a longer time, create several corrections",
            lambda once: once.end - once.start <= LONGEST,
        ),
    ),
):
    """A single time, past or future."""

    start: Timestamp = Field(description="When the time begins, such as 2026-11-23T18:00:00Z; may be in the past.")
    end: Timestamp = Field(description="When the time ends: events count again from here on.")


class CorrectionSpec(Spec, exactly_one_of=("once", "recurring")):
    """Which time does not count for which objectives, and why."""

    objectives: Objectives = Field(description="Which objectives of this namespace the correction applies to.")
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Why the time does not count, for anyone who reads the measurements later."
    )
    category: Literal["Maintenance", "OutsideBusinessHours", "Deployment", "Other"] = Field(
        default="Other", description="The category of the reason."
    )
    once: Once | None = Field(default=None, description="A single time, past or future.")
    recurring: Recurring | None = Field(default=None, description="A time that recurs.")


class CorrectionSpan(Model):
    """An occurrence of the correction."""

    from_: Timestamp = Field(alias="from", description="When the occurrence begins.")
    until: Timestamp = Field(description="When the occurrence ends.")


class CorrectedObjective(Model):
    """How much of an objective's window the correction excludes."""

    name: str = Field(max_length=253, description="The ServiceLevelObjective.")
    share: str = Field(
        max_length=16,
        description="How much of the objective's window the correction excludes, in percent: of the last 30 days, or "
        "of "
        "the whole present month.",
    )


class CorrectionStatus(Status):
    """When the correction is active, and what it excludes."""

    active: bool = Field(default=False, description="Whether the present time is excluded.")
    current: CorrectionSpan | None = Field(default=None, description="The present occurrence.")
    next: CorrectionSpan | None = Field(default=None, description="The next occurrence; not set if there is none.")
    objective_count: int = Field(default=0, description="How many objectives the correction applies to.")
    objectives: Annotated[
        list[CorrectedObjective],
        Field(
            default_factory=list,
            max_length=MAX_OBJECTIVES,
            description="The first objectives by name, and what the correction excludes of them.",
        ),
    ]


class Correction(
    Resource,
    plural="corrections",
    short_names=("corr",),
    columns=(
        Column("Active", ".status.active", "boolean"),
        Column("Until", ".status.current.until"),
        Column("Next", ".status.next.from"),
        Column("Objectives", ".status.objectiveCount", "integer"),
        Column("Category", ".spec.category", wide=True),
        Column("Why", ".spec.reason", wide=True),
    ),
):
    """Excludes time from error budgets, alerts and gates."""

    spec: CorrectionSpec = Field(description="Which time does not count, for which objectives, and why.")
    status: CorrectionStatus = Field(
        default_factory=lambda: CorrectionStatus.model_validate({}),
        description="When the correction is active, and what it excludes.",
    )


_BY_OBJECTIVE = Index(
    Correction.api,
    lambda correction: looks_for(correction["spec"].get("objectives") or {}, Key.of(correction).namespace),
)


def correcting(slo: Manifest, store: Store) -> list[Manifest]:
    """The corrections that apply to an objective, sorted by name."""
    by_key = {Key.of(found): found for term in found_by(slo) for found in store.found(_BY_OBJECTIVE, term)}
    return [correction for _, correction in sorted(by_key.items()) if selects(correction["spec"]["objectives"], slo)]
