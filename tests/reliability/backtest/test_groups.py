"""Whole groups, as the compiler makes them: every recording and every alert as Prometheus has it, step by step."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from tests.builders import servicelevelobjective as objectives
from tests.reliability.backtest.histories import grounded, traffic
from tests.reliability.backtest.oracle import agrees, grid, group, rule, series, simulated
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.reliability.backtest.grid import CannotEvaluate
from ninefold.reliability.backtest.rulefile import Library, parse

AT = grid(480)
HOLD = {"burnRate": "5", "long": "1h", "short": "5m", "severity": "Page", "for": "10m"}
SLOW = {"burnRate": "1", "long": "6h", "short": "30m", "severity": "Ticket"}


@pytest.mark.slow
@pytest.mark.parametrize(
    "spec",
    [
        {},
        {"window": "1h"},
        {"window": "5h", "objective": "99"},
        {"window": "8h", "objective": "99.5"},
        {"window": "1d", "alerting": {"minimumErrors": 30}},
        {"window": "12h", "alerting": {"tiers": [HOLD, SLOW]}},
        {"window": "1d", "indicator": {"latency": {"histogram": "duration_seconds", "threshold": "300ms"}}},
        {"window": "1d", "indicator": {"boolean": {"selector": "up"}}},
        {"window": "1d", "indicator": {"ratio": {"good": "good_total", "total": "all_total"}}},
        {"window": "12h", "groupBy": ["region"]},
        {"window": {"calendar": {"period": "Month", "timeZone": "Europe/Paris"}}},
        {"window": "12h", "timeSlices": {"target": "99"}},
        {"window": "12h", "alerting": {"confidence": "95", "minimumErrors": 20}},
        {"window": "12h", "agreement": {"objective": "99", "window": {"calendar": {"period": "Week"}}}},
    ],
)
@settings(max_examples=2)
@given(data=st.data())
def test_what_an_objective_records_and_alerts_is_what_prometheus_does(
    spec: dict[str, Any], data: st.DataObject
) -> None:
    regions = ("eu", "us") if "groupBy" in spec else ("",)
    of = {region: data.draw(traffic(AT.count)) for region in regions}
    groups, history = grounded([objectives.group(**spec).as_dict()], of)
    with tempfile.TemporaryDirectory() as directory:
        agrees(Promtool(binary("promtool"), Path(directory)), groups, AT, history)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["Serial", "Parallel", "Weighted"])
@settings(max_examples=1)
@given(data=st.data())
def test_what_a_composite_records_and_alerts_is_what_prometheus_does(mode: str, data: st.DataObject) -> None:
    """In one group, since promtool evaluates those of a file in any order."""
    parts = [{"objective": name} for name in ("a", "b")]
    composite = {"indicator": {"composite": {"mode": mode, "components": parts}}}
    made = [objectives.group(name, window="12h") for name in ("a", "b")]
    made.append(objectives.group("whole", window="12h", **composite))
    rules = [rule for each in made for rule in each.rules]
    groups, history = grounded([{"name": "one", "rules": rules}], {"": data.draw(traffic(AT.count))})
    with tempfile.TemporaryDirectory() as directory:
        agrees(Promtool(binary("promtool"), Path(directory)), groups, AT, history)


@settings(max_examples=2)
@given(data=st.data())
def test_a_group_that_is_made_of_others_reads_what_they_have_just_recorded(data: st.DataObject) -> None:
    """As a composite does: the error ratio of each component, and the product of what went well."""
    of = {"": data.draw(traffic(AT.count))}
    ids = ("shop/a", "shop/b")
    parts = [
        group(
            rule("slo:events:rate5m", f"sum(rate({name}_total[5m]))", slo_id=slo_id),
            rule("slo:errors:rate5m", f"sum(rate({name}_bad[5m]))", slo_id=slo_id),
            name=name,
        )
        for name, slo_id in zip("ab", ids, strict=True)
    ]
    errors, events = (f'sum(slo:{what}:rate5m{{slo_id="{{}}"}})' for what in ("errors", "events"))
    ratio = f"{errors} / ({events} > 0) or {events} * 0"
    share = "slo:component:error_ratio"
    whole = group(
        *(rule(share, ratio.replace("{}", slo_id), slo_id="shop/whole", component=slo_id) for slo_id in ids),
        rule(
            "slo:whole",
            f'1 - (1 - {share}{{component="{ids[0]}"}}) * ignoring (component) (1 - {share}{{component="{ids[1]}"}})',
        ),
        rule("slo:blame", f"{share} * on (slo_id) group_left () (slo:whole / (sum by (slo_id) ({share}) > 0))"),
        name="whole",
    )
    groups, history = grounded([*parts, whole], of)
    with tempfile.TemporaryDirectory() as directory:
        made = agrees(Promtool(binary("promtool"), Path(directory)), groups, AT, history)
    assert made.named("slo:blame")


def test_for_and_keep_firing_for(promtool: Promtool) -> None:
    flapping = [None, 1, None, 1, 1, 1, 1, None, None, 1, 1, None, None, None, 1, 1, 1, 1, 1, None, 1, None, None, None]
    history = dict([series("bad", flapping * 4, region=region) for region in ("eu", "us")])
    common = {"expr": "bad", "labels": {"where": "{{ $labels.region }}", "severity": "page"}}
    alerts = [
        {"alert": f"A{hold}{keep}", "for": f"{hold}s", "keep_firing_for": f"{keep}s", **common}
        for hold in (0, 60, 90, 150, 240)
        for keep in (0, 60, 90, 120, 300)
    ]
    agrees(promtool, [group(*alerts, rule("seen", 'count(ALERTS{alertstate="firing"})'))], grid(96), history)


def test_labels_of_a_rule_replace_those_of_a_series(promtool: Promtool) -> None:
    rules = [rule("r", "a", l="", k="v"), rule("s", 'sum by (k) (r{k="v"})', m="n"), rule("s", "a", m="x")]
    agrees(promtool, [group(*rules)], grid(10), dict([series("a", range(10), l="1")]))


def test_a_group_comes_after_those_that_it_reads() -> None:
    def made(name: str, expression: str) -> Any:
        return parse(group(rule(f"slo:{name}", expression, slo_id=name)))

    base, middle, top = made("a", "raw"), made("b", 'slo:a{slo_id="a"}'), made("c", "slo:b + slo:a")
    stranger = made("d", 'slo:a{slo_id="other"}')
    library = Library([top, stranger, middle, base])
    assert library.needed(top) == [base, middle]
    assert library.needed(stranger) == []
    again = made("c", 'slo:b{slo_id="b"}')
    assert library.needed(again, instead_of=top) == [base, middle]


@pytest.mark.parametrize(
    ("groups", "words"),
    [
        ([group(rule("a", "b")), group(rule("b", "a"))], "in a circle"),
        ([group(rule("a", "b offset 1h"), rule("b", "vector(1)"))], "a reads b, which is recorded after it"),
        ([group(rule("a", "a offset 1h"))], "a reads a, which is recorded after it"),
    ],
)
def test_rules_that_wait_for_each_other_are_refused(groups: list[dict[str, Any]], words: str) -> None:
    parsed = [parse(each) for each in groups]
    with pytest.raises(CannotEvaluate, match=words):
        Library(parsed).needed(parsed[0])


def test_a_series_that_two_rules_record_is_refused() -> None:
    with pytest.raises(CannotEvaluate, match="r: recording yields two series"):
        simulated([group(rule("r", "vector(1)"), rule("r", "vector(2)"))], grid(5), {})
