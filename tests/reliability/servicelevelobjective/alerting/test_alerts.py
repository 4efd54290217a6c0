"""What alerts are called and say: by severity, with links, and with templates that Prometheus itself expands."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from tests.builders.servicelevelobjective import group, objective
from tests.reliability.servicelevelobjective.promtool import Promtool

from devcluster.binaries import binary
from ninefold.kube.errors import Stalled
from ninefold.reliability.servicelevelobjective.alerting.solver import tiers
from ninefold.reliability.servicelevelobjective.fields import TemplateText

GOOD_SERIES = 'http_requests_total{job="checkout",code="200"}'
BAD_SERIES = 'http_requests_total{job="checkout",code="500"}'
ADDRESS = "https://runbooks.example.com/checkout"


def alerts(**alerting: Any) -> dict[str, dict[str, Any]]:
    """The fastest alert of each severity."""
    found: dict[str, dict[str, Any]] = {}
    for rule in group(alerting=alerting).rules:
        if "alert" in rule:
            found.setdefault(rule["labels"]["severity"], rule)
    return found


def test_each_severity_has_a_name_labels_annotations_and_a_runbook_of_its_own() -> None:
    found = alerts(
        name="Checkout: availability",
        labels={"team": "shop", "rota": "days"},
        annotations={"note": "all"},
        runbook="wiki",
        page={"labels": {"rota": "nights"}, "annotations": {"note": "page"}, "runbook": ADDRESS},
        ticket={"name": "CheckoutSlowBurn", "labels": {"slack_channel": "#shop"}},
    )
    page, ticket = found["page"], found["ticket"]
    assert (page["alert"], ticket["alert"]) == ("Checkout: availability", "CheckoutSlowBurn")
    assert [page["labels"].get(name) for name in ("team", "rota", "slack_channel")] == ["shop", "nights", None]
    assert [ticket["labels"].get(name) for name in ("team", "rota", "slack_channel")] == ["shop", "days", "#shop"]
    assert [page["annotations"].get(name) for name in ("note", "runbook", "runbook_url")] == ["page", ADDRESS, ADDRESS]
    assert [ticket["annotations"].get(name) for name in ("note", "runbook", "runbook_url")] == ["all", "wiki", None]


def test_a_severity_can_be_left_out() -> None:
    assert set(alerts(page={"disabled": True})) == {"ticket"}
    assert set(alerts(ticket={"disabled": True})) == {"page"}
    assert alerts(page={"disabled": True}, ticket={"disabled": True}) == {}
    own = [{"burnRate": "1", "long": "3d", "short": "6h", "severity": "Ticket"}]
    assert tiers(objective(alerting={"tiers": own, "ticket": {"disabled": True}})) == []


def test_a_label_of_a_severity_does_not_hide_a_group() -> None:
    with pytest.raises(Stalled, match=r"spec\.alerting\.page\.labels: region is a label of groupBy"):
        group(groupBy=["region"], alerting={"page": {"labels": {"region": "x"}}})


def expand(promtool: Promtool, slo: dict[str, Any], series: dict[str, str], at: str) -> dict[str, str]:
    """The annotations of the fastest alert that fires at a time, as Prometheus expands them."""
    compiled = group(**slo)
    rules, test = promtool.directory / "rules.yaml", promtool.directory / "test.yaml"
    rules.write_text(yaml.safe_dump({"groups": [compiled.as_dict()]}, width=1 << 20))
    rule = next(rule for rule in compiled.rules if "alert" in rule)
    # promtool says what it got where that is not what was expected.
    expected = [{"eval_time": at, "alertname": rule["alert"], "exp_alerts": [{"exp_labels": {"none": "such"}}]}]
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    tests = [{"interval": "1m", "input_series": inputs, "alert_rule_test": expected}]
    test.write_text(
        yaml.safe_dump({"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}, width=1 << 20)
    )
    with pytest.raises(AssertionError) as words:
        promtool.run("test", "rules", test)
    got = str(words.value).partition("got:")[2]
    texts = re.search(r'burn_rank="1".*?Annotations:\{(.*?)\}\n', got, re.DOTALL)
    assert texts, got
    return {name: json.loads(f'"{text}"') for name, text in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', texts[1])}


def _outage(good: int, bad: int) -> dict[str, str]:
    return {
        GOOD_SERIES: f"0+600x{good} {600 * good}x{bad}",
        BAD_SERIES: f"1000x{good} 1600+600x{bad}",
    }


@pytest.mark.parametrize(
    ("window", "good", "bad", "said"),
    [
        # Early in its life an objective has measured little, so that a short outage is more than its budget.
        ("30d", 70, 4, "it is spent"),
        ("1h", 70, 1, "it is spent"),
    ],
)
def test_the_time_to_exhaustion_says_something_however_early(
    promtool: Promtool, window: str, good: int, bad: int, said: str
) -> None:
    texts = expand(promtool, {"window": window}, _outage(good, bad), f"{good + bad}m")
    assert texts["time_to_exhaustion"] == said
    assert texts["budget_left"].startswith("-")


def test_the_time_to_exhaustion_is_a_time_where_there_is_one(promtool: Promtool) -> None:
    spec = {"objective": "90", "window": "6h"}
    texts = expand(promtool, spec, _outage(300, 12), "312m")
    assert re.fullmatch(r"([0-9]+h )?[0-9]+m [0-9]+s", texts["time_to_exhaustion"]), texts
    assert texts["budget_left"].endswith("%")


def test_annotations_show_the_labels_that_the_alert_carries(promtool: Promtool) -> None:
    """To Prometheus `$labels` are those of the series; what the rule adds would be empty."""
    note = "{{ $labels.slo_id }} {{$labels.team}} {{ $labels.severity }} {{ $labels.nothing }}"
    spec = {"alerting": {"labels": {"team": "shop"}, "page": {"annotations": {"note": note}}}}
    assert expand(promtool, spec, _outage(70, 4), "74m")["note"] == "shop/checkout shop page "


_TEXT = TypeAdapter(TemplateText)
_ACCEPTED = ["{{ $value }}", "{{$value}}", "{{ $labels.a | humanize }}", "{{  $value|humanizeDuration  }}"]
_ODD = ["{", "}", "}}", "{{", "$", "|", "`", '"', "\\", "\n", " ", "a", "é", "%", "{{ end }}", "{{/* x */}}", "{{-"]
_PIECES = st.sampled_from([*_ACCEPTED, "{{ $externalLabels.b }}", *_ODD])


@settings(max_examples=5)
@given(st.lists(st.lists(_PIECES, max_size=6).map("".join), min_size=40, max_size=40))
def test_every_template_that_is_accepted_is_one_to_prometheus(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str]
) -> None:
    accepted = []
    for text in texts:
        try:
            accepted.append(_TEXT.validate_python(text))
        except ValidationError:
            continue
    rules = [
        {"alert": "a", "expr": "up", "annotations": {"t": text}, "labels": {"n": str(n)}}
        for n, text in enumerate(accepted)
    ]
    Promtool(binary("promtool"), tmp_path_factory.mktemp("texts")).check({"name": "g", "rules": rules})
