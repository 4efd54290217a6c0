"""Sloth's specifications: every field is carried or reported, and what is carried means the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.integrations.dialects import (
    damaged,
    denied,
    documents,
    leaves,
    one,
    outcome,
    pattern,
    said,
    silent,
    unreported,
)

from ninefold.integrations.sloth import recognizes, translate
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

PLAIN, CRD, WINDOWS = (documents(f"sloth-{name}.yaml") for name in ("plain", "crd", "windows"))
MAPS = ("labels", "annotations", "options", "config", "ownerReferences[]")

FIELDS_OF_AN_SLO = {
    "name",
    "description",
    "objective",
    "labels.*",
    "plugins.overridePrevious",
    "plugins.chain[].id",
    "plugins.chain[].priority",
    "plugins.chain[].config.*",
    "sli.events.errorQuery",
    "sli.events.totalQuery",
    "sli.raw.errorRatioQuery",
    "sli.plugin.id",
    "sli.plugin.options.*",
    "alerting.name",
    "alerting.labels.*",
    "alerting.annotations.*",
    *(
        f"alerting.{alert}.{field}"
        for alert in ("pageAlert", "ticketAlert")
        for field in ("disable", "labels.*", "annotations.*")
    ),
}
FIELDS = {
    "service",
    "labels.*",
    "sloPlugins.overridePrevious",
    "sloPlugins.chain[].id",
    "sloPlugins.chain[].priority",
    "sloPlugins.chain[].config.*",
    *(f"slos[].{field}" for field in FIELDS_OF_AN_SLO),
}
"""Every field of Sloth 0.16's types; the plain form spells the compound ones with underscores."""

_PLAIN_WORDS = {
    "errorQuery": "error_query",
    "totalQuery": "total_query",
    "errorRatioQuery": "error_ratio_query",
    "pageAlert": "page_alert",
    "ticketAlert": "ticket_alert",
    "sloPlugins": "slo_plugins",
}


def plain(**slo: Any) -> dict[str, Any]:
    """A specification with one SLO; `slo` replaces fields of it."""
    usual = {
        "name": "availability",
        "objective": 99.9,
        "sli": {"events": {"error_query": "sum(rate(e[{{.window}}]))", "total_query": "sum(rate(t[{{.window}}]))"}},
        "alerting": {"name": "A"},
    }
    return {"version": "prometheus/v1", "service": "shop", "slos": [usual | slo]}


def test_the_documents_of_these_tests_have_every_field() -> None:
    found = {pattern(path, MAPS) for path in leaves(CRD[0]["spec"])}
    assert found == FIELDS
    words = {"version"} | {_plain(field) for field in FIELDS}
    assert {pattern(path, MAPS) for document in PLAIN for path in leaves(document)} == words


def _plain(field: str) -> str:
    return ".".join(_PLAIN_WORDS.get(part, part) for part in field.split("."))


LOST = [(0, "slos", 4), (0, "slos", 5), (0, "slos", 6), (0, "spec", "slos", 2)]
"""SLOs of which nothing is made, for one reason that is reported."""
WHOLE = [(0, "status"), (0, "metadata", "ownerReferences"), (0, "metadata", "finalizers")]
"""Fields that are reported without a look into them."""


@pytest.mark.parametrize("given", [PLAIN, CRD, WINDOWS], ids=["plain", "crd", "windows"])
def test_no_field_is_dropped_in_silence(given: list[Any]) -> None:
    assert silent(translate, given, [*LOST, *WHOLE]) == []


@pytest.mark.parametrize("given", [PLAIN, CRD, WINDOWS], ids=["plain", "crd", "windows"])
def test_a_field_that_nobody_knows_is_reported(given: list[Any]) -> None:
    names = ("labels", "annotations", "config", "options")
    free = [place for place in unreported(translate, given, [*LOST, *WHOLE]) if place[-1] not in names]
    assert free == []


@given(damaged([*PLAIN, *CRD, *WINDOWS]))
def test_no_known_field_is_said_to_be_unknown(given: list[Any]) -> None:
    """Neither where nothing is made for another reason, nor where another field stands in its place."""
    assert denied(translate, given, [*PLAIN, *CRD, *WINDOWS]) == []


@given(damaged([*PLAIN, *CRD, *WINDOWS]))
def test_no_document_makes_it_fail(given: list[Any]) -> None:
    outcome(translate, given)


def test_it_knows_its_documents() -> None:
    assert all(map(recognizes, [*PLAIN, *CRD, *WINDOWS]))
    assert not recognizes({"apiVersion": "pyrra.dev/v1alpha1"})


@pytest.mark.parametrize(
    ("written", "objective"),
    [(99.9, "99.9"), (99, "99"), ("99.95", "99.95"), (99.99999, "99.99999"), (90.0, "90"), (1e1, "10"), (0.1, "0.1")],
)
def test_objectives_are_printed_as_the_decimals_that_they_are(written: Any, objective: str) -> None:
    assert one(translate, plain(objective=written))["objective"] == objective


@pytest.mark.parametrize(("written", "why"), [(100, "leaves no error budget"), (0, "promises nothing")])
def test_an_objective_without_a_budget_or_a_promise_is_not_carried(written: float, why: str) -> None:
    manifests, remarks = outcome(translate, [plain(objective=written)])
    assert manifests == []
    assert why in said(remarks, "Lost")


@pytest.mark.parametrize("written", ["[{{.window}}]", "[{{ .window }}]", "[{{- .window -}}]"])
def test_the_template_of_the_window_becomes_ours(written: str) -> None:
    sli = {"events": {"error_query": f"sum(rate(e{written}))", "total_query": f"sum(rate(t{written} offset 1m))"}}
    assert one(translate, plain(sli=sli))["indicator"]["ratio"] == {
        "bad": "sum(rate(e[$window]))",
        "total": "sum(rate(t[$window] offset 1m))",
    }


def test_a_query_that_keeps_series_apart_is_grouped() -> None:
    def groups(error: str, total: str) -> tuple[Any, str]:
        (made,), remarks = outcome(translate, [plain(sli={"events": {"error_query": error, "total_query": total}})])
        return made["spec"].get("groupBy"), said(remarks, "Lost")

    by = "sum by (region, zone) (rate({}[{{{{.window}}}}]))".format
    assert groups(f"{by('e')} - {by('f')}", by("t")) == (["region", "zone"], "")
    assert groups("sum(rate(e[{{.window}}])) or vector(0)", "sum(rate(t[{{.window}}])) * 2") == (None, "")
    swapped = "sum by (zone, region) (rate(t[{{.window}}]))"
    assert groups(f"{by('e')} or vector(0)", swapped) == (["region", "zone"], ""), "series without labels match none"
    found, lost = groups("rate(e[{{.window}}])", swapped)
    assert (found, "unknown by which labels error_query groups series" in lost) == (None, True)
    found, lost = groups(by("e"), "sum(rate(t[{{.window}}]))")
    assert found is None
    assert "error_query groups series by region, zone; total_query groups series by no label" in lost
    assert "cannot be told" not in lost
    assert "by which labels" not in groups("sum(rate(e[{{.window}}])", "sum(rate(t[{{.window}}]))")[1], "no PromQL"


def test_a_query_by_a_label_that_we_write_is_exported() -> None:
    sli = {
        "events": {
            "error_query": "sum by (service) (rate(e[{{.window}}]))",
            "total_query": "sum by (service) (rate(t[{{.window}}]))",
        }
    }
    made = one(translate, plain(sli=sli))
    assert made["groupBy"] == ["exported_service"]
    renamed = '"exported_service", "$1", "service", "(.*)"'
    assert made["indicator"]["ratio"] == {
        "bad": f"label_replace(sum by (service) (rate(e[$window])), {renamed})",
        "total": f"label_replace(sum by (service) (rate(t[$window])), {renamed})",
    }


def test_two_slis_are_refused_as_sloth_does() -> None:
    usual = plain()["slos"][0]["sli"]
    manifests, remarks = outcome(translate, [plain(sli={**usual, "raw": {"error_ratio_query": "a[{{.window}}]"}})])
    assert manifests == []
    assert said(remarks).count("\n") == 1, "the period, and one reason"
    assert "there are two SLIs; Sloth refuses that too" in said(remarks, "Lost")


def test_labels_that_sloth_hands_on_to_its_rules_are_named() -> None:
    document = {**CRD[0], "metadata": {"name": "a", "labels": {"prometheus": "k8s", "role": "alert-rules"}}}
    _, remarks = outcome(translate, [document])
    assert "start the operator with --rule-labels prometheus=k8s,role=alert-rules if" in said(remarks, "Lost")


def test_a_disabled_alert_is_one_that_is_not_written() -> None:
    def made(**alerts: Any) -> dict[str, Any]:
        found: dict[str, Any] = one(translate, plain(alerting={"name": "A", **alerts}))["alerting"]
        return found

    assert made() == {"name": "A"}, "Ninefold finds the same four tiers"
    assert made(page_alert={"disable": True}) == {"name": "A", "page": {"disabled": True}}
    assert made(ticket_alert={"disable": True}) == {"name": "A", "ticket": {"disabled": True}}
    assert made(page_alert={"disable": True}, ticket_alert={"disable": True}) == {"disabled": True}


def test_alerts_that_could_never_fire_are_told_apart_from_those_that_can() -> None:
    _, remarks = outcome(translate, [plain(objective=90)])
    assert "Sloth's alerts at 14.4x/1h, 6x/6h, 3x/1d, 1x/3d become 9x/95m, 6x/6h, 3x/1d, 1x/3d" in said(
        remarks, "Changed"
    )
    _, remarks = outcome(translate, [plain(objective=99)])
    assert "Sloth's alerts at" not in said(remarks)


def test_what_one_alert_has_alone_is_carried_to_that_one_alone() -> None:
    """As Sloth writes it: a severity's own label wins over that of all alerts."""
    alerting = {
        "name": "CheckoutAvailability",
        "labels": {"team": "shop", "rota": "days"},
        "annotations": {"runbook_url": "https://runbooks.example.com/checkout"},
        "page_alert": {
            "labels": {"severity": "critical", "routing_key": "k1", "rota": "nights"},
            "annotations": {"runbook": "page-runbook", "note": "{{$labels.sloth_slo}} for {{ $labels.routing_key }}"},
        },
        "ticket_alert": {"labels": {"slack_channel": "#shop"}},
    }
    document = plain(alerting=alerting)
    (manifest,), remarks = outcome(translate, [document])
    assert [remark.path[-1] for remark in remarks if remark.severity == "Lost"] == []
    assert 'match severity="page" in routes' in said(remarks, "Changed")
    rules = Group(ServiceLevelObjective.parse(manifest)).rules
    page, ticket = (
        next(rule for rule in rules if rule.get("labels", {}).get("severity") == severity)
        for severity in ("page", "ticket")
    )
    assert page["alert"] == ticket["alert"] == "CheckoutAvailability"
    labels = ("team", "rota", "routing_key", "slack_channel")
    assert [page["labels"].get(name) for name in labels] == ["shop", "nights", "k1", None]
    assert [ticket["labels"].get(name) for name in labels] == ["shop", "days", None, "#shop"]
    assert page["annotations"]["runbook_url"] == "https://runbooks.example.com/checkout"
    assert page["annotations"]["note"] == "shop-availability for k1"
    assert "note" not in ticket["annotations"]
    assert (page["annotations"]["runbook"], "runbook" in ticket["annotations"]) == ("page-runbook", False)


@pytest.mark.parametrize("name", ["{{ $labels.a }}", "a\nb", "x" * 129])
def test_a_name_that_no_alert_of_ours_can_have_is_named(name: str) -> None:
    (made,), remarks = outcome(translate, [plain(alerting={"name": name})])
    assert "name" not in made["spec"].get("alerting", {})
    assert "alerts are named ErrorBudgetBurn" in said(remarks, "Lost")


def test_in_what_the_alerts_are_quieter_than_those_of_sloth_is_named_unless_tiers_are_written() -> None:
    _, remarks = outcome(translate, [plain()])
    assert "no page starts after an outage has ended" in said(remarks, "Changed")
    _, remarks = outcome(translate, WINDOWS)
    assert "is over" not in said(remarks)


@pytest.mark.parametrize(
    ("written", "carried"),
    [
        ("{{$labels.sloth_slo}} of {{ $labels.sloth_service }}", "{{ $labels.slo_name }} of {{ $labels.service }}"),
        ("{{- $value | humanize -}} times", "{{ $value | humanize }} times"),
        ("{{ $labels.team }}", "{{ $labels.team }}"),
        ("{{ $labels.pod }}", None),
        ("{{ $labels.sloth_window }}", None),
        ('{{ printf "%.2f" $value }}', None),
        ("{{ $value", None),
        ("x" * 1025, None),
    ],
)
def test_templates_of_annotations_are_carried_if_they_can_be(written: str, carried: str | None) -> None:
    alerting = {"name": "A", "labels": {"team": "shop"}, "annotations": {"text": written}}
    (made,), remarks = outcome(translate, [plain(alerting=alerting)])
    assert made["spec"]["alerting"].get("annotations", {}).get("text") == carried
    assert ("alerting.annotations.text" in said(remarks, "Lost")) == (carried is None)


def test_the_period_and_the_tiers_of_an_alert_windows_document_count() -> None:
    spec = one(translate, {**plain(), "slos": plain()["slos"]})
    assert spec["window"] == {"rolling": "30d"}
    (made,), remarks = outcome(translate, WINDOWS)
    assert made["spec"]["window"] == {"rolling": "7d"}
    assert [tier["burnRate"] for tier in made["spec"]["alerting"]["tiers"]] == ["13.44", "3.5", "1.4", "0.98"]
    assert "--default-slo-period" not in said(remarks)
    _, remarks = outcome(translate, [*WINDOWS, WINDOWS[0]])
    assert said(remarks).count("there are several AlertWindows") == 2


def test_names_of_sloth_that_are_none_of_kubernetes_are_kept_in_annotations() -> None:
    document = plain(name="p99 < 300ms") | {"service": "Shop front"}
    (made,), _ = outcome(translate, [document])
    assert made["metadata"] == {
        "name": "shop-front-p99-300ms",
        "namespace": "default",
        "annotations": {"ninefold.dev/sloth-service": "Shop front", "ninefold.dev/sloth-slo": "p99 < 300ms"},
    }
    assert made["spec"]["service"] == "Shop-front"


def test_a_plugin_is_named_with_what_to_write_instead() -> None:
    sli = {"plugin": {"id": "sloth-common/istio/v1/availability", "options": {"service": "shop"}}}
    manifests, remarks = outcome(translate, [plain(sli=sli)])
    assert manifests == []
    assert "sloth-common/istio/v1/availability is not converted, with options {'service': 'shop'}" in said(remarks)
    assert "write spec.indicator.ratio" in said(remarks, "Lost")
