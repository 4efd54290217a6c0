"""PromQL over the series that the rules of objectives record: see docs/series.md. Pure.

`matcher` names the objectives, as `slo_id="shop/checkout"`. The results have only the label slo_id: for an objective
with groups they show the worst group.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

HEALTHY, IDLE, BROKEN, UNKNOWN = 3, 2, 1, 0
"""The values of `data_state`."""

NOTHING = "-"
"""Matches no objective. An empty expression would match every series that has no such label."""


def only(slo_id: str) -> str:
    """Returns the matcher of one objective, or of the objective that a variable of the dashboard holds."""
    return f"slo_id={json.dumps(slo_id)}"


def among(expression: str) -> str:
    """Returns the matcher of the objectives that a regular expression names."""
    return f"slo_id=~{json.dumps(expression)}"


def any_of(values: Iterable[str]) -> str:
    """Returns a regular expression that matches exactly these values.

    It has no backslash: Grafana may double a backslash when it inserts a variable into a query.

    >>> any_of(["shop/a.b", "shop/c"])
    'shop/a[.]b|shop/c'
    """
    return "|".join(value.replace(".", "[.]") for value in values) or NOTHING


def budget_left(matcher: str, at: str = "") -> str:
    """The remaining budget as a share. `at` is a time modifier, such as "@ end()"."""
    return f"min by (slo_id) (slo:error_budget_left:ratio{{{matcher}}}{at and f' {at}'})"


def error_ratio(matcher: str) -> str:
    """The error ratio over the objective's window."""
    return f"max by (slo_id) (slo:error_ratio:window{{{matcher}}})"


def recent_error_ratio(matcher: str) -> str:
    """The error ratio over 5 minutes; absent without traffic."""
    return f"max by (slo_id) (slo:errors:rate5m{{{matcher}}} / (slo:events:rate5m{{{matcher}}} > 0))"


def allowed_ratio(matcher: str) -> str:
    return f"1 - max by (slo_id) (slo:objective:ratio{{{matcher}}})"


def agreement_ratio(matcher: str) -> str:
    return f"max by (slo_id) (slo:agreement:error_ratio{{{matcher}}})"


def burn_rate(matcher: str, window: str) -> str:
    return f"max by (slo_id) (slo:burn_rate:{window}{{{matcher}}})"


def burn_rates(matcher: str) -> str:
    """All recorded burn rates, by the label `window`."""
    series = f'{{__name__=~"slo:burn_rate:.+",{matcher}}}'
    return f'max by (window) (label_replace({series}, "window", "$1", "__name__", "slo:burn_rate:(.+)"))'


def events(matcher: str) -> str:
    return f"sum by (slo_id) (slo:events:rate5m{{{matcher}}})"


def errors(matcher: str) -> str:
    return f"sum by (slo_id) (slo:errors:rate5m{{{matcher}}})"


def coverage(matcher: str) -> str:
    return f"min by (slo_id) (slo:coverage:ratio{{{matcher}}})"


def excess(matcher: str) -> str:
    return f"max by (slo_id) (slo:indicator_excess:ratio{{{matcher}}})"


def exhaustion(matcher: str) -> str:
    return f"min by (slo_id) (slo:time_to_exhaustion:seconds{{{matcher}}})"


def blame(matcher: str) -> str:
    """The shares of the errors of a composite, by the label `component`."""
    return f"max by (component) (slo:blame:ratio{{{matcher}}})"


def by_group(series: str, matcher: str) -> str:
    """A series with the labels of its groups, without its name and slo_id."""
    return f"max without (slo_id) ({series}{{{matcher}}})"


def data_state(matcher: str) -> str:
    """HEALTHY, IDLE, BROKEN (had data, and has none now) or UNKNOWN; absent while Prometheus has not loaded the
    rules."""
    return (
        f"({IDLE} + ({events(matcher)} > bool 0)) "
        f"or (max by (slo_id) (slo:coverage:ratio{{{matcher}}}) > bool 0) "
        f"or ({UNKNOWN} * max by (slo_id) (slo:info{{{matcher}}}))"
    )


def info(matcher: str) -> str:
    return f"max by (slo_id, service, name, objective, window) (slo:info{{{matcher}}})"


def linked(expression: str, links: Mapping[str, str], otherwise: str) -> str:
    """Adds the label `dashboard`: the uid in `links` for the label `service`, or `otherwise` for other services."""
    labelled = f'label_replace({expression}, "dashboard", "{otherwise}", "slo_id", ".*")'
    for service, uid in links.items():
        labelled = f'label_replace({labelled}, "dashboard", "{uid}", "service", "{any_of([service])}")'
    return labelled


def loaded(matcher: str) -> str:
    """How many objectives Prometheus evaluates."""
    return f"count(max by (slo_id) (slo:info{{{matcher}}}))"


def how_many(condition: str) -> str:
    """How many series meet a condition written with `bool`: 0 if none does, no result if there is no series."""
    return f"sum({condition})"


def firing(matcher: str, severity: str = "") -> str:
    severity = f',severity="{severity}"' if severity else ""
    return f'ALERTS{{{matcher},alertstate="firing"{severity}}}'


def firing_since(matcher: str) -> str:
    """The firing alerts; the value is when each began, in milliseconds of Unix time."""
    began = f"ALERTS_FOR_STATE{{{matcher}}} and ignoring (alertstate) {firing(matcher)}"
    return f"1000 * max without (alertname, slo_namespace, slo_id) ({began})"


def pages(matcher: str) -> str:
    """How many pages fire: 0 if none does, no result if no objective is evaluated."""
    return f"count({firing(matcher, 'page')}) or 0 * {loaded(matcher)}"


def correction(matcher: str) -> str:
    return f"max by (slo_id) (slo:correction:active{{{matcher}}}) > 0"


def closed_gates(namespace: str) -> str:
    """The closed gates, from the operator's own metrics."""
    selector = f'namespace="{namespace}",decision=~"Hold|Deny"'
    return f"max by (gate, decision) (ninefold_gate_decision{{{selector}}}) == 1"


def rule_groups(ids: str) -> str:
    """Returns the matcher of Ninefold's rule groups in Prometheus' own metrics, where the name of a group follows that
    of its file; a long group is split into ninefold/shop/checkout, ninefold/shop/checkout/2 and so on."""
    return f'rule_group=~".+;ninefold/({ids})(/[0-9]+)?"'


def evaluation_seconds(ids: str) -> str:
    """How long one evaluation of the rules of each objective takes."""
    series = f"prometheus_rule_group_last_duration_seconds{{{rule_groups(ids)}}}"
    named = f'label_replace({series}, "slo_id", "$1", "rule_group", ".+;ninefold/([^/]+/[^/]+).*")'
    return f"sum by (slo_id) ({named})"


def evaluation_load(ids: str) -> str:
    """The share of time that the evaluation of all these rules takes."""
    matcher = rule_groups(ids)
    durations = f"prometheus_rule_group_last_duration_seconds{{{matcher}}}"
    return f"sum({durations} / prometheus_rule_group_interval_seconds{{{matcher}}})"


def evaluation_failures(ids: str) -> str:
    """How many evaluations failed in the last hour."""
    series = f"prometheus_rule_evaluation_failures_total{{{rule_groups(ids)}}}"
    return f"sum(increase({series}[1h]))"


def evaluated_series(ids: str) -> str:
    """How many series the rules record."""
    return f"sum(prometheus_rule_group_last_evaluation_samples{{{rule_groups(ids)}}})"
