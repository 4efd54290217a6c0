"""What customers were promised: credits, breaches of a rolling window and of periods, and a record that survives."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import objective

from ninefold.domain.measurements.measurement import Measurement
from ninefold.domain.schedules.calendar import Calendar, period
from ninefold.domain.schedules.span import Span
from ninefold.reliability.servicelevelobjective.feedback.sla import RECORDED, Ended, credit, stands, unjudged
from ninefold.reliability.servicelevelobjective.resource import Agreement, ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import AgreementStatus

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
CREDITS = [{"below": "99.5", "percent": "10"}, {"below": "99", "percent": "25"}, {"below": "95", "percent": "100"}]
MONTHLY = {"calendar": {"period": "Month", "timeZone": "Europe/Paris"}}


def promised(status: AgreementStatus | None = None, **agreement: Any) -> ServiceLevelObjective:
    slo = objective(agreement={"objective": "99.5", "credits": CREDITS, **agreement})
    return slo.model_copy(update={"status": slo.status.model_copy(update={"agreement": status})})


def seen(ratio: float | None) -> Measurement:
    return Measurement(agreed_error_ratio=ratio)


@pytest.mark.parametrize(
    ("ratio", "percent"), [(0.001, 0), (0.005, 0), (0.0050001, 10), (0.011, 25), (0.06, 100), (1.0, 100)]
)
def test_the_largest_credit_that_applies_counts(ratio: float, percent: int) -> None:
    assert credit(Agreement.model_validate({"objective": "99.5", "credits": CREDITS}), ratio) == percent


def test_a_breach_of_a_rolling_window_lasts_until_the_promise_is_kept_again() -> None:
    kept, notes = stands(promised(), seen(0.001), None, NOW)
    assert kept is not None
    assert (kept.breached, kept.achieved, kept.credit, kept.breaches, notes) == (False, "99.900", "0 %", [], ())
    broken, notes = stands(promised(kept), seen(0.006), None, NOW)
    assert broken is not None
    (breach,) = broken.breaches
    assert (broken.breached, broken.credit, breach.since, breach.until) == (True, "10 %", NOW, None)
    assert notes[0].message == "Customers get 99.400 % where 99.5 % is promised: credit 10 %."
    later = NOW + timedelta(hours=5)
    worse, notes = stands(promised(broken), seen(0.02), None, later)
    assert worse is not None
    assert (worse.breaches[0].achieved, worse.breaches[0].credit, worse.breaches[0].since) == ("98.000", "25 %", NOW)
    assert notes == ()
    over, notes = stands(promised(worse), seen(0.004), None, later)
    assert over is not None
    assert (over.breached, over.breaches[0].achieved, over.breaches[0].until) == (False, "98.000", later)
    assert notes[0].reason == "AgreementKept"


def test_without_a_figure_nothing_changes() -> None:
    broken, _ = stands(promised(), seen(0.006), None, NOW)
    assert stands(promised(broken), seen(None), None, NOW) == (broken, ())
    assert stands(promised(broken), None, None, NOW) == (broken, ())


def test_noise_is_not_written() -> None:
    first, _ = stands(promised(), seen(0.0011), None, NOW)
    assert stands(promised(first), seen(0.00113), None, NOW + timedelta(hours=1))[0] == first


def test_a_period_is_judged_once_when_it_is_over() -> None:
    march = period(Calendar(period="Month", time_zone="Europe/Paris"), NOW)
    status, _ = stands(promised(window=MONTHLY), seen(0.006), None, NOW)
    assert status is not None
    assert (status.measured_until, status.breached, status.breaches) == (march.start, True, [])
    slo = promised(status, window=MONTHLY)
    assert unjudged(slo, march.end - timedelta(seconds=1)) is None
    assert unjudged(slo, march.end) == march
    judged, _ = stands(slo, seen(0.0), Ended(march, 0.0061), march.end)
    assert judged is not None
    (breach,) = judged.breaches
    assert (breach.since, breach.until, breach.achieved, breach.credit) == (march.start, march.end, "99.390", "10 %")
    assert judged.measured_until == march.end
    assert unjudged(promised(judged, window=MONTHLY), march.end) is None
    kept, _ = stands(slo, seen(0.0), Ended(march, 0.001), march.end)
    assert kept is not None
    assert kept.breaches == []


def test_periods_are_judged_one_after_the_other_if_the_operator_was_away() -> None:
    status, _ = stands(promised(window=MONTHLY), seen(0.0), None, NOW)
    now = NOW + timedelta(days=100)
    found: list[Span] = []
    while (span := unjudged(promised(status, window=MONTHLY), now)) is not None:
        found.append(span)
        status, _ = stands(promised(status, window=MONTHLY), seen(0.0), Ended(span, 0.5), now)
    assert [f"{span.start:%m-%d %H}" for span in found] == ["02-28 23", "03-31 22", "04-30 22"]
    assert status is not None
    assert [breach.since for breach in status.breaches] == [span.start for span in found]


def test_a_period_that_nobody_measured_is_told_and_not_judged() -> None:
    march = period(Calendar(period="Month", time_zone="UTC"), NOW)
    status, notes = stands(promised(window=MONTHLY), None, Ended(march, None), march.end)
    assert status is not None
    assert status.breaches == []
    assert notes[0].reason == "AgreementNotMeasured"


def test_the_record_is_bounded() -> None:
    status: AgreementStatus | None = None
    for number in range(2 * RECORDED + 10):
        status, _ = stands(promised(status), seen(0.1 if number % 2 else 0.0), None, NOW + timedelta(hours=number))
    assert status is not None
    assert len(status.breaches) == RECORDED


def test_an_objective_without_an_agreement_has_no_record_of_one() -> None:
    assert stands(objective(), seen(None), None, NOW) == (None, ())


@given(
    at=st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1)),  # noqa: DTZ001 - the time zone is added below
    kind=st.sampled_from(["Week", "Month", "Quarter"]),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/St_Johns", "Pacific/Apia", "Asia/Kathmandu"]),
)
def test_periods_tile_time(at: datetime, kind: Any, zone: str) -> None:
    moment = at.replace(tzinfo=UTC)
    calendar = Calendar(period=kind, time_zone=zone)
    span = period(calendar, moment)
    assert span.start <= moment < span.end
    assert period(calendar, span.end).start == span.end
    assert period(calendar, span.start) == span
