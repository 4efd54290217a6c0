"""When a correction is and what it takes out, for people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.builders.correction import ONCE, correction

from ninefold.domain.schedules.calendar import Calendar
from ninefold.kube.plan import Plan
from ninefold.reliability.correction.plan import Observed, plan, taken
from ninefold.reliability.correction.resource import Correction, CorrectionStatus
from ninefold.reliability.servicelevelobjective.resource import Window

MONTH = Window(rolling="30d")
BEGINS, ENDS = (datetime.fromisoformat(ONCE[name]) for name in ("start", "end"))


def look(
    made: Correction, now: datetime, *objectives: tuple[str, Window], missing: tuple[str, ...] = ()
) -> Plan[CorrectionStatus]:
    return plan(made, Observed(objectives or (("checkout", MONTH),), missing), now)


def test_before_during_and_after() -> None:
    made = correction(once=ONCE)
    before = look(made, BEGINS - timedelta(minutes=1))
    assert (before.status.active, before.status.current) == (False, None)
    assert before.status.next is not None
    assert (before.status.next.from_, before.status.next.until) == (BEGINS, ENDS)
    assert (before.ready.reason, before.due, before.events) == ("Scheduled", BEGINS, ())
    during = look(made, BEGINS)
    assert (during.status.active, during.status.next) == (True, None)
    assert during.status.current is not None
    assert (during.ready.reason, during.due) == ("Active", BEGINS + timedelta(hours=1))
    assert [note.reason for note in during.events] == ["CorrectionBegan"]
    after = look(made.model_copy(update={"status": during.status}), ENDS)
    assert (after.status.active, after.status.current, after.status.next) == (False, None, None)
    assert (after.ready.reason, after.ready.status) == ("Over", "True")
    assert [note.reason for note in after.events] == ["CorrectionEnded"]


def test_a_look_in_between_changes_nothing() -> None:
    made = correction(once=ONCE)
    first = look(made, BEGINS + timedelta(minutes=5))
    again = look(made.model_copy(update={"status": first.status}), BEGINS + timedelta(minutes=50))
    assert again.status.current == first.status.current
    assert again.events == ()


def test_the_next_of_a_recurrence_is_shown_while_one_goes_on() -> None:
    status = look(correction(), datetime(2026, 11, 22, 2, tzinfo=UTC)).status
    assert status.current is not None
    assert status.next is not None
    assert status.next.from_ == datetime(2026, 11, 29, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("observed", "reason"),
    [
        (Observed(()), "NoObjectives"),
        (Observed((("checkout", MONTH),), ("gone",)), "ObjectiveMissing"),
    ],
)
def test_what_leads_nowhere_is_said(observed: Observed, reason: str) -> None:
    ready = plan(correction(), observed, BEGINS).ready
    assert (ready.status, ready.reason) == ("False", reason)


@pytest.mark.parametrize(
    ("window", "now", "share"),
    [
        ({"rolling": "30d"}, ENDS, 90 / (30 * 1440)),
        ({"rolling": "30d"}, BEGINS + timedelta(minutes=30), 30 / (30 * 1440)),
        ({"rolling": "1h"}, ENDS, 1.0),
        ({"rolling": "1h"}, ENDS + timedelta(minutes=15), 0.75),
        ({"rolling": "1h"}, BEGINS, 0.0),
        ({"rolling": "1d"}, ENDS + timedelta(days=1), 0.0),
        ({"calendar": {"period": "Week", "timeZone": "Europe/Paris"}}, BEGINS, 90 / (7 * 1440)),
        ({"calendar": {"period": "Month", "timeZone": "UTC"}}, datetime(2026, 12, 1, tzinfo=UTC), 0.0),
    ],
)
def test_the_share_of_a_window(window: dict[str, Any], now: datetime, share: float) -> None:
    assert taken(correction(once=ONCE), Window.model_validate(window), now) == pytest.approx(share)


def test_occurrences_that_overlap_are_taken_once() -> None:
    daily = {"rrule": "FREQ=DAILY", "start": "2026-11-01T00:00", "duration": "3d"}
    assert taken(correction(recurring=daily), Window(rolling="7d"), BEGINS) == 1.0


def test_shares_are_rounded_and_listed_as_far_as_there_is_room() -> None:
    calendar = Window(calendar=Calendar(period="Month", time_zone="UTC"))
    many = [(f"slo-{number:03}", calendar) for number in range(100)]
    status = look(correction(), BEGINS, *many).status
    assert (status.objective_count, len(status.objectives)) == (100, 64)
    # Five Sundays in November 2026, two hours each.
    assert status.objectives[0].share == "1.4 %"
