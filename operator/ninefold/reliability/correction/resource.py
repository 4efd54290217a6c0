"""What a user writes to say that some time does not count, and what is told back. Pure."""

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
            "write an end at most 7 days after the start; longer times are several corrections",
            lambda once: once.end - once.start <= LONGEST,
        ),
    ),
):
    """A single time, to come or gone by."""

    start: Timestamp = Field(description="When it begins, such as 2026-11-23T18:00:00Z. It may lie in the past.")
    end: Timestamp = Field(description="When it ends: events count again from here on.")


class CorrectionSpec(Spec, exactly_one_of=("once", "recurring")):
    """Which time does not count for which objectives, and why."""

    objectives: Objectives = Field(description="Which objectives of this namespace it is about.")
    reason: Annotated[str, Field(min_length=1, max_length=1024)] = Field(
        description="Why it does not count, for whoever looks at the figures later."
    )
    category: Literal["Maintenance", "OutsideBusinessHours", "Deployment", "Other"] = Field(
        default="Other", description="What kind of reason it is."
    )
    once: Once | None = Field(default=None, description="A single time, to come or gone by.")
    recurring: Recurring | None = Field(default=None, description="A time that comes again and again.")


class CorrectionSpan(Model):
    """An occurrence."""

    from_: Timestamp = Field(alias="from", description="When it begins.")
    until: Timestamp = Field(description="When it ends.")


class CorrectedObjective(Model):
    """What it does to one objective."""

    name: str = Field(max_length=253, description="The ServiceLevelObjective.")
    share: str = Field(
        max_length=16,
        description="How much of the objective's window it takes out, in percent: of the last 30 days, or of the whole "
        "present month.",
    )


class CorrectionStatus(Status):
    """When it is, and what it takes out."""

    active: bool = Field(default=False, description="Whether the present time does not count.")
    current: CorrectionSpan | None = Field(default=None, description="The occurrence that is going on.")
    next: CorrectionSpan | None = Field(
        default=None, description="The next occurrence; absent if there is none to come."
    )
    objective_count: int = Field(default=0, description="How many objectives it applies to.")
    objectives: Annotated[
        list[CorrectedObjective],
        Field(
            default_factory=list, max_length=MAX_OBJECTIVES, description="The first of them by name, and what it takes."
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
    """Time that does not count: in budgets, alerts and gates alike."""

    spec: CorrectionSpec = Field(description="Which time does not count, for which objectives, and why.")
    status: CorrectionStatus = Field(
        default_factory=lambda: CorrectionStatus.model_validate({}), description="When it is, and what it takes out."
    )


_BY_OBJECTIVE = Index(
    Correction.api,
    lambda correction: looks_for(correction["spec"].get("objectives") or {}, Key.of(correction).namespace),
)


def correcting(slo: Manifest, store: Store) -> list[Manifest]:
    """The corrections that apply to an objective, by name."""
    found = {Key.of(each): each for term in found_by(slo) for each in store.found(_BY_OBJECTIVE, term)}
    return [each for _, each in sorted(found.items()) if selects(each["spec"]["objectives"], slo)]
