"""Time that does not count, evaluated by Prometheus: figures beside the truth, wherever the correction is seen from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import objective
from tests.reliability.servicelevelobjective.promtool import Promtool, firing, near

from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.recording import corrections
from ninefold.reliability.servicelevelobjective.recording.corrections import Corrections, Occurrence

GOOD = 'http_requests_total{job="checkout",code="200"}'
BAD = 'http_requests_total{job="checkout",code="500"}'
START = datetime(2026, 11, 4, tzinfo=UTC)
DAY = 1440
RATIO = "slo:error_ratio:window"


class Part(NamedTuple):
    """So many minutes with so many good and bad requests in each."""

    minutes: int
    good: int
    bad: int


def counters(parts: Sequence[Part], step: int, **labels: str) -> dict[str, str]:
    """Series for promtool, a sample each `step` seconds. Both begin above 0, below which rate() does not go."""
    more = "".join(f',{name}="{value}"' for name, value in labels.items())

    def series(what: str) -> str:
        texts, value, per = [], 60_000.0, 60 // step
        for part in parts:
            rise, count = getattr(part, what) / per, part.minutes * per
            texts.append(f"{value!r}+{rise!r}x{count - 1}")
            value += rise * count
        return " ".join(texts)

    return {GOOD.replace("}", more + "}"): series("good"), BAD.replace("}", more + "}"): series("bad")}


def truth(parts: Sequence[Part], now: int, window: int, *corrected: tuple[int, int]) -> float:
    """Bad over all requests of the window, both in minutes, without what does not count."""
    good, bad = 0, 0
    each = [part for part in parts for _ in range(part.minutes)]
    for minute in range(max(0, now - window), now):
        if not any(first <= minute < last for first, last in corrected):
            good, bad = good + each[minute].good, bad + each[minute].bad
    return bad / (good + bad)


def at(minute: float, start: datetime = START) -> int:
    """Unix seconds."""
    return int(start.timestamp() + minute * 60)


def corrected(*spans: tuple[int, int], start: datetime = START, **spec: Any) -> Group:
    """The objective with corrections, in minutes from the start."""
    occurrences = tuple(Occurrence(at(first, start), at(last, start)) for first, last in spans)
    return Group(objective(**{"objective": "90", **spec}), Corrections(occurrences, at(0, start)))


def known_later(compiled: Group, minute: int, start: datetime = START) -> dict[str, Any]:
    """The rules as if they had come so late: nothing was masked before that. What they record is the same."""
    rules = [dict(rule) for rule in compiled.rules]
    for rule in rules:
        if rule.get("record") == "slo:correction:active":
            rule["expr"] = f"({rule['expr']}) and on () vector(time()) >= {at(minute, start)}"
    return {"name": compiled.name, "rules": rules}


def outages(first: int, last: int, end: int) -> list[Part]:
    """One request in a hundred fails, half of them in ten minutes half an hour before what is corrected and again
    twenty minutes after it, and all from `first` to `last`."""
    quiet, outage = (594, 6), (300, 300)
    return [
        Part(first - 40, *quiet),
        Part(10, *outage),
        Part(30, *quiet),
        Part(last - first, 0, 600),
        Part(20, *quiet),
        Part(10, *outage),
        Part(end - last - 30, *quiet),
    ]


@pytest.mark.parametrize("late", [False, True], ids=["masked", "afterwards"])
@pytest.mark.parametrize(
    ("window", "step", "first", "length"),
    [
        ("90m", 15, 130, 30),
        pytest.param("6h", 30, 400, 47, marks=pytest.mark.slow),
        pytest.param("12h", 30, 813, 58, marks=pytest.mark.slow),
    ],
)
def test_the_error_ratio_is_true_with_a_correction_anywhere_in_the_window(
    promtool: Promtool, window: str, step: int, first: int, length: int, late: bool
) -> None:
    compiled, minutes = (
        corrected((first, first + length), window=window),
        {"90m": 90, "6h": 360, "12h": 720, "1d": 1440},
    )
    last, whole = first + length, minutes[window]
    end = last + whole + 20
    leaving = range(first + whole - 2, last + whole + 9, 9)
    moments = [last + 40, first + whole - 11, *leaving, end - 5]
    if not late:
        moments = [first - 10, first + 10, last - 2, last + 12, *moments]
    parts = outages(first, last, end)
    promtool.test(
        [known_later(compiled, last + 30) if late else compiled.as_dict()],
        counters(parts, step),
        interval=f"{step}s",
        start=START,
        holds=[(f"{now}m", near(RATIO, truth(parts, now, whole, (first, last)), 1e-3)) for now in moments],
    )


@pytest.mark.parametrize("late", [False, True], ids=["masked", "afterwards"])
@pytest.mark.parametrize(
    ("first", "length"),
    [
        (90, 60),
        pytest.param(215, 50, marks=pytest.mark.slow),
        pytest.param(240, 120, marks=pytest.mark.slow),
    ],
)
def test_a_period_of_the_calendar_is_true_with_a_correction_in_it_or_over_its_beginning(
    promtool: Promtool, first: int, length: int, late: bool
) -> None:
    """The week begins two hours after the first sample. With or without a correction it is a minute too long."""
    last, end = first + length, first + length + 200
    start = datetime(2026, 11, 9, tzinfo=UTC) - timedelta(hours=2)
    compiled = corrected((first, last), start=start, window={"calendar": {"period": "Week"}})
    parts, holds = outages(first, last, end), []
    for now in (last + 40, last + 100, end - 5):
        counted = now - 120 - (last - max(first, 120))
        holds.append((f"{now}m", near(RATIO, truth(parts, now, now - 120, (first, last)), 1.3 / counted)))
    promtool.test(
        [known_later(compiled, last + 30, start) if late else compiled.as_dict()],
        counters(parts, 30),
        interval="30s",
        start=start,
        holds=holds,
    )


@pytest.mark.parametrize("late", [False, True], ids=["masked", "afterwards"])
def test_a_window_that_does_not_count_at_all_has_no_figure_and_then_that_of_what_came_after(
    promtool: Promtool, late: bool
) -> None:
    compiled = corrected((130, 330), window="90m")
    promtool.test(
        [known_later(compiled, 200) if late else compiled.as_dict()],
        counters([Part(130, 594, 6), Part(200, 0, 600), Part(130, 588, 12)], 30),
        interval="30s",
        start=START,
        holds=[
            ("250m", "slo:coverage:ratio == bool 1"),
            *[(at, near(RATIO, 0.02)) for at in ("345m", "380m", "419m", "421m", "455m")],
        ],
        absent=[("250m", RATIO), ("250m", "slo:error_budget_left:ratio"), ("250m", '{__name__=~"slo:burn_rate:.*"}')],
    )


@pytest.mark.slow
def test_each_group_is_corrected_by_itself_and_the_agreement_is_too(promtool: Promtool) -> None:
    compiled = corrected(
        (500, 530), window="6h", groupBy=["region"], agreement={"objective": "80", "window": {"rolling": "8h"}}
    )
    parts = outages(500, 530, 700)
    twice = [Part(part.minutes, 2 * part.good, 5 * part.bad) for part in parts]
    regions = {"eu": parts, "us": twice}
    holds = []
    for region, traffic in regions.items():
        of = f'{{region="{region}"}}'
        holds += [(f"{now}m", near(RATIO + of, truth(traffic, now, 360, (500, 530)), 1e-3)) for now in (595, 690)]
        holds += [("690m", near("slo:agreement:error_ratio" + of, truth(traffic, 690, 480, (500, 530)), 1e-3))]
    series = [counters(traffic, 30, region=region) for region, traffic in regions.items()]
    promtool.test([known_later(compiled, 560)], {**series[0], **series[1]}, interval="30s", start=START, holds=holds)


@pytest.mark.slow
def test_several_corrections_are_taken_out_and_those_that_meet_are_one(promtool: Promtool) -> None:
    spans = ((400, 410), (413, 420), (460, 470))
    parts = [Part(380, 594, 6), Part(10, 300, 300), Part(10, 594, 6)]
    parts += [Part(20, 0, 600), Part(40, 594, 6), Part(10, 0, 600), Part(200, 594, 6)]
    promtool.test(
        [corrected(*spans, window="6h").as_dict()],
        counters(parts, 30),
        interval="30s",
        start=START,
        # Three minutes between two of them are too short to be measured: they go with them.
        holds=[(f"{now}m", near(RATIO, truth(parts, now, 360, (400, 420), spans[2]), 1e-3)) for now in (520, 600)],
    )


def test_nothing_is_recorded_while_it_is_active_and_the_data_are_idle(promtool: Promtool) -> None:
    parts = [Part(100, 594, 6), Part(30, 0, 600), Part(60, 594, 6)]
    promtool.test(
        [corrected((100, 130), window="1h").as_dict()],
        counters(parts, 30),
        interval="30s",
        start=START,
        holds=[
            ("100m", near("slo:events:rate5m", 10)),
            *[(at, "slo:events:rate5m == bool 0") for at in ("101m", "129m", "136m")],
            *[(at, "slo:errors:rate5m == bool 0") for at in ("101m", "129m", "136m")],
            ("129m", "slo:correction:active == bool 1"),
            ("129m", "slo:coverage:ratio == bool 1"),
            ("129m", near("slo:burn_rate:1h", 0.1)),
            ("138m", near("slo:events:rate5m", 10)),
            ("138m", near("slo:errors:rate5m", 0.1)),
        ],
        absent=[("100m", "slo:correction:active"), ("138m", "slo:correction:active"), ("129m", "slo:burn_rate:5m")],
    )


@pytest.mark.parametrize(
    "indicator",
    [
        {"boolean": {"selector": "up"}},
        {"gauge": {"query": "up", "badBelow": "1"}},
        {"errorRatio": {"query": "1 - avg_over_time(up[$window])"}},
    ],
)
def test_time_is_masked_whatever_counts_it(promtool: Promtool, indicator: dict[str, Any]) -> None:
    sliced: dict[str, Any] = {"timeSlices": {"target": "90", "length": "10m"}}
    for more in ({}, sliced):
        promtool.test(
            [corrected((100, 130), window="1h", indicator=indicator, **more).as_dict()],
            {"up": "1x100 0x29 1x120"},
            start=START,
            holds=[
                (f"{minute}m", f"{what} == bool 0")
                for minute in (98, 110, 129, 140, 160)
                for what in ("slo:errors:rate5m", RATIO)
            ],
        )


@pytest.mark.slow
def test_no_alert_sees_what_is_corrected_and_each_sees_what_burned_before(promtool: Promtool) -> None:
    spec: dict[str, Any] = {"window": "1d", "objective": "99"}
    parts = [Part(400, 600, 0), Part(60, 0, 600), Part(400, 600, 0)]
    series = counters(parts, 60)
    promtool.test(
        [corrected((399, 461), **spec).as_dict()],
        series,
        start=START,
        absent=[("850m", "count_over_time(ALERTS[14h])")],
    )
    promtool.test([corrected(**spec).as_dict()], series, start=START, holds=[("459m", f"count({firing()}) > bool 1")])
    # Excused an hour after it began: the page ends at once, and so does every longer window.
    late = known_later(corrected((400, 460), **spec), 450)
    promtool.test(
        [late],
        series,
        start=START,
        holds=[("449m", f"count({firing()}) > bool 1"), ("475m", near("slo:burn_rate:6h", 0))],
        absent=[("452m", firing()), ("470m", firing()), ("850m", firing())],
    )
    burned = [Part(400, 600, 0), Part(30, 0, 600), Part(30, 600, 0), Part(120, 600, 0)]
    promtool.test(
        [corrected((430, 460), **spec).as_dict()],
        counters(burned, 60),
        start=START,
        holds=[
            ("429m", f"count({firing()}) > bool 1"),
            ("445m", near("slo:burn_rate:6h", 100 * 30 / 345, 0.03)),
            ("480m", near("slo:burn_rate:6h", 100 * 30 / 330, 0.03)),
        ],
    )


@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"window": "400d", "alerting": {"minimumErrors": 5, "confidence": "95"}},
        {"window": "2h", "groupBy": ["region"], "timeSlices": {"target": "95", "length": "1h"}},
        {"window": {"calendar": {"period": "Quarter", "timeZone": "Asia/Kathmandu"}}, "agreement": {"objective": "90"}},
        {
            "indicator": {
                "composite": {"mode": "Serial", "components": [{"objective": "a"}, {"objective": "b"}]},
            }
        },
    ],
)
def test_prometheus_loads_rules_with_as_many_corrections_as_there_may_be(
    promtool: Promtool, spec: dict[str, Any]
) -> None:
    days = [(day * DAY + 1217, day * DAY + 1900) for day in range(-64, 64)]
    compiled = corrected(*days, **spec)
    promtool.check(compiled.as_dict())
    assert len(json.dumps(compiled.as_dict())) < 400_000, "a PrometheusRule holds 512 KiB"


def test_an_objective_without_corrections_has_the_rules_it_had() -> None:
    assert Group(objective()).rules == Group(objective(), Corrections((), at(0))).rules
    long_gone = Corrections((Occurrence(at(-400 * DAY), at(-400 * DAY + 60)),), at(0))
    assert Group(objective()).rules == Group(objective(), long_gone).rules


SPANS = st.lists(st.tuples(st.integers(0, 20_000), st.integers(1, 4_000)).map(lambda s: Occurrence(s[0], sum(s))))


@given(SPANS)
def test_stretches_hold_every_occurrence_in_order_and_apart(occurrences: list[Occurrence]) -> None:
    found = corrections.stretches(occurrences, corrections.SEAM)
    for before, after in pairwise(found):
        assert before.clear <= after.after
    for one in occurrences:
        (holds,) = [s for s in found if s.after <= one.start and one.end <= s.end]
        assert holds.until - holds.end == corrections.SEAM
    bounds = {one.start // 60 * 60 for one in occurrences}
    assert all(s.after in bounds and s.after % 60 == s.end % 60 == 0 for s in found)
