"""Pyrra's ServiceLevelObjective of pyrra.dev/v1alpha1, read into Ninefold's resource of the same name. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from ninefold.integrations.translation import ours, queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.groups import Groups
from ninefold.integrations.translation.report import ImportTarget, Made, NotCarried, Translation
from ninefold.kube.fields import duration

API = "pyrra.dev/v1alpha1"
PREFIX = "pyrra.dev/"
"""The prefix of labels and annotations that Pyrra puts on its rules; the rest is their name there."""

_LABELS = {"slo": "slo_name"}
_BURNS = {"fastBurn": "critical", "mediumBurn": "critical", "slowBurn": "warning", "longTermBurn": "warning"}
"""Pyrra's alerts from the fastest to the slowest, and the default severity of each."""
_SEVERITIES = {"critical": "Page", "page": "Page", "warning": "Ticket", "ticket": "Ticket"}


def recognizes(document: Mapping[str, Any]) -> bool:
    return str(document.get("apiVersion", "")).startswith(PREFIX)


def translate(documents: Sequence[Mapping[str, Any]], target: ImportTarget) -> Translation:
    """Each object becomes a ServiceLevelObjective of Ninefold with the same name."""
    result = Translation()
    for index, document in enumerate(documents):
        node = Node(document, result.remarks, index)
        try:
            result.made.append(Made(_objective(node, target), index))
        except NotCarried as refusal:
            node.give_up(refusal)
        node.close()
    return result


def _objective(node: Node, target: ImportTarget) -> dict[str, Any]:
    version, kind = node.text("apiVersion"), node.text("kind")
    if (version, kind) != (API, "ServiceLevelObjective"):
        raise node.refused(
            None,
            f"{kind} of {version} is unknown",
            "it is not converted",
            f"write a ServiceLevelObjective of {API}",
        )
    metadata = ours.object_metadata(node, target.namespace)
    handed_on = {name: value for name, value in metadata["labels"].items() if not name.startswith(PREFIX)}
    ours.rule_labels(node.child("metadata"), handed_on, "Pyrra")
    spec = node.child("spec")
    if "partial_response_strategy" in spec and spec.text("partial_response_strategy") not in ("", "abort"):
        spec.lost(
            "partial_response_strategy",
            "a partial response is not tolerated",
            "Thanos Ruler then aborts the rules, which is its default",
            "set it on the rule object by other means if the rules run in Thanos",
        )
    _output(spec)
    made: dict[str, Any] = {
        "service": _service(node, metadata),
        "description": ours.plain(spec, "description"),
        "objective": _target(spec),
        "window": {"rolling": _window(spec)},
        **_indicator(spec.child("indicator"), target),
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
        "Pyrra has no service",
        f"the objective's name is used for it: {name}",
        f"write spec.service, or label the object {PREFIX}service before the import",
    )
    return ours.service(node.child("metadata"), "name", name)


def _target(spec: Node) -> str:
    value = spec.number("target")
    if value is None:
        raise spec.refused("target", "there is no target", "it is not converted", 'write a number such as "99.9"')
    return ours.percent(spec, "target", value)


def _window(spec: Node) -> str:
    written = spec.text("window")
    if ours.length(written) is None:
        raise spec.refused("window", f"{written!r} is not a window", "it is not converted", "write one such as 28d")
    return ours.window(written)


def _output(spec: Node) -> None:
    if "performanceOverAccuracy" in spec:
        spec.changed(
            "performanceOverAccuracy",
            "Ninefold has no such option",
            "Ninefold's rules read recordings and count every event",
            "leave it out",
        )
    output = spec.child("ruleOutput")
    for name in ("shortRulesLabels", "longRulesLabels"):
        if labels := output.mapping(name):
            pairs = ",".join(f"{key}={value}" for key, value in labels.items())
            output.lost(
                name,
                f"the labels {pairs} of the rule objects are not converted",
                "one object holds all rules of an objective",
                "start the operator with --rule-labels",
            )
    if output.flag("enableDescriptionAsLabel"):
        output.lost(
            "enableDescriptionAsLabel",
            "the description is not a label of the series",
            "it is in the annotation description of the alerts",
            "join slo:info for labels that describe an objective",
        )


def _indicator(indicator: Node, target: ImportTarget) -> dict[str, Any]:
    """The fields `indicator` and `groupBy`."""
    present = [name for name in ("ratio", "latency", "latencyNative", "bool_gauge") if name in indicator]
    if len(present) != 1:
        raise indicator.refused(
            None,
            f"the indicator has {len(present)} types",
            "it is not converted",
            "write exactly one of ratio, latency, latencyNative or bool_gauge",
        )
    node = indicator.child(present[0])
    groups = Groups(node, node.texts("grouping"), target)
    read = {"ratio": _ratio, "latency": _latency, "latencyNative": _native, "bool_gauge": _gauge}[present[0]]
    return {"indicator": read(node, groups), "groupBy": groups.names}


def _metric(node: Node, name: str) -> str:
    """The selector in `name.metric`; "" if absent."""
    return node.child(name).text("metric").strip() if name in node else ""


def _ratio(node: Node, groups: Groups) -> dict[str, Any]:
    bad, good, total = (_metric(node, name) for name in ("errors", "success", "total"))
    if sum(map(bool, (bad, good, total))) != 2:
        raise node.refused(
            None, "a ratio needs two metrics", "it is not converted", "write two of errors, success and total"
        )
    if total:
        part = {"bad": bad} if bad else {"good": good}
        return {"ratio": {name: _counted(query, groups) for name, query in {**part, "total": total}.items()}}
    bads, goods = (f"{groups.sum} ({groups.exported(f'rate({metric}[$window])')})" for metric in (bad, good))
    node.changed(
        None,
        "the total becomes the sum of errors and successes",
        "where one of them has no series, the other alone is the total",
        "no action is needed",
    )
    return {"ratio": {"bad": groups.counted(bad), "total": f"{bads} + {goods} or {goods} or {bads}"}}


def _counted(query: str, groups: Groups) -> str:
    return groups.counted(query) if groups else queries.offset_rated(query)


def _latency(node: Node, groups: Groups) -> dict[str, Any]:
    good, total = _metric(node, "success"), _metric(node, "total")
    if not good or not total:
        raise node.refused(None, "a metric is missing", "it is not converted", "write both success and total")
    if not queries.has_one_bucket(good):
        raise node.refused(
            "success",
            "the metric of success does not select a single bucket",
            "each bucket includes the events of smaller buckets, so there would be more good events than events",
            'write le="0.3" with the intended bound into its selector',
        )
    read = queries.latency(good, total)
    if read is not None and not groups:
        histogram, bound = read
        return {"latency": {"histogram": histogram, "threshold": ours.decimal(bound)}}
    why = "these are not a bucket and the count of the same series"
    node.changed(
        None,
        why if read is None else "labels of a histogram cannot be renamed",
        "it becomes a ratio of good to all events",
        "write indicator.latency if a missing bucket must not count as an outage",
    )
    return {"ratio": {"good": groups.counted(good), "total": groups.counted(total)}}


def _native(node: Node, groups: Groups) -> dict[str, Any]:
    histogram, limit = _metric(node, "total"), node.text("latency")
    seconds = ours.length(limit)
    if seconds is None or not histogram:
        raise node.refused(
            "latency",
            f"{limit!r} is not a latency, or total is missing",
            "it is not converted",
            "write one such as 200ms",
        )
    if groups:
        rate = f"{groups.sum} ({groups.exported(f'rate({histogram}[$window])')})"
        count = f"histogram_count({rate})"
        share = f"histogram_fraction(-Inf, {ours.decimal(seconds)}, {rate})"
        return {"ratio": {"good": f"{share} * {count}", "total": count}}
    threshold = f"{ours.decimal(seconds)}s" if seconds >= 1 else f"{ours.decimal(seconds * 1000)}ms"
    return {"latency": {"histogram": histogram, "threshold": threshold, "buckets": "Native"}}


def _gauge(node: Node, groups: Groups) -> dict[str, Any]:
    metric = node.text("metric").strip()
    if not metric:
        raise node.refused("metric", "the metric is missing", "it is not converted", "write metric")
    if groups:
        return {"gauge": {"query": groups.exported(metric), "badBelow": "1"}}
    return {"boolean": {"selector": metric}}


def _alerting(node: Node, metadata: Mapping[str, Any], spec: Mapping[str, Any], target: ImportTarget) -> dict[str, Any]:
    alerting, source = node.child("spec").child("alerting"), node.child("metadata")
    propagated = {
        what: {name.removeprefix(PREFIX): value for name, value in metadata[what].items() if name.startswith(PREFIX)}
        for what in ("labels", "annotations")
    }
    propagated["labels"].pop("service", None)
    labels = ours.alert_labels(source.child("labels"), propagated["labels"], target)
    disabled, burns = alerting.flag("disabled"), alerting.flag("burnrates", True)
    _absent(alerting)
    name = ours.alert_name(alerting)
    off = disabled or not burns
    made: dict[str, Any] = {
        "disabled": off,
        "name": name if not off else "",
        "tiers": _tiers(alerting, spec, off=off),
        "labels": ours.few(source, labels),
        **ours.alert_annotations(source.child("annotations"), propagated["annotations"], _LABELS, labels),
    }
    return {name: value for name, value in made.items() if value}


def _absent(alerting: Node) -> None:
    """Pyrra's alert about a metric without series: on by default, even with `disabled`."""
    severities = alerting.child("severities")
    name, severity = alerting.text("absentName") or "SLOMetricAbsent", severities.text("absent") or "critical"
    if alerting.flag("absent", True):
        alerting.lost(
            "absent",
            f"there is no alert {name} ({severity})",
            "a total without series is the data state Unknown or Broken, and raises no alert",
            'alert on ninefold_slo_data_state{state=~"Unknown|Broken"}, or set alerting.absent to false',
        )
    elif "absentName" in alerting or "absent" in severities:
        alerting.changed(
            "absentName", f"the alert {name} ({severity}) is off", "Pyrra does not have it either", "leave it out"
        )


_DAY = 86_400
_WINDOWS = {
    "fastBurn": ("14", 2, 60, 5),
    "mediumBurn": ("7", 15, 6 * 60, 30),
    "slowBurn": ("2", 60, 24 * 60, 2 * 60),
    "longTermBurn": ("1", 3 * 60, 4 * 24 * 60, 6 * 60),
}
"""Pyrra's alerts at a window of 28 days: burn rate, and the minutes of `for`, long and short window."""


def _tiers(alerting: Node, spec: Mapping[str, Any], *, off: bool) -> list[dict[str, Any]] | None:
    """The tiers of Pyrra's alerts; None if alerts are off."""
    severities = alerting.child("severities")
    wanted = {burn: severities.text(burn) or usual for burn, usual in _BURNS.items()}
    if off:
        written = [burn for burn in wanted if burn in severities]
        if written:
            alerting.changed("severities", "alerts are disabled", "severities have no effect", "leave them out")
        return None
    alerting.changed(
        None,
        "severities are page and ticket instead of critical and warning",
        "alerts carry slo_name and service instead of slo and the matchers of the total",
        "change the routes of Alertmanager; `ninefold render` shows the alerts",
    )
    tiers = {burn: _tier(burn, spec) for burn in _WINDOWS}
    # Of two tiers that differ only in the burn rate, the lower one suffices.
    distinct: dict[tuple[str, ...], dict[str, Any]] = {}
    for burn, value in wanted.items():
        tier = {**tiers[burn], "severity": _severity(severities, burn, value)}
        distinct[tuple(value for name, value in tier.items() if name != "burnRate")] = tier
    possible = [
        tier for tier in distinct.values() if Decimal(tier["burnRate"]) * (100 - Decimal(spec["objective"])) < 100
    ]
    _adjusted(alerting, spec, [tier["burnRate"] for tier in distinct.values() if tier not in possible])
    return possible


def _tier(burn: str, spec: Mapping[str, Any]) -> dict[str, Any]:
    burn_rate, *minutes = _WINDOWS[burn]
    hold, long, short = (_scaled(length, spec) for length in minutes)
    tier = {"burnRate": burn_rate, "long": duration(_stepped(long) * 60), "short": duration(_stepped(short) * 60)}
    return tier | ({"for": duration(hold * 60)} if hold else {})


def _scaled(minutes: int, spec: Mapping[str, Any]) -> int:
    """One of Pyrra's lengths in proportion to the window, in whole minutes."""
    window = ours.length(spec["window"]["rolling"]) or Decimal(0)
    return _nearest(minutes * window / (28 * _DAY))


def _stepped(minutes: int) -> int:
    """The nearest length that Ninefold's alert windows can have."""
    return max(5, _nearest(Decimal(minutes) / 5) * 5)


def _nearest(number: Decimal) -> int:
    return int(number.to_integral_value(ROUND_HALF_UP))


def _adjusted(alerting: Node, spec: Mapping[str, Any], impossible: Sequence[str]) -> None:
    """Report how the tiers differ from Pyrra's."""
    written = [[_scaled(minutes, spec) for minutes in lengths] for _, _, *lengths in _WINDOWS.values()]
    made = [[_stepped(minutes) for minutes in lengths] for lengths in written]
    if made != written:
        pairs = [pair for pair in zip(written, made, strict=True) if pair[0] != pair[1]]
        alerting.changed(
            None,
            f"windows of {' and '.join(_both(lengths) for lengths, _ in pairs)} are "
            f"{' and '.join(_both(lengths) for _, lengths in pairs)}",
            "windows of alerts are whole multiples of 5m; burn rates and `for` are Pyrra's",
            "no action is needed",
        )
    if impossible:
        alerting.changed(
            None,
            f"there is no alert at {', '.join(impossible)}",
            f"at {spec['objective']} % no outage burns that fast, so Pyrra's alert never fires either",
            "no action is needed",
        )


def _both(lengths: Sequence[int]) -> str:
    """A long and a short window, given in minutes."""
    return "/".join(map(_minutes, lengths))


def _minutes(count: int) -> str:
    parts = ((count // 1440, "d"), (count % 1440 // 60, "h"), (count % 60, "m"))
    return "".join(f"{number}{unit}" for number, unit in parts if number) or "0m"


def _severity(severities: Node, burn: str, value: str) -> str:
    severity = _SEVERITIES.get(value.lower())
    if severity is None:
        severity = _SEVERITIES[_BURNS[burn]]
        severities.lost(
            burn,
            f"the severity {value} becomes {severity.lower()}",
            "the severities of Ninefold's alerts are page and ticket",
            "route by the label burn_tier, or write spec.alerting.tiers",
        )
    return severity
