"""Converts ServiceLevelObjectives to OpenSLO v1: SLOs with their SLI and alert policies, and a DataSource. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ninefold.integrations.openslo import kept
from ninefold.integrations.openslo.catalog import API
from ninefold.integrations.openslo.reading import translate
from ninefold.integrations.translation import ours, queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget, Made, NotCarried, Translation

SOURCE = "prometheus"
"""The DataSource that every query refers to."""

_SHORTHAND = {"Week": "1w", "Month": "1M", "Quarter": "1Q"}
_START = "2024-01-01 00:00:00"
"""A Monday, and the first day of a month and of a quarter."""
_SCALE = {"ms": Decimal("0.001"), "s": Decimal(1), "m": Decimal(60)}
_LONGEST_NAME = 63

_UNHEARD = {
    "groupBy": ("the budget of each group", "all groups share one budget"),
    "dependsOn": ("that alerts are inhibited while another objective pages", "alerts are not inhibited"),
    "agreement": ("what customers were promised", "no one computes credits"),
    "suspend": ("that the objective is suspended", "the objective counts"),
}
"""Fields of Ninefold that OpenSLO cannot express: what is missing, and what that means to other tools."""
_ALERTING = {
    "pageWithin": "how soon a total outage must page",
    "budgetAtPage": "how much of the budget may be spent at a page",
    "resetWithin": "how soon a page must end",
    "minimumErrors": "the fewest errors that raise an alert",
    "confidence": "how sure an alert must be",
    "minimumTraffic": "the traffic of a quiet hour",
    "scrapeInterval": "the interval of scraping",
    "name": "the name of alerts",
    "page": "what distinguishes pages",
    "ticket": "what distinguishes tickets",
    "labels": "labels of alerts",
    "annotations": "annotations of alerts",
    "runbook": "the runbook",
    "dashboard": "the dashboard",
}


def export(objectives: Sequence[tuple[Mapping[str, Any], Sequence[Mapping[str, Any]]]]) -> Translation:
    """One SLO per manifest and one DataSource. Each manifest comes with its alert tiers, as in spec.alerting.tiers."""
    result = Translation()
    for index, (manifest, tiers) in enumerate(objectives):
        node = Node(manifest, result.remarks, index)
        try:
            slo = _slo(node, tiers)
            slo["metadata"]["annotations"] |= kept.needed(slo, _read(node, slo), manifest)
        except NotCarried as refusal:
            node.give_up(refusal)
            continue
        result.made.append(Made(slo, index))
    if result.made:
        result.made.insert(0, Made(_data_source()))
    return result


def _read(node: Node, slo: Mapping[str, Any]) -> Translation:
    """The import of an SLO. Raises NotCarried if the import converts nothing."""
    read = translate([_data_source(), slo], ImportTarget("", frozenset(), frozenset(), lambda spec: ()))
    if not read.made:
        why = next(remark for remark in read.remarks if remark.severity == "Lost")
        raise node.refused("spec", why.what, "an import would not convert it", why.instead)
    return read


def _data_source() -> dict[str, Any]:
    return {
        "apiVersion": API,
        "kind": "DataSource",
        "metadata": {"name": SOURCE},
        "spec": {"type": "Prometheus", "connectionDetails": {}},
    }


def _slo(node: Node, tiers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    source = ours.object_metadata(node, "")
    metadata = _metadata(node.child("metadata"), source)
    spec = node.child("spec")
    for name, (what, meaning) in _UNHEARD.items():
        if spec.raw(name):
            spec.lost(name, f"OpenSLO cannot say {what}", f"in other tools, {meaning}", "set it up there")
    slices = spec.child("timeSlices")
    sli, extra = _indicator(spec.child("indicator"), source)
    objective = {
        **_titled(source),
        "targetPercent": _number(spec.text("objective")),
        **extra,
        **_sliced(slices),
    }
    return {
        "apiVersion": API,
        "kind": "SLO",
        "metadata": metadata,
        "spec": {
            **({"description": text} if (text := spec.text("description")) else {}),
            "service": spec.text("service"),
            "indicator": {"metadata": {"name": metadata["name"]}, "spec": sli},
            "timeWindow": [_window(spec.child("window"))],
            "budgetingMethod": "Timeslices" if "timeSlices" in spec else "Occurrences",
            "objectives": [objective],
            **_policies(spec.child("alerting"), tiers),
        },
    }


def _metadata(node: Node, source: Mapping[str, Any]) -> dict[str, Any]:
    name = source["name"].replace(".", "-")[:_LONGEST_NAME].strip("-")
    if name != source["name"]:
        node.changed(
            "name",
            f"{source['name']} is not a name in OpenSLO, and becomes {name}",
            "names are labels of at most 63 characters",
            "check that no two SLOs have the same name",
        )
    if source["namespace"]:
        node.changed(
            "namespace",
            f"the namespace {source['namespace']} becomes an annotation",
            "OpenSLO has no namespaces",
            "check that no two SLOs have the same name",
        )
    labels = {key: value for key, value in source["labels"].items() if "/" not in key}
    if rest := source["labels"].keys() - labels.keys():
        node.changed(
            "labels",
            f"the labels {', '.join(sorted(rest))} become an annotation",
            "label keys have no prefix in OpenSLO",
            "choose keys without a slash if other tools need them",
        )
    annotations = {
        key: value for key, value in source["annotations"].items() if key not in (kept.DISPLAY, kept.OBJECTIVE)
    }
    title = source["annotations"].get(kept.DISPLAY)
    return {
        "name": name,
        **({"displayName": title} if title else {}),
        **({"labels": labels} if labels else {}),
        "annotations": annotations,
    }


def _titled(source: Mapping[str, Any]) -> dict[str, str]:
    title = source["annotations"].get(kept.OBJECTIVE)
    return {"displayName": title} if title else {}


def _number(text: str) -> int | float:
    value = Decimal(text)
    return int(value) if value == value.to_integral_value() else float(value)


def _window(window: Node) -> dict[str, Any]:
    if "calendar" not in window:
        return {"duration": window.text("rolling"), "isRolling": True}
    calendar = window.child("calendar")
    return {
        "duration": _SHORTHAND[calendar.text("period")],
        "isRolling": False,
        "calendar": {"startTime": _START, "timeZone": calendar.text("timeZone") or "UTC"},
    }


def _sliced(slices: Node) -> dict[str, Any]:
    if not slices.names():
        return {}
    share = Decimal(slices.text("target")) / 100
    return {"timeSliceTarget": _number(f"{share:f}"), "timeSliceWindow": slices.text("length") or "5m"}


def _metric(query: str) -> dict[str, Any]:
    return {"metricSource": {"metricSourceRef": SOURCE, "type": "Prometheus", "spec": {"query": query}}}


def _indicator(node: Node, source: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The spec of the SLI, and the fields that the objective needs in addition. Raises NotCarried."""
    (name,) = [name for name in node.names() if name in node]
    indicator = node.child(name)
    if name == "gauge":
        return {"thresholdMetric": _metric(indicator.text("query"))}, _threshold(indicator)
    if name == "ratio":
        part = "bad" if "bad" in indicator else "good"
        written = {"counter": True, part: indicator.text(part), "total": indicator.text("total")}
        if indicator.text("births") == "Counted":
            indicator.lost(
                "births",
                "OpenSLO cannot say that new counters begin with an event",
                "in other tools, the first value of a counter does not count",
                "start the counters of the service at 0",
            )
    elif name == "errorRatio":
        written = {"rawType": "failure", "raw": indicator.text("query")}
        if "traffic" in indicator:
            indicator.lost(
                "traffic",
                "OpenSLO cannot weight a ratio by traffic",
                "in other tools, each second has the same weight",
                "write indicator.ratio if there are counters",
            )
    else:
        written = {"latency": _latency, "boolean": _boolean, "composite": _composite}[name](indicator, source)
    if any("$window" in str(query) for query in written.values()):
        node.changed(
            name,
            "the range of queries is [$window]",
            "only Ninefold knows this range",
            "write a fixed range for other tools",
        )
    metrics = {key: value if key in ("counter", "rawType") else _metric(str(value)) for key, value in written.items()}
    return {"ratioMetric": metrics}, {}


def _threshold(gauge: Node) -> dict[str, Any]:
    above = gauge.text("badAbove")
    return {"op": "lte" if above else "gte", "value": _number(above or gauge.text("badBelow"))}


def _latency(latency: Node, source: Mapping[str, Any]) -> dict[str, Any]:
    histogram, threshold = latency.text("histogram"), latency.text("threshold")
    digits = threshold.rstrip("ms")
    bound = Decimal(digits) * _SCALE.get(threshold.removeprefix(digits), Decimal(1))
    text = ours.decimal(bound)
    latency.changed(
        None,
        "a latency becomes queries of its histogram",
        "other tools see a ratio",
        "no action is needed: an import restores the latency",
    )
    if latency.text("buckets") == "Native":
        rate = f"sum(rate({histogram}[$window]))"
        good = f"histogram_fraction(0, {text}, {rate}) * histogram_count({rate})"
        return {"counter": True, "good": good, "total": f"histogram_count({rate})"}
    # Prometheus 3 writes the bound of a whole number as "1.0".
    le = f'le=~"{text}(\\\\.0)?"' if bound == bound.to_integral_value() else f'le="{text}"'
    selectors = [queries.with_matcher(histogram, "_bucket", le), queries.with_matcher(histogram, "_count")]
    if None in selectors:
        raise latency.refused(
            "histogram",
            f"{histogram} does not begin with the name of a histogram",
            "the objective is not converted",
            'write it as name{job="checkout"}',
        )
    return {"counter": True, "good": selectors[0], "total": selectors[1]}


def _boolean(boolean: Node, source: Mapping[str, Any]) -> dict[str, Any]:
    selector = boolean.text("selector")
    boolean.changed(
        None,
        "a gauge of 0 and 1 becomes the share of series at 1",
        "other tools see a ratio of gauges",
        "no action is needed: an import restores the boolean",
    )
    return {"counter": False, "good": f"sum({selector})", "total": f"count({selector})"}


def _composite(composite: Node, source: Mapping[str, Any]) -> dict[str, Any]:
    """The error ratio of the composite, from the recordings of its components."""
    composite.changed(
        None,
        "a composite becomes a query of the series that Ninefold records of its components",
        "it needs Ninefold's rules: an OpenSLO composite consists of indicators and has no target",
        "leave Ninefold's rules running",
    )
    if "trafficOf" in composite:
        composite.lost(
            "trafficOf",
            "OpenSLO cannot weight a ratio by traffic",
            "in other tools, each second has the same weight",
            "there is no remedy",
        )
    ratios = {
        _errors(f"{source['namespace']}/{part.text('objective')}"): part.text("weight") or "1"
        for part in composite.children("components")
    }
    query = {
        "Serial": "1 - " + " * ".join(f"(1 - {ratio})" for ratio in ratios),
        "Parallel": " * ".join(ratios),
        "Weighted": "(" + " + ".join(f"{weight} * {ratio}" for ratio, weight in ratios.items()) + ")"
        f" / ({' + '.join(ratios.values())})",
    }[composite.text("mode")]
    return {"rawType": "failure", "raw": query}


def _errors(slo_id: str) -> str:
    """The error ratio of an objective over 5 m."""
    matcher = f"{{slo_id={json.dumps(slo_id)}}}"
    return f"(sum(slo:errors:rate5m{matcher}) / sum(slo:events:rate5m{matcher}))"


def _policies(alerting: Node, tiers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    for name, what in _ALERTING.items():
        if alerting.raw(name):
            alerting.lost(name, f"OpenSLO cannot say {what}", "other tools do not have it", "set it up there")
    if not tiers:
        return {}
    alerting.lost(
        "tiers",
        "an alert policy of OpenSLO has one condition",
        "in other tools, an alert has no short window, so it lasts until the burn leaves the long window",
        "set up the short windows there, if the tool supports them",
    )
    return {"alertPolicies": [_policy(tier) for tier in tiers]}


def _policy(tier: Mapping[str, Any]) -> dict[str, Any]:
    name = f"burn-{tier['burnRate']}x-{tier['long']}".replace(".", "-")
    condition = {
        "kind": "burnrate",
        "op": "gt",
        "threshold": _number(tier["burnRate"]),
        "lookbackWindow": tier["long"],
        **({"alertAfter": tier["for"]} if tier.get("for") else {}),
    }
    return {
        "kind": "AlertPolicy",
        "metadata": {"name": name},
        "spec": {
            "alertWhenBreaching": True,
            "alertWhenResolved": True,
            "alertWhenNoData": False,
            "conditions": [
                {
                    "kind": "AlertCondition",
                    "metadata": {"name": name},
                    "spec": {"severity": tier["severity"].lower(), "condition": condition},
                }
            ],
            "notificationTargets": [
                {
                    "kind": "AlertNotificationTarget",
                    "metadata": {"name": "alertmanager"},
                    "spec": {"target": "alertmanager"},
                }
            ],
        },
    }
