"""The compiler as a function: what it writes, what it refuses, and what holds for every objective."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import BAD, TOTAL, expression, group, objective

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.alerting.tiers import SEVERITIES
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.output.manifests import RULES_LABEL, Output, render
from ninefold.reliability.servicelevelobjective.recording.series import STEP

GOLDEN = Path(__file__).parent / "data" / "checkout.rules.yaml"


def test_the_rules_of_the_usual_objective_are_as_reviewed() -> None:
    """Where a change of them is meant: write the file anew from `group().as_dict()` and read the difference."""
    assert group().as_dict() == yaml.safe_load(GOLDEN.read_text())


@pytest.mark.parametrize(
    ("indicator", "sentence"),
    [
        ({"ratio": {"bad": "x{", "total": "t"}}, "spec.indicator.ratio.bad: this is not PromQL: unexpected end"),
        ({"ratio": {"bad": "sum(rate(x[5m]))", "total": "t"}}, "spec.indicator.ratio.bad: write a selector such as"),
        ({"ratio": {"bad": "b", "total": "t offset 5m"}}, "spec.indicator.ratio.total: leave out offset and @"),
        ({"ratio": {"bad": "b", "total": "t @ end()"}}, "leave out offset and @"),
        ({"ratio": {"bad": "b", "total": "scalar(sum(rate(x[$window])))"}}, "this is not PromQL: expected type vector"),
        ({"ratio": {"bad": "b", "total": "rate(x[$windows])"}}, "this is not PromQL"),
        ({"ratio": {"bad": "b", "total": "t[5m]) or vector(1) #"}}, "this is not PromQL"),
        ({"ratio": {"bad": "b", "total": "nosuch(x[$window])"}}, "unknown function"),
        ({"boolean": {"selector": "avg(up)"}}, "spec.indicator.boolean.selector: write a selector"),
        ({"latency": {"histogram": "h_bucket", "threshold": "1s"}}, "write h, without _bucket"),
        ({"latency": {"histogram": 'h{le="1"}', "threshold": "1s"}}, "leave out le"),
        ({"latency": {"histogram": '{job="x"}', "threshold": "1s"}}, "begin with the name of the histogram"),
        ({"latency": {"histogram": '{"http.time"}', "threshold": "1s"}}, "in quotes write indicator.ratio with its"),
    ],
)
def test_what_is_no_promql_for_its_place_is_refused(indicator: dict[str, Any], sentence: str) -> None:
    with pytest.raises(Stalled) as refused:
        group(indicator=indicator)
    assert refused.value.reason == "InvalidPromQL"
    assert sentence in refused.value.message


def test_a_comment_cannot_swallow_the_rule() -> None:
    compiled = group(indicator={"ratio": {"bad": f"{BAD} # all of them", "total": TOTAL}})
    assert "#" not in expression(compiled, "slo:counted:rate5m")


def _selector(text: str) -> promql_parser.VectorSelector:
    parsed = promql_parser.parse(text)
    assert isinstance(parsed, promql_parser.VectorSelector)
    return parsed


@pytest.mark.parametrize(
    "written",
    [
        't{x="]) # \\" }"}',
        't{path=~"/v\\\\d+/.*",x!~"a|b",y!="\\t"}',
        't{x="`"}',
        '{__name__=~"http.+",job="checkout"}',
    ],
)
def test_a_selector_keeps_its_meaning_and_stays_within_its_brackets(written: str) -> None:
    compiled = group(indicator={"ratio": {"bad": "bad", "total": written}})
    inner = expression(compiled, "slo:events:rate5m").removeprefix("sum(rate(").removesuffix("[5m]))")
    before, after = (
        sorted((each.name, str(each.op), each.value) for each in _selector(text).matchers.matchers)
        for text in (written, inner)
    )
    assert before == after


def test_promql_with_a_window_keeps_its_meaning() -> None:
    written = (
        'rate(a{x="\\\\"}[$window]) or rate(b[$window] offset 5m) * on (i) group_left (c) d '
        "or avg_over_time(e[$window:1m])"
    )
    compiled = group(indicator={"ratio": {"bad": "bad", "total": written}})
    printed = expression(compiled, "slo:events:rate5m").removeprefix("sum(").removesuffix(") >= 0")
    assert promql_parser.parse(printed).prettify() == promql_parser.parse(written.replace("$window", "5m")).prettify()


@pytest.mark.parametrize(
    ("threshold", "bound"),
    [("300ms", r"0\\.3"), ("1s", r"1(\\.0)?"), ("2.50s", r"2\\.5"), ("1m", r"60(\\.0)?"), ("250", r"250(\\.0)?")],
)
def test_a_threshold_becomes_the_bound_of_a_bucket(threshold: str, bound: str) -> None:
    compiled = group(indicator={"latency": {"histogram": 'h{a="b"}', "threshold": threshold}})
    assert f'h_bucket{{a="b",le=~"{bound}"}}' in expression(compiled, "slo:counted:rate5m")


@pytest.mark.parametrize(
    ("window", "target", "expected"),
    [
        ("30d", "99.9", ["14.4x/1h page", "6x/6h page", "3x/1d ticket", "1x/3d ticket"]),
        ("7d", "99.9", ["14.4x/15m page", "6x/85m page", "3x/335m ticket", "1x/1010m ticket"]),
        ("90d", "99.9", ["14.4x/3h page", "6x/18h page", "3x/3d ticket", "1x/9d ticket"]),
        # Nothing is finer than 5 minutes, and a page must come before half the budget has gone.
        ("1h", "99.9", ["6x/5m page", "1x/5m ticket"]),
        # 14.4 would be an error ratio of 144 %.
        ("30d", "90", ["9x/95m page", "6x/6h page", "3x/1d ticket", "1x/3d ticket"]),
    ],
)
def test_default_tiers_follow_the_window_and_the_objective(window: str, target: str, expected: list[str]) -> None:
    found = tiers(objective(window=window, objective=target))
    assert [f"{tier.name} {tier.severity.lower()}" for tier in found] == expected


@pytest.mark.parametrize(
    ("target", "tier", "sentence"),
    [
        ("90", {"burnRate": "14.4", "long": "1h"}, "can never be exceeded: at 90 % a total outage burns 10.00x"),
        ("90", {"burnRate": "10", "long": "1h"}, "write a burnRate below 10.00"),
        ("99.9", {"burnRate": "2", "long": "31d"}, "longer than the objective's, 30d"),
    ],
)
def test_a_tier_that_cannot_fire_is_refused(target: str, tier: dict[str, str], sentence: str) -> None:
    wrong = {"short": "5m", "severity": "Page", **tier}
    with pytest.raises(Stalled) as refused:
        group(objective=target, alerting={"tiers": [wrong]})
    assert refused.value.reason == "ImpossibleAlert"
    assert sentence in refused.value.message
    assert refused.value.message.startswith("spec.alerting.tiers[0]: ")


SLOW = {"burnRate": "1", "long": "3d", "short": "6h", "severity": "Ticket"}


@pytest.mark.parametrize(
    ("own", "reason", "sentence"),
    [
        ([{**SLOW, "burnRate": "3"}], "SilentBurn", "a constant burn of up to 3x would spend the whole budget"),
        ([{**SLOW, "burnRate": "1.1"}], "SilentBurn", '{burnRate: "1", long: 3d, short: 6h, severity: Ticket}'),
        ([SLOW, SLOW], "DuplicateTier", "tiers[1]: spec.alerting.tiers[0] fires whenever this one does"),
        (
            [{**SLOW, "burnRate": "2"}, {**SLOW, "severity": "Page"}],
            "DuplicateTier",
            "tiers[0]: spec.alerting.tiers[1] fires whenever this one does",
        ),
    ],
)
def test_tiers_that_see_too_little_or_say_the_same_are_refused(
    own: list[dict[str, str]], reason: str, sentence: str
) -> None:
    with pytest.raises(Stalled) as refused:
        group(alerting={"tiers": own})
    assert refused.value.reason == reason
    assert sentence in refused.value.message


def test_own_tiers_are_taken_as_written() -> None:
    own = [
        {"burnRate": "1", "long": "3d", "short": "6h", "severity": "Ticket"},
        {"burnRate": "2.50", "long": "2h", "short": "10m", "severity": "Ticket", "for": "5m"},
    ]
    compiled = group(alerting={"tiers": own, "labels": {"team": "shop"}, "runbook": "checkout-errors"})
    alert, slow = [rule for rule in compiled.rules if "alert" in rule]
    assert (alert["labels"]["burn_rank"], slow["labels"]["burn_rank"]) == ("1", "2"), "the fastest first"
    assert alert["for"] == "5m"
    assert alert["labels"]["burn_tier"] == "2.5x/2h"
    assert alert["labels"]["team"] == "shop"
    assert alert["annotations"]["runbook"] == "checkout-errors"


_PERCENT = st.decimals(min_value="0.0000001", max_value="99.9999999", places=7).map(lambda value: f"{value:f}")
_WINDOW = st.one_of(
    st.integers(60, 6000).map("{}m".format),
    st.integers(1, 9600).map("{}h".format),
    st.integers(1, 400).map("{}d".format),
)


@given(target=_PERCENT, window=_WINDOW)
def test_default_tiers_can_all_fire_and_leave_no_burn_unseen(target: str, window: str) -> None:
    slo = objective(objective=target, window=window)
    found, budget = tiers(slo), 1 - slo.objective
    assert all(tier.burn_rate * budget < 1 for tier in found)
    assert all(tier.burn_rate >= 1 for tier in found), "an objective that is being met raises no alert"
    assert min(tier.burn_rate for tier in found) == 1, "no burn above 1 goes unseen"
    for tier in found:
        assert STEP <= tier.short <= tier.long <= slo.window
        assert tier.long % STEP == tier.short % STEP == 0
        assert tier.burn_rate == 1 or tier.burn_rate * tier.long <= Decimal("0.5") * slo.window
        assert not any(other is not tier and other.covers(tier) for other in found)
    assert {tier.severity for tier in found} <= set(SEVERITIES)


@given(target=_PERCENT, window=_WINDOW)
def test_every_group_parses_and_reads_only_what_it_has_recorded(target: str, window: str) -> None:
    recorded: set[str] = set()
    for rule in group(objective=target, window=window).rules:
        for selector in _selectors(promql_parser.parse(rule["expr"])):
            assert selector in recorded or selector == "http_requests_total"
        if "record" in rule:
            assert rule["record"] not in recorded
            assert rule["labels"]["slo_id"] == "shop/checkout"
            recorded.add(rule["record"])


def _selectors(parsed: promql_parser.Expr) -> list[str]:
    found: list[str] = []

    def enter(node: promql_parser.Expr) -> bool:
        if isinstance(node, promql_parser.VectorSelector):
            assert node.name
            found.append(node.name)
        return True

    promql_parser.walk(parsed, enter)
    return found


@given(target=_PERCENT)
def test_the_budget_is_printed_as_the_decimal_that_it_is(target: str) -> None:
    compiled = group(objective=target)
    printed = expression(compiled, "slo:burn_rate:5m").rsplit(" / ", 1)[1]
    assert Decimal(printed) == 1 - Decimal(target) / 100
    assert "e" not in printed.lower()


def test_the_revision_changes_with_the_rules_and_with_nothing_else() -> None:
    assert group().revision == group().revision
    assert group().revision != group(objective="99.95").revision
    assert group().revision != group(alerting={"disabled": True}).revision
    info = next(rule for rule in group().rules if rule.get("record") == "slo:info")
    assert info["labels"]["revision"] == group().revision


def test_the_output_is_one_object_that_prometheus_can_find() -> None:
    (rule,) = render(objective(), Output("PrometheusRule", {"prometheus": "k8s"}))
    assert rule["metadata"] == {"name": "slo-checkout-rules", "namespace": "shop", "labels": {"prometheus": "k8s"}}
    assert rule["spec"]["groups"] == [group().as_dict()]
    (config,) = render(objective(), Output("ConfigMap", {"a": "b"}))
    assert config["metadata"]["labels"] == {"a": "b", RULES_LABEL: "true"}
    (name, text), *more = config["data"].items()
    assert (name, more) == ("shop.checkout.rules.yaml", [])
    assert yaml.safe_load(text) == {"groups": [group().as_dict()]}


def test_a_name_that_leaves_no_room_is_refused() -> None:
    slo = objective()
    slo = slo.model_copy(update={"metadata": slo.metadata.model_copy(update={"name": "n" * 250})})
    with pytest.raises(Stalled, match="choose a name of at most 238"):
        render(slo, Output())


def test_a_quote_in_a_name_from_a_file_cannot_leave_its_selector() -> None:
    slo = objective()
    slo = slo.model_copy(update={"metadata": slo.metadata.model_copy(update={"name": 'x"} or vector(1) #'})})
    for rule in Group(slo).rules:
        promql_parser.parse(rule["expr"])


def test_durations_in_rules_are_exact() -> None:
    assert [duration(length) for length in (300, 5400, 86_400, 90_000)] == ["5m", "90m", "1d", "25h"]
