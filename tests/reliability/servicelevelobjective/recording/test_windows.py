"""Windows of the calendar: right at local midnight, across changes of the clock, evaluated by Prometheus."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import expression, group, objective
from tests.reliability.servicelevelobjective.promtool import Promtool, near

from ninefold.domain.schedules.calendar import Calendar
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.recording import windows

GOOD = 'http_requests_total{job="checkout",code="200"}'
BAD = 'http_requests_total{job="checkout",code="500"}'


def calendar(period: str, zone: str) -> dict[str, dict[str, str]]:
    return {"calendar": {"period": period, "timeZone": zone}}


def minutes(*parts: tuple[int, int]) -> str:
    """A counter as promtool reads it: (a minute's increase, for how many minutes), one after the other."""
    texts, value = [], 0
    for increase, length in parts:
        texts.append(f"{value}+{increase}x{length - 1}")
        value += increase * length
    return " ".join(texts)


@pytest.mark.parametrize(
    ("period", "zone", "midnight", "days"),
    [
        ("Month", "UTC", "2026-12-01T00:00:00+00:00", 31),
        # The day after the clocks went forward, in a week that had one hour less.
        ("Week", "Europe/Paris", "2026-03-30T00:00:00+02:00", 7),
        ("Month", "Europe/Paris", "2026-04-01T00:00:00+02:00", 30),
        # The clocks went back in this month.
        ("Month", "America/New_York", "2026-12-01T00:00:00-05:00", 31),
        # February is shorter than what the rules look back: January must not come in.
        ("Month", "Asia/Kathmandu", "2027-03-01T00:00:00+05:45", 31),
        ("Quarter", "Australia/Adelaide", "2026-10-01T00:00:00+09:30", 92),
        ("Quarter", "America/St_Johns", "2027-01-01T00:00:00-03:30", 90),
        ("Week", "Pacific/Chatham", "2026-11-30T00:00:00+13:45", 7),
    ],
)
def test_a_period_begins_at_local_midnight(
    promtool: Promtool, period: str, zone: str, midnight: str, days: int
) -> None:
    """All fails until ten minutes before midnight; after it half an hour of the fourth hour does."""
    start = datetime.fromisoformat(midnight).astimezone(UTC) - timedelta(hours=5)
    compiled = group(window=calendar(period, zone), objective="90")
    promtool.test(
        [compiled.as_dict()],
        {
            GOOD: minutes((0, 290), (60, 190), (0, 30), (60, 200)),
            BAD: minutes((60, 290), (0, 190), (60, 30), (0, 200)),
        },
        start=start,
        holds=[
            # An event is spread over the five minutes after it, so the edges of an hour are not sharp.
            ("299m", near("slo:error_ratio:window", 289 / 299, 0.02)),
            ("300m", "slo:error_ratio:window == bool 0"),
            ("420m", "slo:error_ratio:window == bool 0"),
            ("600m", near("slo:error_ratio:window", 30 / 300, 0.01)),
            ("660m", near("slo:error_budget_left:ratio", 1 - 30 / 360 / 0.1, 0.02)),
            ("660m", near("slo:coverage:ratio", 6 / (24 * days), 0.01)),
        ],
    )


def test_an_objective_and_its_agreement_may_have_periods_of_their_own(promtool: Promtool) -> None:
    start = datetime(2026, 11, 30, tzinfo=UTC) - timedelta(hours=2)
    agreement = {"objective": "80", "window": calendar("Month", "UTC")}
    promtool.test(
        [group(window=calendar("Week", "UTC"), objective="90", agreement=agreement).as_dict()],
        {GOOD: minutes((0, 100), (60, 400)), BAD: minutes((60, 100), (0, 400))},
        start=start,
        # The week is new; the month has the failures before midnight, too.
        holds=[
            ("240m", "slo:error_ratio:window == bool 0"),
            ("240m", near("slo:agreement:error_ratio", 98 / 238, 0.02)),
        ],
    )


def test_an_agreement_over_the_objective_s_window_costs_one_sample(promtool: Promtool) -> None:
    compiled = group(agreement={"objective": "99.5"})
    assert expression(compiled, "slo:agreement:error_ratio") == 'slo:error_ratio:window{slo_id="shop/checkout"}'
    monthly = {"objective": "99.5", "window": calendar("Month", "Europe/Paris")}
    promtool.check(group(agreement=monthly).as_dict())
    promtool.check(group(agreement=monthly, window="6h", groupBy=["region"]).as_dict())


@pytest.mark.parametrize(("days", "share"), [(1, 1 / 31), pytest.param(2, 2 / 31, marks=pytest.mark.slow)])
def test_coverage_is_the_share_of_the_whole_period(promtool: Promtool, days: int, share: float) -> None:
    promtool.test(
        [group(window=calendar("Month", "UTC"), objective="90").as_dict()],
        {GOOD: minutes((60, days * 1440 + 10))},
        start=datetime(2026, 12, 1, tzinfo=UTC),
        holds=[(f"{days * 24}h", near("slo:coverage:ratio", share, 0.01))],
    )


@pytest.mark.slow
def test_time_to_exhaustion_follows_from_the_period(promtool: Promtool) -> None:
    # Two days without a failure, then four hours at 40 % of a budget of 10 %.
    promtool.test(
        [group(window=calendar("Month", "Europe/Paris"), objective="90").as_dict()],
        {GOOD: minutes((60, 2880), (36, 240)), BAD: minutes((0, 2880), (24, 240))},
        start=datetime(2026, 12, 1, tzinfo=UTC) - timedelta(hours=1),
        # In 52 h: 1.6 h of errors. At 40 % they are a tenth of all in x hours: 1.6 + 0.4 x = 5.2 + 0.1 x.
        holds=[("52h", near("slo:time_to_exhaustion:seconds", 12 * 3600, 0.02))],
    )
    promtool.test(
        [group(window="12h", objective="90").as_dict()],
        {GOOD: minutes((60, 650), (36, 70)), BAD: minutes((0, 650), (24, 70))},
        holds=[("716m", near("slo:time_to_exhaustion:seconds", (1 - 26.4 / 716 / 0.1) * 12 * 3600 / 4, 0.03))],
        absent=[("600m", "slo:time_to_exhaustion:seconds")],
    )


def test_an_unknown_zone_stalls_with_what_to_write() -> None:
    with pytest.raises(Stalled) as refused:
        group(window=calendar("Month", "Europe/Pari"))
    assert refused.value.reason == "UnknownTimeZone"
    assert refused.value.message == (
        "spec.window.calendar.timeZone: there is no time zone Europe/Pari: write an IANA name such as Europe/Paris"
    )


def evaluated(expression: str, at: int) -> int:
    """The value of a generated local time: sums of the present time, constants and changes of the clock."""
    total = at
    for sign, amount, change in re.findall(r"([+-]) (\d+)(?: \* \(time\(\) >= bool (\d+)\))?", expression):
        if not change or at >= int(change):
            total += int(sign + amount)
    return total


ZONES = sorted(name for name in available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/")))
TIMES = st.integers(
    int(datetime(windows.FIRST_YEAR, 1, 2, tzinfo=UTC).timestamp()),
    int(datetime(windows.LAST_YEAR, 12, 30, tzinfo=UTC).timestamp()),
).map(lambda at: datetime.fromtimestamp(at, UTC))


@settings(max_examples=300)
@given(zone=st.sampled_from(ZONES), at=TIMES)
def test_the_rules_count_local_time_as_the_zone_does(zone: str, at: datetime) -> None:
    written = windows.local_time(Calendar(period="Month", time_zone=zone))
    local = at.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
    assert evaluated(written, int(at.timestamp())) == int(local.timestamp())


@settings(max_examples=100)
@given(zone=st.sampled_from(ZONES), at=TIMES)
def test_every_local_midnight_is_the_edge_of_a_tile(zone: str, at: datetime) -> None:
    midnight = at.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert int(midnight.timestamp()) % windows.tile([Calendar(period="Month", time_zone=zone)]) == 0


def test_the_rules_know_the_clocks_of_years_to_come() -> None:
    """When this fails, raise LAST_YEAR: whoever stays on this release for three years is told in time."""
    assert datetime.now(UTC).year + 3 <= windows.LAST_YEAR


def test_the_text_of_a_rule_does_not_depend_on_when_it_is_compiled() -> None:
    spec = calendar("Month", "Europe/Paris")
    assert group(window=spec).revision == group(window=spec).revision
    assert objective(window=spec).window == 30 * 86_400
