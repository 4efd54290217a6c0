"""What a user writes to say that some time does not count, and what is told back. Pure."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import Field

from ninefold.domain.selectors.objectives import MAX_OBJECTIVES, Objectives, found_by, looks_for, selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.fields import Cel, Timestamp, TimeZone, matches, seconds
from ninefold.kube.index import Index
from ninefold.kube.model import Column, Model, Resource, Spec, Status
from ninefold.kube.store import Store

LONGEST = timedelta(days=7)
"""How long an occurrence may last."""

_LENGTH = "[0-9]{1,5}[mhd]"
_MINUTES = "int(self.substring(0, self.size() - 1)) * {'m': 1, 'h': 60, 'd': 1440}[self.substring(self.size() - 1)]"

Length = Annotated[
    str,
    Field(min_length=2, max_length=6),
    Cel(
        f"self.matches('^{_LENGTH}$') && {_MINUTES} >= 1 && {_MINUTES} <= 10080",
        "write a length of 1m to 7d in one unit, such as 30m, 2h or 1d",
        lambda value: bool(re.fullmatch(_LENGTH, value)) and 60 <= seconds(value) <= LONGEST.total_seconds(),
    ),
]
"""How long an occurrence lasts, in one unit: "30m", "2h"."""

LocalTime = Annotated[
    str,
    Field(min_length=16, max_length=16),
    matches(
        "2[01][0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]",
        "write a local date and time such as 2026-11-01T02:00, without a zone",
    ),
]
"""What clocks on the wall show."""

_DAY = "[+-]?[1-5]?(MO|TU|WE|TH|FR|SA|SU)"
_PART = (
    r"INTERVAL=[1-9][0-9]{0,2}"
    f"|BYDAY={_DAY}(,{_DAY}){{0,9}}"
    r"|BYMONTHDAY=-?[1-9][0-9]?(,-?[1-9][0-9]?){0,30}"
    r"|BYMONTH=[1-9][0-9]?(,[1-9][0-9]?){0,11}"
    r"|BYHOUR=[0-9]{1,2}(,[0-9]{1,2}){0,23}"
    r"|BYSETPOS=-?[1-9][0-9]?(,-?[1-9][0-9]?){0,9}"
    r"|WKST=(MO|TU|WE|TH|FR|SA|SU)"
)

RecurrenceRule = Annotated[
    str,
    Field(min_length=10, max_length=256),
    matches(
        f"FREQ=(DAILY|WEEKLY|MONTHLY|YEARLY)(;({_PART})){{0,7}}",
        "write a recurrence such as FREQ=WEEKLY;BYDAY=SU: FREQ is DAILY, WEEKLY, MONTHLY or YEARLY, then INTERVAL, "
        "BYDAY, BYMONTHDAY, BYMONTH, BYHOUR or BYSETPOS; hours apart are FREQ=DAILY;BYHOUR=0,12, an end is until",
    ),
]
"""A recurrence of RFC 5545, at most hourly."""


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


class Recurring(
    Model,
    rules=(
        Cel(
            "!has(self.until) || self.until >= self.start",
            "write an until that is not before the start",
            lambda recurring: recurring.until is None or recurring.until >= recurring.start,
        ),
    ),
):
    """A time that comes again and again, by the clocks of some place."""

    rrule: RecurrenceRule = Field(description="When it comes again, as in calendars (RFC 5545): FREQ=WEEKLY;BYDAY=SU.")
    start: LocalTime = Field(
        description="The first day that counts for the rule, and the time of day at which it begins, in local time: "
        "2026-11-01T02:00. A time that the clocks skip is the moment after it; of one that they show twice it is the "
        "first."
    )
    duration: Length = Field(description="How long it lasts each time, 1m to 7d in one unit: 2h.")
    time_zone: TimeZone = Field(default="UTC", description="Whose clocks: an IANA name such as Europe/Paris.")
    until: LocalTime | None = Field(
        default=None, description="None begins after this local time. Left out, it goes on for ever."
    )


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


class Span(Model):
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
    current: Span | None = Field(default=None, description="The occurrence that is going on.")
    next: Span | None = Field(default=None, description="The next occurrence; absent if there is none to come.")
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
