"""Freezes and stops as sources of a gate: all of them end by the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.releasegate import gate

from ninefold.domain.schedules.span import Span
from ninefold.kube.errors import Stalled
from ninefold.kube.fields import rfc3339
from ninefold.release.gate.freeze import spans
from ninefold.release.gate.spec import Freeze
from ninefold.release.gate.status import ReleaseGateStatus
from ninefold.release.releasegate.plan import Observed, plan
from ninefold.release.releasegate.resource import ReleaseGate

FRIDAY = datetime(2026, 11, 27, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEKEND = {
    "cron": {"schedule": "0 18 * * FRI", "duration": "62h", "timeZone": "Europe/Paris"},
    "reason": "weekend",
}


def status(gate: ReleaseGate, now: datetime) -> ReleaseGateStatus:
    return plan(gate, Observed({}, ()), now).status


def cron(schedule: str, duration: str = "1h", zone: str = "UTC") -> Freeze:
    return Freeze.model_validate(
        {"cron": {"schedule": schedule, "duration": duration, "timeZone": zone}, "reason": "night"}
    )


def test_a_weekend_begins_and_ends_by_the_clocks_of_a_place() -> None:
    frozen = gate(sources=[{"freeze": WEEKEND}])
    before = plan(frozen, Observed({}, ()), FRIDAY)
    assert (before.status.decision, before.due) == ("Allow", FRIDAY + 5 * HOUR)
    # The API server knows what is to come, should the operator be down by then.
    first = before.status.closures[0]
    assert (first.from_, first.until) == (FRIDAY + 5 * HOUR, FRIDAY + 67 * HOUR)
    during = plan(frozen, Observed({}, ()), FRIDAY + 6 * HOUR)
    assert during.status.decision == "Hold"
    assert during.status.because == "freeze: weekend"
    assert during.status.until == "2026-11-30T07:00:00Z"
    assert during.status.message == (
        "Nothing changes now: weekend. Until 2026-11-30 07:00 UTC. No image is known to be good to roll back to."
    )
    assert during.due == FRIDAY + 67 * HOUR
    assert status(frozen, FRIDAY + 67 * HOUR).decision == "Allow"


def test_dates_hold_once() -> None:
    dates = {"from": rfc3339(FRIDAY), "until": rfc3339(FRIDAY + DAY)}
    frozen = gate(sources=[{"freeze": {"dates": dates, "reason": "the sale.", "decision": "Deny"}}])
    assert [status(frozen, FRIDAY + at).decision for at in (-HOUR, timedelta(), DAY - HOUR, DAY)] == [
        "Allow",
        "Deny",
        "Deny",
        "Allow",
    ]
    assert not status(frozen, FRIDAY + DAY).closures


@pytest.mark.parametrize(
    ("freeze", "words"),
    [
        (cron("0 18 * * 9"), "spec.sources[0].freeze.cron.schedule: "),
        (cron("61 18 * * *"), "spec.sources[0].freeze.cron.schedule: Bad minute"),
        (cron("0 18 * * *", zone="Europe/Atlantis"), "there is no time zone Europe/Atlantis"),
        (cron("0 18 * * *", "15d"), "spec.sources[0].freeze.cron.duration: write 1m to 14d, not 15d"),
    ],
)
def test_what_is_no_schedule_is_told_with_its_field(freeze: Freeze, words: str) -> None:
    with pytest.raises(Stalled) as stalled:
        status(gate(sources=[{"freeze": freeze.wire()}]), FRIDAY)
    assert words in stalled.value.message


@given(
    st.integers(0, 23),
    st.integers(1, 30),
    st.sampled_from(["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"]),
    st.integers(0, 365 * 24),
)
def test_a_freeze_is_seen_alike_from_wherever_one_looks(hour: int, hours: int, zone: str, at: int) -> None:
    """A look at one moment agrees with a list of the whole time around it, also where clocks change."""
    freeze, now = cron(f"30 {hour} * * *", f"{hours}h", zone), FRIDAY + at * HOUR
    wide = spans(freeze, now - 40 * DAY, now + 40 * DAY, "f")
    near = spans(freeze, now, now + DAY, "f")
    assert any(span.start <= now < span.end for span in wide) == any(span.start <= now < span.end for span in near)
    assert all(span.start < span.end for span in wide)
    assert all(first.end < second.start for first, second in pairwise(wide))


def test_what_begins_every_minute_is_one_long_freeze() -> None:
    (span,) = spans(cron("* * * * *"), FRIDAY, FRIDAY + 10 * HOUR, "f")
    assert span.start <= FRIDAY < FRIDAY + 10 * HOUR <= span.end
    assert spans(cron("0 0 29 2 MON"), FRIDAY, FRIDAY + DAY, "f") == []
    assert Span(FRIDAY, FRIDAY + HOUR) in spans(cron("0 12 * * FRI"), FRIDAY, FRIDAY + DAY, "f")


def test_a_stop_by_hand_holds_until_its_end() -> None:
    stopped = gate(stop={"by": "ann", "reason": "the payment provider is down", "until": rfc3339(FRIDAY + HOUR)})
    now = status(stopped, FRIDAY)
    assert (now.decision, now.because) == ("Hold", "stopped by ann")
    assert now.message.startswith("ann has closed it: the payment provider is down. Until 2026-11-27 13:00 UTC.")
    assert now.closures[0].until == FRIDAY + HOUR
    assert status(stopped, FRIDAY + HOUR).decision == "Allow"
    forever = gate(stop={"by": "ann", "reason": "stop the line"})
    assert (status(forever, FRIDAY).until, status(forever, FRIDAY + 300 * DAY).decision) == (None, "Hold")


def test_it_opens_when_the_last_of_all_reasons_is_over() -> None:
    both = gate(stop={"by": "ann", "reason": "x", "until": rfc3339(FRIDAY + 90 * HOUR)}, sources=[{"freeze": WEEKEND}])
    now = status(both, FRIDAY + 6 * HOUR)
    assert now.until == rfc3339(FRIDAY + 90 * HOUR)
    assert "Closed by freeze: weekend too." in now.message
    endless = gate(stop={"by": "ann", "reason": "x"}, sources=[{"freeze": WEEKEND}])
    assert status(endless, FRIDAY + 6 * HOUR).until is None
