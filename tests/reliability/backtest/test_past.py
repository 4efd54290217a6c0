"""Which part of the past rules read follows from their expressions: that much is written, and it is enough."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import promql_parser
import pytest
from hypothesis import given, settings
from tests.builders import servicelevelobjective as objectives
from tests.reliability.backtest.histories import grounded, traffic
from tests.reliability.backtest.oracle import grid, group, recorded, rule, series, simulated

from ninefold.reliability.backtest.backfill import Samples, past
from ninefold.reliability.backtest.evaluate import Evaluator
from ninefold.reliability.backtest.grid import NAME, Array, Grid, Labels, Vector, labels_of, put
from ninefold.reliability.backtest.reads import Times, reads
from ninefold.reliability.backtest.recordings import Recordings
from ninefold.reliability.backtest.rulefile import parse
from ninefold.reliability.backtest.scenario import BacktestCase, Scenario
from ninefold.reliability.backtest.simulate import run

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
DAY_ONE = 2_000
"""The point at which the new Prometheus begins."""
AT = grid(DAY_ONE + 300)


OTHERS = group(
    *(rule(name, "raw") for name in "abcd"),
    rule("s", "sum_over_time((a offset 90s)[10m:5m]) + b offset 7m"),
    rule("t", "max_over_time(sum_over_time(c[20m])[1h:7m] offset 30s) + sum_over_time(d[2h:7m] offset 30s)"),
)


@pytest.mark.parametrize(
    "rules",
    [
        objectives.group(window="1h").as_dict(),
        objectives.group(window="8h").as_dict(),
        objectives.group(window="1d").as_dict(),
        objectives.group(window="1d", alerting={"minimumErrors": 5}).as_dict(),
        objectives.group(window="1d", indicator={"ratio": {"good": "good_total", "total": "all_total"}}).as_dict(),
        OTHERS,
    ],
)
@settings(max_examples=8)
@given(data=st.data())
def test_with_it_the_rules_go_on_as_if_they_had_always_run(rules: dict[str, Any], data: st.DataObject) -> None:
    groups, history = grounded([rules], {"": data.draw(traffic(AT.count))})
    always, _ = simulated(groups, AT, history)
    until = recorded(Grid(AT.start, AT.step, DAY_ONE), {labels: values[:DAY_ONE] for labels, values in history.items()})
    parsed = parse(groups[0])
    run(parsed, until, {})
    new = _begun_on_day_one(groups[0], history, until, past([parsed], until).samples)
    for made in (each for each in parsed if not each.alert):
        for labels, values in always.named(made.makes).items():
            np.testing.assert_allclose(
                new.named(made.makes)[labels][DAY_ONE:], values[DAY_ONE:], rtol=1e-9, atol=1e-12, err_msg=made.name
            )


def _begun_on_day_one(
    group: dict[str, Any], history: dict[Labels, Array], until: Recordings, samples: Samples
) -> Recordings:
    """What the rules record that find these samples of the past, and nothing else of it."""
    recordings = recorded(AT, history)
    for made in (each for each in parse(group) if not each.alert):
        now: Vector = {}
        for labels, values in Evaluator(recordings).vector(made.expression, AT).items():
            put(now, labels_of({**dict(labels), **made.labels, NAME: made.name}), values.copy(), made.name)
        for labels, values in now.items():
            values[:DAY_ONE] = np.nan
            if labels in samples:
                values[:DAY_ONE] = np.where(samples[labels], until.named(made.name)[labels], np.nan)
        recordings.add(made.name, {tuple(pair for pair in labels if pair[0] != NAME): now[labels] for labels in now})
    return recordings


def test_an_objective_of_a_month_is_read_at_full_hours_and_the_last_hours_by_the_minute() -> None:
    count = 31 * 24 * 60
    at = grid(count)
    groups, history = grounded([objectives.group().as_dict()], {"": (np.full(count, 10.0), np.full(count, 1.0))})
    recordings, _ = simulated(groups, at, history)
    samples = past([parse(groups[0])], recordings).samples
    counts = {dict(labels)[NAME]: int(points.sum()) for labels, points in samples.items()}
    assert counts["slo:events:rate1h"] == 30 * 24
    assert counts["slo:events:hour"] == 30 * 24 * 60 + 6
    assert 6 * 60 - 5 <= counts["slo:errors:rate5m"] <= 6 * 60 + 6
    assert not {"slo:info", "slo:error_ratio:window", "slo:burn_rate:1h"} & set(counts)
    hours = next(points for labels, points in samples.items() if dict(labels)[NAME] == "slo:events:rate1h")
    assert not np.any(at.times[hours] % HOUR)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("a", Times()),
        ("sum(a offset 5m) + 1", Times(back=5 * MINUTE, shift=5 * MINUTE)),
        ("sum_over_time(a[1h:1m])", Times(back=HOUR, step=MINUTE)),
        ("sum_over_time(a[1h:1m] offset 2m)", Times(back=HOUR + 2 * MINUTE, step=MINUTE)),
        ("sum_over_time((-a offset 1ms)[1h:1h])", Times(back=HOUR + 1, step=HOUR, shift=1)),
        ("sum_over_time(a[20m])", Times(back=20 * MINUTE)),
        ("max_over_time(sum_over_time(a[1h:1m])[1d:1h])", Times(back=DAY + HOUR, step=MINUTE)),
        ("max_over_time(sum_over_time(a[20m])[1d:1h])", Times(back=DAY + 20 * MINUTE)),
        ("a @ 500 offset 1m", Times(back=MINUTE, shift=MINUTE, fixed=500_000)),
        ("sum_over_time(a[1h:1m] @ 500)", Times(back=HOUR, step=MINUTE, fixed=500_000)),
    ],
)
def test_how_far_back_and_at_which_times_an_expression_reads(expression: str, expected: Times) -> None:
    ((_, times),) = reads(promql_parser.parse(expression))
    assert times == expected


def test_as_much_is_asked_for_as_values_depend_on() -> None:
    # A window of 30 days, of hourly means, of minutes.
    assert Scenario([BacktestCase(objectives.objective(), [])]).memory() == pytest.approx(
        30 * DAY + HOUR, abs=20 * MINUTE
    )
    assert Scenario([BacktestCase(objectives.objective(window="1h"), [])]).memory() < 2 * HOUR


def test_samples_are_written_as_openmetrics_with_full_precision() -> None:
    given = dict([series("a", [0.1 + 0.2, None, 3.0], l='say "\\no"')])
    recordings, _ = simulated([group(rule("r", "a"), rule("s", "sum_over_time(r[2m])"))], grid(3), given)
    found = past([parse(group(rule("r", "a"), rule("s", "sum_over_time(r[2m])")))], recordings)
    assert found.count == 2
    assert list(found.openmetrics()) == [
        'r{l="say \\"\\\\no\\""} 0.30000000000000004 1790553600.0\n',
        'r{l="say \\"\\\\no\\""} 3.0 1790553720.0\n',
    ]
