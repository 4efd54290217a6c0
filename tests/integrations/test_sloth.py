"""Sloth's specifications: every field is carried or reported, and what is carried means the same."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from tests.integrations.dialects import damaged, documents, leaves, one, outcome, pattern, said, silent, unreported

from ninefold.integrations.sloth import recognizes, translate

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
    for error, total in ((by("e"), "sum(rate(t[{{.window}}]))"), ("rate(e[{{.window}}])", "rate(t[{{.window}}])")):
        found, lost = groups(error, total)
        assert found is None
        assert "by which labels" in lost


def test_one_alert_disabled_leaves_the_tiers_of_the_other_and_the_slowest() -> None:
    def tiers(**alerts: Any) -> list[str]:
        alerting = one(translate, plain(alerting={"name": "A", **alerts}))["alerting"]
        return [f"{tier['burnRate']} {tier['severity']}" for tier in alerting.get("tiers", ())]

    assert tiers(page_alert={"disable": True}) == ["3 Ticket", "1 Ticket"]
    assert tiers(ticket_alert={"disable": True}) == ["14.4 Page", "6 Page", "1 Ticket"]
    assert tiers() == [], "Ninefold finds the same four"
    both = {"page_alert": {"disable": True}, "ticket_alert": {"disable": True}}
    assert one(translate, plain(alerting=both))["alerting"] == {"disabled": True}


def test_alerts_that_could_never_fire_are_told_apart_from_those_that_can() -> None:
    _, remarks = outcome(translate, [plain(objective=90)])
    assert "Sloth's alerts at 14.4x/1h, 6x/6h, 3x/1d, 1x/3d are 9x/95m, 6x/6h, 3x/1d, 1x/3d" in said(remarks, "Changed")
    _, remarks = outcome(translate, [plain(objective=99)])
    assert "Sloth's alerts at" not in said(remarks)


def test_labels_of_one_alert_go_to_all_only_if_the_other_is_disabled() -> None:
    alerting = {"name": "A", "page_alert": {"labels": {"rota": "a"}}}
    (made,), remarks = outcome(translate, [plain(alerting=alerting)])
    assert "rota" not in made["spec"]["alerting"]["labels"]
    assert "rota is on the page alert only" in said(remarks, "Lost")
    made = one(translate, plain(alerting={**alerting, "ticket_alert": {"disable": True}}))
    assert made["alerting"]["labels"]["rota"] == "a"


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
    assert "sloth-common/istio/v1/availability is not carried, with options {'service': 'shop'}" in said(remarks)
    assert "write spec.indicator.ratio" in said(remarks, "Lost")
