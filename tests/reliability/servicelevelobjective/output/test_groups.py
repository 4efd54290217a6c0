"""The rules of an objective in groups of limited length and in objects of limited size, and a fleet of such objects."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.builders.servicelevelobjective import group, manifest, objective
from tests.integrations.server import PrometheusServer
from tests.processes import wait_for
from tests.reliability.servicelevelobjective.promtool import Promtool, firing, near
from tests.reliability.servicelevelobjective.test_rules import outage
from tests.web import plain

from devcluster.waiting import patient
from ninefold.kube import yamltext
from ninefold.kube.api import Manifest
from ninefold.kube.errors import Stalled
from ninefold.kube.promqltext import DEEPEST
from ninefold.reliability.servicelevelobjective.output import groups, size
from ninefold.reliability.servicelevelobjective.output.manifests import Output, render
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

SHAPES: list[dict[str, Any]] = [
    {},
    {"window": "6h"},
    {"window": {"calendar": {"period": "Month"}}, "groupBy": ["region"]},
    {"alerting": {"minimumErrors": 5, "confidence": "95"}},
    {"alerting": {"disabled": True}},
]


@pytest.mark.parametrize("spec", SHAPES)
@pytest.mark.parametrize("most", [1, 3, 8, 20, 28, 100])
def test_groups_are_short_enough_and_hold_every_rule_in_order(spec: dict[str, Any], most: int) -> None:
    whole = group(**spec)
    parts = groups.split(whole, most)
    assert [rule for part in parts for rule in part["rules"]] == whole.rules
    assert all(0 < len(part["rules"]) <= most for part in parts)
    assert [part["name"] for part in parts] == groups.names(whole, most)
    assert parts[0]["name"] == "ninefold/shop/checkout"
    assert parts[1:] == [] or parts[1]["name"] == "ninefold/shop/checkout/2"


@pytest.mark.parametrize("most", [8, 20])
def test_an_alert_stays_beside_the_others(most: int) -> None:
    parts = groups.split(group(), most)
    assert sum(any("alert" in rule for rule in part["rules"]) for part in parts) == 1
    # The usual objective needs no third group at Mimir's limit.
    assert len(groups.split(group(), 20)) == 2


def test_an_edit_leaves_the_groups_before_it_as_they_are() -> None:
    before = groups.split(group(), 8)
    alerts = groups.split(group(alerting={"labels": {"team": "shop"}}), 8)
    changed = [old["name"] for old, new in zip(before, alerts, strict=True) if old != new]
    # slo:info tells the revision: it is the last of the recordings.
    assert changed == [part["name"] for part in before[-2:]]


def test_split_groups_record_and_fire_as_one_does(promtool: Promtool) -> None:
    whole = group(window="1d")
    same = (
        near('slo:burn_rate:5m{slo_id="shop/checkout"}', 1000),
        "slo:error_ratio:window > bool 0.1",
        f"count({firing()}) > bool 1",
    )
    for parts in ([whole.as_dict()], groups.split(whole, 5)):
        promtool.check(*parts)
        promtool.test(parts, outage(120, 20, 60), holds=[("139m", expression) for expression in same])


def _rendered(slo: ServiceLevelObjective, output: Output) -> tuple[Any, Stalled | None]:
    """The rule file of an objective, or why there is none."""
    try:
        (made,) = render(slo, output)
    except Stalled as stalled:
        return None, stalled
    return made["spec"], None


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="{"), max_size=1024)
"""Whatever may stand in labels and annotations, at any length."""


@st.composite
def large(draw: st.DrawFn) -> ServiceLevelObjective:
    """Specs at the bounds of the schema: labels, tiers, components, expressions."""
    filler = draw(st.sampled_from(["x", "é", "語", "\U0001f600", "\t", '"', "\n"]))
    length = draw(st.sampled_from([1, 100, 1024]))
    count = draw(st.integers(0, 16))
    text = draw(TEXT)
    labels = {f"l{'n' * draw(st.sampled_from([0, 100]))}{number}": filler * length for number in range(count)}
    annotations = {f"a{number}": text for number in range(draw(st.integers(0, 16)))}
    tiers = [
        {"burnRate": str(rate), "long": f"{rate * 5}h", "short": "5m", "severity": "Page"}
        for rate in range(1, draw(st.integers(2, 9)))
    ]
    depth = draw(st.sampled_from([1, DEEPEST]))
    names = [f"{'c' * draw(st.sampled_from([1, 200]))}{number}" for number in range(16)]
    indicator = draw(
        st.sampled_from(
            [
                {"ratio": {"bad": f"b[{'$window'}]".join(["sum(rate(", "))"]), "total": "t" * 4096}},
                {"gauge": {"query": "(" * depth + "up" + ")" * depth, "badAbove": "1"}},
                {"composite": {"mode": "Weighted", "components": [{"objective": name} for name in names]}},
            ]
        )
    )
    alerting = {"labels": labels, "annotations": annotations, "tiers": tiers, "minimumErrors": 5, "confidence": "95"}
    return objective(objective="99.9", indicator=indicator, alerting=alerting, groupBy=["region", "zone"])


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(large(), st.sampled_from([None, 20]))
@pytest.mark.slow
def test_no_object_is_too_large_whatever_the_spec(slo: ServiceLevelObjective, most: int | None) -> None:
    (file, refused) = _rendered(slo, Output(rules_per_group=most))
    if refused:
        assert (refused.reason, "shorten" in refused.message) == ("TooLarge", True)
        return
    written = (
        yamltext.document(file),
        yaml.safe_dump(file),
        yaml.safe_dump(file, allow_unicode=True),
        yaml.safe_dump(file, width=80, indent=4),
        json.dumps(file),
    )
    assert max(len(text.encode()) for text in written) <= size.LIMIT


def test_all_that_the_schema_allows_in_plain_text_fits() -> None:
    texts = {f"label{number}": "x" * 1000 for number in range(14)}
    tiers = [{"burnRate": str(rate), "long": f"{rate}h", "short": "5m", "severity": "Page"} for rate in range(9, 1, -1)]
    tiers[-1] = {"burnRate": "1", "long": "3d", "short": "6h", "severity": "Ticket"}
    alerting = {"labels": texts, "annotations": texts, "tiers": tiers}
    assert render(objective(indicator={"ratio": {"bad": "b" * 4096, "total": "t" * 4096}}, alerting=alerting), Output())


def test_what_is_too_large_is_named() -> None:
    emoji = {f"label{number}": "\U0001f600" * 1024 for number in range(16)}
    with pytest.raises(Stalled, match=r"accepts no file above 512: shorten spec\.alerting\.annotations") as stalled:
        render(objective(alerting={"annotations": emoji}), Output())
    assert stalled.value.reason == "TooLarge"


FLEET = 1_000


def _fleet(*slos: ServiceLevelObjective) -> dict[str, Manifest]:
    return {made["metadata"]["name"]: made for slo in slos for made in render(slo, Output(rules_per_group=20))}


def test_adding_editing_or_deleting_one_of_a_thousand_rewrites_one_object() -> None:
    def one(number: int, target: str = "99.9") -> ServiceLevelObjective:
        made = manifest(f"slo-{number}", objective=target)
        return ServiceLevelObjective.parse(made, strict=False)

    slos = [one(number) for number in range(FLEET)]
    before = _fleet(*slos)
    assert len(before) == FLEET

    def changed(after: dict[str, Manifest]) -> set[str]:
        return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}

    assert changed(_fleet(*slos, one(FLEET))) == {f"slo-slo-{FLEET}-rules"}
    assert changed(_fleet(*slos[:500], one(500, "99.5"), *slos[501:])) == {"slo-slo-500-rules"}
    assert changed(_fleet(*slos[:500], *slos[501:])) == {"slo-slo-500-rules"}


def test_prometheus_spreads_the_evaluations_of_many_groups(tmp_path: Path) -> None:
    """Over the interval, by a hash of file and group: nothing of ours has to."""
    interval, count, slots = 10, 200, 5
    rules = group(window="6h").rules
    made = [{"name": f"ninefold/shop/slo-{each}", "interval": f"{interval}s", "rules": rules} for each in range(count)]
    with PrometheusServer(tmp_path) as server:
        server.load(*made)
        seen = wait_for("all groups to be evaluated", lambda: _evaluations(server.url, count), 60)
    phases = [at.timestamp() % interval for at in seen]
    held = [sum(int(phase / interval * slots) == slot for phase in phases) for slot in range(slots)]
    assert min(held) >= count / slots / 4, held


def _evaluations(url: str, count: int) -> list[datetime]:
    """When each group was evaluated last; none before all were."""
    answer = plain.get(f"{url}/api/v1/rules", timeout=patient(5)).raise_for_status().json()
    found = [datetime.fromisoformat(group["lastEvaluation"]) for group in answer["data"]["groups"]]
    evaluated = [at for at in found if at.year > 1]
    return evaluated if len(evaluated) == count else []


@pytest.mark.parametrize("text", ["\t" * 1000, "\t " * 500, "a b " * 250, "\N{NEXT LINE}" * 1000, '"' * 1000])
def test_no_writer_makes_more_of_a_text_than_is_allowed_for(text: str) -> None:
    # No object twice: YAML would refer to it.
    rules = [{"alert": "x", "expr": "1", "labels": {f"l{label}": text for label in range(10)}} for _ in range(20)]
    file = {"groups": [{"name": "g", "rules": rules}]}
    written = (yaml.safe_dump(file, width=80, indent=4), yaml.safe_dump(file, allow_unicode=True))
    assert max(len(each.encode()) for each in written) <= size.written(file)
