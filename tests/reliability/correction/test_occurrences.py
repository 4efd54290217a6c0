"""When corrections are, beside dateutil and zoneinfo."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders.correction import ONCE, SUNDAYS, correction
from tests.builders.servicelevelobjective import objective

from ninefold.domain.schedules.local_time import moment
from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.occurrences import occurrences, verified
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.namespace.corrections import concerning, in_force
from ninefold.reliability.servicelevelobjective.recording.corrections import Corrections, Occurrence

ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
LOCAL = st.integers(0, 50 * 365 * 24 * 60).map(
    lambda minutes: datetime.fromisoformat("2001-01-01") + timedelta(minutes=minutes)
)


def unix(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def starts(first: str, last: str, **recurring: Any) -> list[str]:
    """As moments in UTC."""
    made = correction(recurring={**SUNDAYS, **recurring})
    found = occurrences(made, datetime.fromisoformat(first), datetime.fromisoformat(last))
    return [f"{one.start:%Y-%m-%dT%H:%M}" for one in found]


def test_it_keeps_to_the_clocks_on_the_wall() -> None:
    # Paris sets its clocks back on 25 October 2026, and forward on 28 March 2027.
    assert starts("2026-10-17T00:00Z", "2026-11-02T00:00Z", start="2026-10-01T03:30") == [
        "2026-10-18T01:30",
        "2026-10-25T02:30",
        "2026-11-01T02:30",
    ]


def test_a_time_that_is_skipped_is_the_moment_after_and_of_one_shown_twice_it_is_the_first() -> None:
    assert starts("2027-03-20T00:00Z", "2027-04-05T00:00Z", start="2027-03-01T02:30") == [
        "2027-03-21T01:30",
        "2027-03-28T01:00",
        "2027-04-04T00:30",
    ]
    assert starts("2026-10-24T00:00Z", "2026-10-26T00:00Z", start="2026-10-01T02:30") == ["2026-10-25T00:30"]


@settings(max_examples=200)
@given(local=LOCAL, zone=st.sampled_from(ZONES))
def test_a_moment_is_the_first_at_which_clocks_show_the_time_or_a_later_one(local: datetime, zone: str) -> None:
    where = ZoneInfo(zone)
    at = local.replace(tzinfo=UTC) - timedelta(hours=27)
    while at.astimezone(where).replace(tzinfo=None) < local:
        at += timedelta(minutes=1)
    assert moment(local, where) == at


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca"])
def test_every_quarter_of_an_hour_of_the_days_when_clocks_are_set(zone: str) -> None:
    where = ZoneInfo(zone)
    for day in (datetime.fromisoformat("2026-01-01") + timedelta(days=number) for number in range(365)):
        if where.utcoffset(day) == where.utcoffset(day + timedelta(days=1)):
            continue
        for quarter in range(4 * 24):
            local = day + timedelta(minutes=15 * quarter)
            shown = moment(local, where).astimezone(where).replace(tzinfo=None)
            before = (moment(local, where) - timedelta(seconds=1)).astimezone(where).replace(tzinfo=None)
            assert shown >= local > before


RULES = st.one_of(
    st.builds("FREQ=DAILY;INTERVAL={}".format, st.integers(1, 40)),
    st.builds("FREQ=WEEKLY;BYDAY={},{}".format, st.sampled_from(["MO", "SU"]), st.sampled_from(["TU", "SA"])),
    st.builds("FREQ=MONTHLY;BYDAY={}{}".format, st.sampled_from(["-1", "2"]), st.sampled_from(["MO", "FR"])),
    st.builds("FREQ=MONTHLY;BYMONTHDAY={}".format, st.sampled_from([-1, 1, 29, 31])),
    st.builds("FREQ=YEARLY;BYMONTH={};BYMONTHDAY=29;BYHOUR=1,{}".format, st.sampled_from([2, 7]), st.integers(2, 23)),
)


@settings(max_examples=200)
@given(rule=RULES, start=LOCAL, first=st.integers(-400, 4_000), length=st.integers(0, 900))
def test_occurrences_are_those_of_dateutil(rule: str, start: datetime, first: int, length: int) -> None:
    early = (start + timedelta(days=first)).replace(tzinfo=UTC)
    late = early + timedelta(days=length)
    made = correction(recurring={"rrule": rule, "start": f"{start:%Y-%m-%dT%H:%M}", "duration": "90m"})
    found = occurrences(made, early, late)
    plain = rrulestr(rule, dtstart=start).between(early.replace(tzinfo=None), late.replace(tzinfo=None))
    assert [one.start.replace(tzinfo=None) for one in found if one.start > early] == [
        at for at in plain if at < late.replace(tzinfo=None)
    ]


@settings(max_examples=100)
@given(days=st.lists(st.integers(0, 800), min_size=2, max_size=6), hour=st.integers(0, 23), zone=st.sampled_from(ZONES))
def test_occurrences_of_a_span_are_those_of_its_parts(days: list[int], hour: int, zone: str) -> None:
    """However a time is cut, each occurrence is found, and one over a cut is the same on both sides."""
    made = correction(
        recurring={
            "rrule": "FREQ=DAILY;INTERVAL=2",
            "start": f"2026-01-01T{hour:02}:30",
            "duration": "9h",
            "timeZone": zone,
        }
    )
    cuts = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day) for day in sorted(days)]
    parts = [one for early, late in itertools.pairwise(cuts) for one in occurrences(made, early, late)]
    assert sorted(set(parts)) == occurrences(made, cuts[0], cuts[-1])


def test_it_ends_with_until_and_begins_with_the_first_match() -> None:
    assert starts("2026-10-01T00:00Z", "2027-10-01T00:00Z", start="2026-11-03T02:00", until="2026-11-15T02:00") == [
        "2026-11-08T01:00",
        "2026-11-15T01:00",
    ]


@pytest.mark.parametrize(
    ("recurring", "reason", "sentence"),
    [
        ({"timeZone": "Europe/Pari"}, "UnknownTimeZone", "spec.recurring.timeZone: there is no time zone Europe/Pari"),
        ({"start": "2026-02-30T02:00"}, "InvalidRecurrence", "spec.recurring.start: there is no such day"),
        ({"until": "2027-02-30T02:00"}, "InvalidRecurrence", "spec.recurring.until: there is no such day"),
        ({"rrule": "FREQ=DAILY;BYHOUR=25"}, "InvalidRecurrence", "spec.recurring.rrule: hour must be in 0..23"),
        (
            {"rrule": "FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"},
            "InvalidRecurrence",
            "spec.recurring.rrule: this never occurs",
        ),
        ({"rrule": "FREQ=MONTHLY;BYDAY=MO;BYSETPOS=6"}, "InvalidRecurrence", "spec.recurring.rrule: this never occurs"),
        (
            {"rrule": "FREQ=DAILY", "start": "2026-06-01T02:00"},
            "TooManyOccurrences",
            "spec.recurring.start: 176 occurrences lie before the creation of the correction, and at most 64 can be",
        ),
    ],
)
def test_what_cannot_be_said_in_the_schema_stalls_and_corrects_nothing(
    recurring: dict[str, str], reason: str, sentence: str
) -> None:
    made = correction(created="2026-11-24T00:00:00Z", recurring={**SUNDAYS, **recurring})
    with pytest.raises(Stalled) as refused:
        verified(made)
    assert refused.value.reason == reason
    assert refused.value.message.startswith(sentence)
    now = datetime(2026, 11, 24, tzinfo=UTC)
    assert concerning(objective(), [made], now) == Corrections()
    assert in_force(objective(), [made], now) is None


def test_a_correction_concerns_what_it_selects_in_its_namespace() -> None:
    now = datetime(2026, 11, 23, 18, 30, tzinfo=UTC)
    active = correction(once=ONCE)
    assert concerning(objective(), [active], now).occurrences == (Occurrence(unix(ONCE["start"]), unix(ONCE["end"])),)
    assert concerning(objective(service="cart"), [active], now) == Corrections()
    elsewhere = active.model_copy(update={"metadata": active.metadata.model_copy(update={"namespace": "other"})})
    assert concerning(objective(), [elsewhere], now) == Corrections()
    longer = correction("longer", once={**ONCE, "end": "2026-11-24T00:00:00Z"})
    force = in_force(objective(), [active, longer, correction("sundays")], now)
    assert force is not None
    assert (force.name, force.until) == ("longer", datetime(2026, 11, 24, tzinfo=UTC))
    assert in_force(objective(), [active], datetime(2026, 11, 23, 19, 30, tzinfo=UTC)) is None


def test_rules_hold_for_five_weeks_without_the_operator() -> None:
    now = datetime(2026, 11, 24, 23, 59, tzinfo=UTC)
    found = concerning(objective(), [correction()], now).occurrences
    assert found[-1].end > now.timestamp() + 35 * 86_400 - 7 * 86_400
    assert found[0].start < now.timestamp() - 7 * 86_400
    nights = correction(
        recurring={**SUNDAYS, "rrule": "FREQ=DAILY;BYHOUR=" + ",".join(map(str, range(24))), "duration": "5m"}
    )
    many = concerning(objective(window="400d"), [nights], now).occurrences
    assert sum(one.end > now.timestamp() for one in many) >= 24
    assert len(many) == 128


def test_rules_change_at_midnight_or_not_at_all() -> None:
    sundays = correction()
    first = datetime(2026, 12, 1, tzinfo=UTC)
    revisions = [
        Group(objective(), concerning(objective(), [sundays], first + timedelta(hours=hour))).revision
        for hour in range(14 * 24)
    ]
    changes = [hour for hour in range(1, len(revisions)) if revisions[hour] != revisions[hour - 1]]
    assert all(hour % 24 == 0 for hour in changes)
    assert 0 < len(changes) < 14
