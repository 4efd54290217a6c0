"""Prometheus is asked for what was scraped, and for nothing that rules make: it may not have them yet."""

from __future__ import annotations

from typing import Any

import promql_parser
import pytest
from tests.builders import servicelevelobjective as objectives
from tests.reliability.backtest.oracle import group, rule

from ninefold.reliability.backtest.grid import CannotEvaluate
from ninefold.reliability.backtest.questions import question
from ninefold.reliability.backtest.reads import selectors
from ninefold.reliability.backtest.rulefile import Makers, parse


def questions(*rules: dict[str, Any]) -> list[str]:
    parsed = parse(group(*rules))
    asked = [question(each, Makers(parsed)) for each in parsed]
    return [text for text in asked if text is not None]


@pytest.mark.parametrize(
    ("indicator", "lengths"),
    [
        # Pages look at the last two minutes, too.
        ({"ratio": {"bad": objectives.BAD, "total": objectives.TOTAL}}, 2),
        ({"ratio": {"good": 'sum(rate(ok{a=~"\\\\d"}[$window]))', "total": objectives.TOTAL}}, 2),
        ({"latency": {"histogram": 'duration_seconds{job="a"}', "threshold": "300ms"}}, 2),
        ({"boolean": {"selector": "probe_success"}}, 1),
    ],
)
def test_an_objective_asks_for_its_two_counts_without_its_recordings(indicator: dict[str, Any], lengths: int) -> None:
    asked = questions(*objectives.group(indicator=indicator).rules)
    assert len(asked) == 2 * lengths
    names = {selector.name or "" for text in asked for selector in selectors(promql_parser.parse(text))}
    assert names
    assert not {name for name in names if name.startswith("slo:")}


def test_a_recording_is_replaced_by_what_makes_it_with_its_labels() -> None:
    (total, bad) = questions(
        rule("r", "sum(rate(a[5m]))", id="x$1"),
        rule("s", 'sum(rate(b[5m])) and on () r{id=~"x.*"}'),
        rule("t", "s + r"),
    )
    assert total == "sum(rate(a[5m]))"
    inlined = 'sum(rate(b[5m])) and on () (label_replace(sum(rate(a[5m])), "id", "x$$1", "", ""))'
    assert bad == promql_parser.parse(inlined).prettify()


def test_recordings_of_another_objective_are_not_taken_for_ones_own() -> None:
    (asked,) = questions(rule("r", "vector(1)", id="mine"), rule("s", 'r{id="theirs"} * 2'))
    assert asked == 'r{id="theirs"} * 2'


def test_several_rules_that_a_selector_finds_are_all_asked_for() -> None:
    *_, asked = questions(rule("r", "a", id="1"), rule("r", "b", id="2"), rule("s", "sum(r) + c"))
    one, two = (f'label_replace({name}, "id", "{value}", "", "")' for name, value in (("a", "1"), ("b", "2")))
    assert asked == promql_parser.parse(f"sum(({one}) or ({two})) + c").prettify()


@pytest.mark.parametrize("expression", ["a + r offset 5m", "a + sum_over_time(r[5m])", "a + r @ 5"])
def test_a_recording_of_the_past_cannot_be_asked_for(expression: str) -> None:
    with pytest.raises(CannotEvaluate, match="is recorded by a rule"):
        questions(rule("r", "vector(1)"), rule("s", expression))
