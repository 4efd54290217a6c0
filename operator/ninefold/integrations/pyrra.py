"""Pyrra's ServiceLevelObjective of pyrra.dev/v1alpha1, read into our resource of the same name. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ninefold.integrations.translation import ours, queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import Made, NotCarried, Target, Translation

API = "pyrra.dev/v1alpha1"
PREFIX = "pyrra.dev/"
"""Labels and annotations of an object that Pyrra puts on its rules; they are named by what follows."""

_LABELS = {"slo": "slo_name"}
_BURNS = {"fastBurn": "critical", "mediumBurn": "critical", "slowBurn": "warning", "longTermBurn": "warning"}
"""Pyrra's alerts from the fastest to the slowest, and the severity that each has unless told otherwise."""
_SEVERITIES = {"critical": "Page", "page": "Page", "warning": "Ticket", "ticket": "Ticket"}


def recognizes(document: Mapping[str, Any]) -> bool:
    return str(document.get("apiVersion", "")).startswith(PREFIX)


def translate(documents: Sequence[Mapping[str, Any]], target: Target) -> Translation:
    """Each object becomes one of ours, with its name."""
    result = Translation()
    for index, document in enumerate(documents):
        node = Node(document, result.remarks, index)
        try:
            result.made.append(Made(_objective(node, target), index))
        except NotCarried as refusal:
            node.give_up(refusal)
        node.close()
    return result


def _objective(node: Node, target: Target) -> dict[str, Any]:
    version, kind = node.text("apiVersion"), node.text("kind")
    if (version, kind) != (API, "ServiceLevelObjective"):
        raise node.refused(
            None,
            f"{kind} of {version} is not known",
            "nothing is made of it",
            f"write a ServiceLevelObjective of {API}",
        )
    metadata = ours.object_metadata(node, target.namespace)
    spec = node.child("spec")
    if "partial_response_strategy" in spec and spec.text("partial_response_strategy") not in ("", "abort"):
        spec.lost(
            "partial_response_strategy",
            "a partial response is not tolerated",
            "the Ruler of Thanos aborts the rules then, as is its default",
            "set it on the rule object by other means if the rules run in Thanos",
        )
    _output(spec)
    made: dict[str, Any] = {
        "service": _service(node, metadata),
        "description": ours.plain(spec, "description"),
        "objective": _target(spec),
        "window": {"rolling": _window(spec)},
        **_indicator(spec.child("indicator")),
    }
    made["alerting"] = _alerting(node, metadata, made, target)
    return ours.manifest(metadata, made)


def _service(node: Node, metadata: Mapping[str, Any]) -> str:
    labels = metadata["labels"]
    if service := labels.get(f"{PREFIX}service"):
        return str(service)
    name = metadata["name"]
    node.child("metadata").changed(
        "name",
        "Pyrra names no service",
        f"the objective's name is taken for it: {name}",
        f"write spec.service, or label the object {PREFIX}service before the import",
    )
    return ours.service(node.child("metadata"), "name", name)


def _target(spec: Node) -> str:
    value = spec.number("target")
    if value is None:
        raise spec.refused("target", "there is no target", "nothing is made of it", 'write a number such as "99.9"')
    return ours.percent(spec, "target", value)


def _window(spec: Node) -> str:
    written = spec.text("window")
    if ours.length(written) is None:
        raise spec.refused("window", f"{written!r} is no window", "nothing is made of it", "write one such as 28d")
    return ours.window(written)


def _output(spec: Node) -> None:
    if "performanceOverAccuracy" in spec:
        spec.changed(
            "performanceOverAccuracy",
            "there is no such choice",
            "Ninefold's rules read recordings and count every event",
            "leave it out",
        )
    output = spec.child("ruleOutput")
    for name in ("shortRulesLabels", "longRulesLabels"):
        if labels := output.mapping(name):
            told = ",".join(f"{key}={value}" for key, value in labels.items())
            output.lost(
                name,
                f"the labels {told} of the rule objects are not carried",
                "all rules of an objective are one group in one object",
                "start the operator with --rule-labels",
            )
    if output.flag("enableDescriptionAsLabel"):
        output.lost(
            "enableDescriptionAsLabel",
            "the description is not on the series",
            "it is in the annotation description of the alerts",
            "join slo:info for what describes an objective",
        )


def _indicator(indicator: Node) -> dict[str, Any]:
    """The fields `indicator` and `groupBy`."""
    found = [name for name in ("ratio", "latency", "latencyNative", "bool_gauge") if name in indicator]
    if len(found) != 1:
        raise indicator.refused(
            None,
            f"there are {len(found)} indicators",
            "nothing is made of it",
            "write exactly one of ratio, latency, latencyNative or bool_gauge",
        )
    node = indicator.child(found[0])
    groups = node.texts("grouping")
    read = {"ratio": _ratio, "latency": _latency, "latencyNative": _native, "bool_gauge": _gauge}[found[0]]
    return {"indicator": read(node, groups), "groupBy": groups}


def _metric(node: Node, name: str) -> str:
    """The selector in `name.metric`; "" if absent."""
    return node.child(name).text("metric").strip() if name in node else ""


def _ratio(node: Node, groups: Sequence[str]) -> dict[str, Any]:
    bad, good, total = (_metric(node, name) for name in ("errors", "success", "total"))
    if sum(map(bool, (bad, good, total))) != 2:
        raise node.refused(
            None, "a ratio has two metrics", "nothing is made of it", "write two of errors, success and total"
        )
    if total:
        return {"ratio": {"bad": bad, "total": total} if bad else {"good": good, "total": total}}
    by = f"sum by ({', '.join(groups)})" if groups else "sum"
    bads, goods = (f"{by} (rate({metric}[$window]))" for metric in (bad, good))
    node.changed(
        None,
        "the total is written as the sum of errors and successes",
        "where one of them has no series, the other alone is the total",
        "nothing need be done",
    )
    return {"ratio": {"bad": bad, "total": f"{bads} + {goods} or {goods} or {bads}"}}


def _latency(node: Node, groups: Sequence[str]) -> dict[str, Any]:
    good, total = _metric(node, "success"), _metric(node, "total")
    if not good or not total:
        raise node.refused(None, "a metric is missing", "nothing is made of it", "write both success and total")
    found = queries.latency(good, total)
    if found is not None:
        histogram, bound = found
        return {"latency": {"histogram": histogram, "threshold": ours.decimal(bound)}}
    node.changed(
        None,
        "these are not a bucket and the count of the same series",
        "they are carried as a ratio of good to all events",
        "write indicator.latency if a missing bucket is not to count as an outage",
    )
    return {"ratio": {"good": good, "total": total}}


def _native(node: Node, groups: Sequence[str]) -> dict[str, Any]:
    histogram, limit = _metric(node, "total"), node.text("latency")
    seconds = ours.length(limit)
    if seconds is None or not histogram:
        raise node.refused(
            "latency",
            f"{limit!r} is no latency, or total is missing",
            "nothing is made of it",
            "write one such as 200ms",
        )
    threshold = f"{ours.decimal(seconds)}s" if seconds >= 1 else f"{ours.decimal(seconds * 1000)}ms"
    return {"latency": {"histogram": histogram, "threshold": threshold, "buckets": "Native"}}


def _gauge(node: Node, groups: Sequence[str]) -> dict[str, Any]:
    metric = node.text("metric").strip()
    if not metric:
        raise node.refused("metric", "the metric is missing", "nothing is made of it", "write metric")
    return {"boolean": {"selector": metric}}


def _alerting(node: Node, metadata: Mapping[str, Any], spec: Mapping[str, Any], target: Target) -> dict[str, Any]:
    alerting, source = node.child("spec").child("alerting"), node.child("metadata")
    propagated = {
        what: {name.removeprefix(PREFIX): value for name, value in metadata[what].items() if name.startswith(PREFIX)}
        for what in ("labels", "annotations")
    }
    propagated["labels"].pop("service", None)
    labels = ours.alert_labels(source.child("labels"), propagated["labels"], target)
    disabled, burns = alerting.flag("disabled"), alerting.flag("burnrates", True)
    _absent(alerting)
    name = alerting.text("name")
    off = disabled or not burns
    labels |= ours.alert_name(alerting, name, target) if not off else {}
    made: dict[str, Any] = {
        "disabled": off,
        "tiers": _tiers(alerting, spec, target, off=off),
        "labels": ours.few(source, labels),
        **ours.alert_annotations(source.child("annotations"), propagated["annotations"], _LABELS, labels),
    }
    return {name: value for name, value in made.items() if value}


def _absent(alerting: Node) -> None:
    """Pyrra's alert about a metric without series, which is on unless told otherwise, also with `disabled`."""
    severities = alerting.child("severities")
    name, severity = alerting.text("absentName") or "SLOMetricAbsent", severities.text("absent") or "critical"
    if alerting.flag("absent", True):
        alerting.lost(
            "absent",
            f"there is no alert {name} ({severity})",
            "a total without series is the data state Unknown or Broken, and no alert",
            'alert on ninefold_slo_data_state{state=~"Unknown|Broken"}, or set alerting.absent to false',
        )
    elif "absentName" in alerting or "absent" in severities:
        alerting.changed(
            "absentName", f"the alert {name} ({severity}) is off", "it is not there in Pyrra either", "leave it out"
        )


def _tiers(alerting: Node, spec: Mapping[str, Any], target: Target, *, off: bool) -> list[dict[str, Any]] | None:
    """Explicit tiers only where severities ask for other ones than ours."""
    severities = alerting.child("severities")
    wanted = {burn: severities.text(burn) or usual for burn, usual in _BURNS.items()}
    if off:
        written = [burn for burn in wanted if burn in severities]
        if written:
            alerting.changed("severities", "alerts are disabled", "severities have no effect", "leave them out")
        return None
    alerting.changed(
        None,
        "Pyrra's alerts at 14x, 7x, 2x and 1x are those of Ninefold at 14.4x, 6x, 3x and 1x",
        "windows differ a little, there is no `for`, severity is page and ticket instead of critical and warning, and "
        "alerts carry slo_name and service instead of slo and the matchers of the total",
        "change the routes of Alertmanager; `ninefold render` shows the alerts",
    )
    found = {burn: _severity(severities, burn, value) for burn, value in wanted.items()}
    if all(found[burn] == _SEVERITIES[usual] for burn, usual in _BURNS.items()):
        return None
    tiers = [dict(tier) for tier in target.tiers(spec)]
    if len(tiers) != len(found):
        severities.lost(
            None,
            "the severities are not carried",
            f"Ninefold finds {len(tiers)} tiers for this objective and window instead of {len(found)}",
            "write spec.alerting.tiers",
        )
        return None
    return [{**tier, "severity": severity} for tier, severity in zip(tiers, found.values(), strict=True)]


def _severity(severities: Node, burn: str, value: str) -> str:
    severity = _SEVERITIES.get(value.lower())
    if severity is None:
        severity = _SEVERITIES[_BURNS[burn]]
        severities.lost(
            burn,
            f"the severity {value} is written {severity.lower()}",
            "Ninefold's alerts know page and ticket",
            "route by the label burn_tier, or write spec.alerting.tiers",
        )
    return severity
