"""Our series under Sloth's names: labels, windows and figures beside those of Sloth's own rules."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import manifest
from tests.reliability.servicelevelobjective.promtool import Promtool, near

from ninefold.integrations import sloth as importer
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.recording import aliases
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.target import Target

RULES_OF_SLOTH = (Path(__file__).parents[1] / "data" / "sloth-availability.rules.yaml").read_text()
SLOTH = yaml.safe_load(RULES_OF_SLOTH)["groups"]
GOOD_SERIES = 'http_requests_total{job="checkout",code="200"}'
BAD_SERIES = 'http_requests_total{job="checkout",code="500"}'


def availability(annotations: dict[str, str] | None = None, **spec: Any) -> ServiceLevelObjective:
    made = manifest(**spec)
    made["metadata"] |= {"name": "checkout-availability", "annotations": annotations or {}}
    return ServiceLevelObjective.parse(made)


def with_aliases(slo: ServiceLevelObjective) -> dict[str, Any]:
    """The group as `--aliases sloth` makes it."""
    return Group(slo, aliases=True).as_dict()


def alone(slo: ServiceLevelObjective) -> list[dict[str, Any]]:
    """The aliases without the rest of the group."""
    return [*aliases.sloth(Target.of(slo), slo.metadata.annotations, Group(slo).rules)]


def records(slo: ServiceLevelObjective) -> dict[str, dict[str, Any]]:
    return {rule["record"]: rule for rule in alone(slo)}


def test_every_series_of_sloth_is_there_with_its_labels() -> None:
    ours = records(availability())
    theirs = {rule["record"]: rule for group in SLOTH for rule in group["rules"] if "record" in rule}
    assert ours.keys() == theirs.keys()
    for name, rule in theirs.items():
        if name != "sloth_slo_info":
            assert ours[name]["labels"] == rule["labels"]
    info = ours["sloth_slo_info"]["labels"]
    assert info.keys() == theirs["sloth_slo_info"]["labels"].keys()
    assert info["sloth_objective"] == "99.9"


@pytest.mark.parametrize("share", [0.5, 0.003])
def test_figures_are_those_of_sloth_where_traffic_is_even(promtool: Promtool, share: float) -> None:
    """With uneven traffic Sloth's mean of ratios differs from a share of events; tests of the compiler cover that."""
    bad = 60_000 * share
    # Of other labels, so that the two can be told apart.
    sloth = yaml.safe_load(RULES_OF_SLOTH.replace("sloth_", "their_"))["groups"]
    names = [name for name in records(availability()) if name != "sloth_slo_info"]
    promtool.test(
        [*sloth, with_aliases(availability())],
        {GOOD_SERIES: f"0+{60_000 - bad}x480", BAD_SERIES: f"0+{bad}x480"},
        holds=[
            ("8h", f'abs(sum({name}{{sloth_id!=""}}) / sum({name}{{their_id!=""}}) - 1) <= bool 1e-3') for name in names
        ],
    )


def test_our_own_objective_is_still_found_by_our_label(promtool: Promtool) -> None:
    promtool.test(
        [with_aliases(availability(window="1d"))],
        {GOOD_SERIES: "0+540x200", BAD_SERIES: "0+60x200"},
        holds=[
            ("3h", 'count(slo:objective:ratio{slo_id="shop/checkout-availability"}) == bool 1'),
            ("3h", 'count(slo:objective:ratio{slo_id=""}) == bool 1'),
            ("3h", near('slo:period_burn_rate:ratio{sloth_slo="availability"}', 100, 0.01)),
        ],
    )


def test_idle_has_no_ratio_and_no_budget(promtool: Promtool) -> None:
    promtool.test(
        [with_aliases(availability(window="1d"))],
        {GOOD_SERIES: "5x300"},
        holds=[("4h", near("slo:error_budget:ratio", 0.001)), ("4h", "slo:time_period:days == bool 1")],
        absent=[("4h", '{__name__=~"slo:sli_error:.*|slo:(current|period)_burn_rate:ratio"}')],
    )


@pytest.mark.parametrize(
    ("window", "period"),
    [("30d", "30d"), ("4w", "4w"), ("90d", "90d"), ("7d", "1w"), ("36h", "1d12h"), ("90m", "1h30m")],
)
def test_the_period_is_spelled_as_sloth_spells_it(window: str, period: str) -> None:
    rule = records(availability(window=window))[f"slo:sli_error:ratio_rate{period}"]
    assert rule["labels"]["sloth_window"] == period


def test_a_period_that_is_also_a_window_is_there_once() -> None:
    slo = availability(window="3d")
    rules = [rule for rule in alone(slo) if rule["record"] == "slo:sli_error:ratio_rate3d"]
    assert [rule["expr"] for rule in rules] == [
        'sum without (slo_id) (slo:error_ratio:window{slo_id="shop/checkout-availability"})'
    ]


@given(st.integers(1, 9600).map("{}h".format), st.sampled_from(["99.9", "50", "99.99999"]))
def test_aliases_read_only_what_the_group_records(window: str, objective: str) -> None:
    slo = availability(window=window, objective=objective)
    recorded = {rule["record"] for rule in Group(slo).rules if "record" in rule}
    names = [rule["record"] for rule in alone(slo)]
    assert len(names) == len(set(names))
    for rule in alone(slo):
        promql_parser.walk(promql_parser.parse(rule["expr"]), lambda node: _is_in(node, recorded))


def _is_in(node: promql_parser.Expr, recorded: set[str]) -> bool:
    assert not isinstance(node, promql_parser.VectorSelector) or node.name in recorded
    return True


def test_prometheus_loads_them_without_a_complaint(promtool: Promtool) -> None:
    promtool.check(with_aliases(availability()))
    promtool.check(with_aliases(availability(window="1h")))


def test_names_of_sloth_that_kubernetes_does_not_take_are_kept_by_the_import() -> None:
    assert (aliases.SERVICE, aliases.SLO) == (importer.SERVICE, importer.SLO)
    slo = availability({aliases.SERVICE: "Check out", aliases.SLO: "5xx/all"})
    labels = records(slo)["slo:objective:ratio"]["labels"]
    assert labels == {"sloth_id": "Check out-5xx/all", "sloth_service": "Check out", "sloth_slo": "5xx/all"}
