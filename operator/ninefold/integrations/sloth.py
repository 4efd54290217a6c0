"""Sloth's specifications, `prometheus/v1` and the CRD PrometheusServiceLevel, read into our resource. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from ninefold.integrations.translation import ours, queries
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import Made, NotCarried, Target, Translation
from ninefold.kube.api import GROUP

PLAIN = "prometheus/v1"
API = "sloth.slok.dev/v1"
SERVICE, SLO = f"{GROUP}/sloth-service", f"{GROUP}/sloth-slo"
"""Annotations with Sloth's own names, where ours differ: the aliases of our series carry Sloth's."""
PERIOD = "30d"
"""Sloth's period, unless it was started with another."""

_LABELS = {"sloth_service": "service", "sloth_slo": "slo_name", "sloth_id": "slo_id", "sloth_severity": "severity"}
"""Labels of Sloth's alerts, and what they are called on ours."""


def recognizes(document: Mapping[str, Any]) -> bool:
    return document.get("version") == PLAIN or str(document.get("apiVersion", "")).startswith("sloth.slok.dev/")


def translate(documents: Sequence[Mapping[str, Any]], target: Target) -> Translation:
    """Each SLO becomes an object. An AlertWindows among the documents says the period and the alert tiers."""
    result = Translation()
    nodes = [Node(document, result.remarks, index) for index, document in enumerate(documents)]
    period = _period([node for node in nodes if node.text("kind") == "AlertWindows"])
    for node in nodes:
        if node.text("kind") == "AlertWindows":
            continue
        try:
            result.made.extend(_specification(node, period, target))
        except NotCarried as refusal:
            node.give_up(refusal)
        node.close()
    return result


@dataclass(frozen=True, slots=True)
class _Names:
    """How the two forms of the same fields are spelled."""

    plugins: str
    error: str
    total: str
    raw: str
    page: str
    ticket: str


_SNAKE = _Names("slo_plugins", "error_query", "total_query", "error_ratio_query", "page_alert", "ticket_alert")
_CAMEL = _Names("sloPlugins", "errorQuery", "totalQuery", "errorRatioQuery", "pageAlert", "ticketAlert")


@dataclass(frozen=True, slots=True)
class _Period:
    """The window that Sloth would have used, and its alert tiers if they were written; known if it was."""

    window: str = PERIOD
    tiers: list[dict[str, Any]] | None = None
    known: bool = False


@dataclass(frozen=True, slots=True)
class _Service:
    """What the SLOs of one specification share."""

    name: str
    written: str
    """The service as Sloth has it on its series."""
    names: _Names
    period: _Period
    target: Target
    metadata: dict[str, Any]
    labels: dict[str, str] = field(default_factory=dict)


def _specification(node: Node, period: _Period, target: Target) -> Iterator[Made]:
    plain = "apiVersion" not in node
    if plain:
        if (version := node.text("version")) != PLAIN:
            raise node.refused("version", f"{version} is not known", "nothing is made of it", f"write {PLAIN}")
        spec, metadata = node, {"namespace": target.namespace}
    else:
        metadata = _resource(node, target)
        spec = node.child("spec")
    written = spec.text("service")
    names = _SNAKE if plain else _CAMEL
    labels = _recorded(spec, target)
    for part in (spec, *spec.children("slos")):
        _slo_plugins(part, names.plugins if part is spec else "plugins")
    service = _Service(ours.service(spec, "service", written), written, names, period, target, metadata, labels)
    if not period.known and spec.children("slos"):
        spec.changed(
            None,
            f"Sloth's period is an option of Sloth and not in the file: {PERIOD} is taken",
            "budgets are for that window",
            "write another window.rolling if Sloth was started with --default-slo-period",
        )
    for slo in spec.children("slos"):
        try:
            yield Made(_objective(slo, service), node.document, slo.path)
        except NotCarried as refusal:
            slo.give_up(refusal)


def _resource(node: Node, target: Target) -> dict[str, Any]:
    _check_kind(node, "PrometheusServiceLevel")
    metadata = ours.object_metadata(node, target.namespace)
    node.child("metadata").changed(
        None,
        f"the object {metadata.pop('name')} becomes one object for each SLO",
        "they are named <service>-<slo>",
        "apply them, then delete the old object",
    )
    return metadata


def _check_kind(node: Node, wanted: str) -> None:
    version, kind = node.text("apiVersion"), node.text("kind")
    if (version, kind) != (API, wanted):
        raise node.refused(
            None, f"{kind} of {version} is not known", "nothing is made of it", f"write a {wanted} of {API}"
        )


def _recorded(node: Node, target: Target) -> dict[str, str]:
    """Labels that Sloth puts on recordings and alerts."""
    labels = ours.alert_labels(node.child("labels"), node.mapping("labels"), target)
    if labels:
        node.changed(
            "labels",
            f"the labels {', '.join(labels)} were on every recorded series",
            "they are on the alerts; the series carry slo_id alone",
            "join slo:info for what describes an objective",
        )
    return labels


def _objective(slo: Node, service: _Service) -> dict[str, Any]:
    name = slo.text("name")
    if not name:
        raise slo.refused("name", "the SLO has no name", "nothing is made of it", "write a name")
    objective = slo.number("objective")
    if objective is None:
        raise slo.refused("objective", "there is no objective", "nothing is made of it", 'write one such as "99.9"')
    made = ours.named(slo, "name", f"{service.written}-{name}")
    annotations = {SERVICE: service.written} if service.written != service.name else {}
    annotations |= {SLO: name} if made != f"{service.written}-{name}" else {}
    spec: dict[str, Any] = {
        "service": service.name,
        "description": ours.plain(slo, "description"),
        "objective": ours.percent(slo, "objective", objective),
        "window": {"rolling": service.period.window},
        **_indicator(slo.child("sli"), service.names),
    }
    spec["alerting"] = _alerting(slo, service, spec)
    metadata = {
        "name": made,
        **service.metadata,
        "annotations": {**service.metadata.get("annotations", {}), **annotations},
    }
    return ours.manifest(metadata, spec)


def _indicator(sli: Node, names: _Names) -> dict[str, Any]:
    """The fields `indicator` and `groupBy`."""
    events, raw, plugin = (sli.child(name) for name in ("events", "raw", "plugin"))
    if "plugin" in sli:
        name, options = plugin.text("id"), plugin.mapping("options")
        raise sli.refused(
            "plugin",
            f"the SLI plugin {name} is not carried" + (f", with options {options}" if options else ""),
            "nothing is made of the SLO",
            "write spec.indicator.ratio: `sloth generate` prints the two queries that the plugin makes, "
            "in the rule slo:sli_error:ratio_rate5m",
        )
    if "raw" in sli:
        query = _query(raw, names.raw)
        return {"indicator": {"errorRatio": {"query": query}}, "groupBy": _groups(sli, [query])}
    if "events" not in sli:
        raise sli.refused(None, "there is no SLI", "nothing is made of the SLO", "write sli.events")
    bad, total = (_events(events, name) for name in (names.error, names.total))
    return {"indicator": {"ratio": {"bad": bad, "total": total}}, "groupBy": _groups(sli, [bad, total])}


def _query(node: Node, name: str) -> str:
    query = queries.from_template(node.text(name))
    if not queries.has_window(query):
        raise node.refused(
            name,
            "the query has no range [{{.window}}]",
            "Sloth refuses it, too; nothing is made of the SLO",
            "write [{{.window}}] for its range",
        )
    return query


def _events(node: Node, name: str) -> str:
    query = _query(node, name)
    counted = queries.per_second(query)
    if counted != query:
        node.changed(
            name,
            "increase is written rate",
            "events are counted per second; their ratio is the same",
            "nothing need be done",
        )
    elif not queries.is_rated(query):
        node.changed(
            name,
            "the query does not count events per second",
            "ratios are right, but slo:events:rate5m and minimumErrors count in its unit",
            "divide it by the seconds of the window, or take a rate",
        )
    return counted


def _groups(sli: Node, written: Sequence[str]) -> list[str]:
    """Sloth keeps a budget for each series that a query yields; ours says so in groupBy."""
    found = {queries.grouping(query) for query in written}
    labels = found.pop() if len(found) == 1 else None
    if labels is None:
        sli.lost(
            None,
            "it cannot be told by which labels the queries keep series apart",
            "where Sloth had a budget for each of several series, there is one for all of them",
            "write these labels into spec.groupBy, and aggregate both queries by them",
        )
        return []
    if labels:
        sli.changed(
            None,
            f"the queries keep {', '.join(labels)} apart",
            "groupBy says so: each value has a budget and alerts of its own",
            "nothing need be done",
        )
    return list(labels)


def _alerting(slo: Node, service: _Service, spec: Mapping[str, Any]) -> dict[str, Any]:
    alerting, names = slo.child("alerting"), service.names
    alerts = {"Page": alerting.child(names.page), "Ticket": alerting.child(names.ticket)}
    off = {severity: alert.flag("disable") for severity, alert in alerts.items()}
    labels = {**service.labels, **_recorded(slo, service.target)}
    labels |= ours.alert_labels(alerting.child("labels"), alerting.mapping("labels"), service.target)
    labels |= _of_both(alerts, off, "labels", service.target)
    labels |= ours.alert_name(alerting, alerting.text("name"), service.target)
    annotations = {**alerting.mapping("annotations"), **_of_both(alerts, off, "annotations", service.target)}
    made = {
        "disabled": all(off.values()),
        "tiers": None if all(off.values()) else _tiers(alerts["Ticket"], off, service, spec),
        "labels": ours.few(alerting, labels),
        **ours.alert_annotations(alerting.child("annotations"), annotations, _LABELS, labels),
    }
    return {name: value for name, value in made.items() if value}


def _of_both(alerts: Mapping[str, Node], off: Mapping[str, bool], what: str, target: Target) -> dict[str, str]:
    """The labels or annotations that both alerts have, or the only one that is not disabled."""
    found: dict[str, dict[str, str]] = {}
    for severity, alert in alerts.items():
        one = alert.mapping(what)
        if off[severity]:
            if one:
                meaning = f"its {what} have no effect in Sloth either"
                alert.changed(what, "the alert is disabled", meaning, "leave them out")
            continue
        if what == "labels":
            _severity(alert.child(what), severity.lower(), one)
            one = ours.alert_labels(alert.child(what), one, target)
        found[severity] = one
    sides = list(found.values())
    common = {name: value for side in sides for name, value in side.items() if all(o.get(name) == value for o in sides)}
    for severity, one in found.items():
        for name in [name for name in one if name not in common]:
            alerts[severity].child(what).lost(
                name,
                f"{name} is on the {severity.lower()} alert only, or has another value there",
                f"{what} of ours are on every alert of the objective",
                f'route by the label severity="{severity.lower()}" instead',
            )
    return common


def _severity(labels: Node, severity: str, found: dict[str, str]) -> None:
    value = found.pop("severity", severity)
    if value != severity:
        labels.changed(
            "severity",
            f'severity="{value}" is written severity="{severity}"',
            "Ninefold's alerts know page and ticket",
            f'match severity="{severity}" in routes',
        )


_USUAL = [("14.4", "1h"), ("6", "6h"), ("3", "1d"), ("1", "3d")]
"""Burn rates and long windows of Sloth's alerts at 30d."""


def _listed(tiers: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{rate}x/{long}" for rate, long in tiers)


def _tiers(
    ticket: Node, off: Mapping[str, bool], service: _Service, spec: Mapping[str, Any]
) -> list[dict[str, Any]] | None:
    """None for those that Ninefold finds by itself, which are Sloth's at 30d."""
    usual = [dict(tier) for tier in service.target.tiers(spec)]
    if service.period.tiers is None and not any(off.values()):
        found = [(tier["burnRate"], tier["long"]) for tier in usual]
        if usual and found != _USUAL:
            ticket.changed(
                None,
                f"Sloth's alerts at {_listed(_USUAL)} are {_listed(found)}",
                f"at {spec['objective']} % an outage could not burn fast enough for all of them",
                "look at `ninefold render`, or write spec.alerting.tiers",
            )
        return None
    kept = [tier for tier in service.period.tiers or usual if not off[tier["severity"]]]
    if not usual or any(Decimal(tier["burnRate"]) <= 1 for tier in kept):
        return kept
    (ticket.lost if off["Ticket"] else ticket.changed)(
        None,
        "a ticket at a burn rate of 1 is there although no such alert was",
        "a list of tiers must hold one that sees any overspending; it carries the same labels as the others",
        'drop severity="ticket" in Alertmanager if nobody is to see it',
    )
    return [*kept, min(usual, key=lambda tier: Decimal(tier["burnRate"]))]


_PLUGINS = {
    "denominator_corrected": "write alerting.minimumErrors, minimumTraffic or confidence, which guard low traffic",
    "error_budget_exhausted_alert": "write an ErrorBudgetPolicy with when.budgetLeftBelow",
    "info_labels": "join slo:info, or write labels into alerting.labels",
    "remove_labels": "leave it out: series carry slo_id alone",
    "rule_intervals": "set the interval at which Prometheus evaluates rules",
    "validate": "leave it out: `ninefold lint` checks",
    "noop": "leave it out: it does nothing",
    "debug": "leave it out: `ninefold render` shows the rules",
}
"""What to do without Sloth's own plugins, by a part of their id."""
_HARMLESS = ("remove_labels", "validate", "noop", "debug")


def _slo_plugins(node: Node, name: str) -> None:
    chain = node.child(name)
    if chain.flag("overridePrevious"):
        chain.lost(
            "overridePrevious",
            "Sloth's own plugins were replaced",
            "the rules are those of Ninefold",
            "look at `ninefold render` for what they are",
        )
    for plugin in chain.children("chain"):
        identity, priority, config = plugin.text("id"), plugin.text("priority"), plugin.raw("config")
        known = next((part for part in _PLUGINS if f"/{part}" in identity), "")
        told = f" at priority {priority}" if priority else ""
        told += f", with config {config}" if config else ""
        (plugin.changed if known in _HARMLESS else plugin.lost)(
            None,
            f"the SLO plugin {identity}{told} is not carried",
            "Sloth's plugins change rules that Ninefold does not write",
            _PLUGINS.get(
                known, "look at `ninefold render` for what is missing, and write a rule of your own beside it"
            ),
        )


def _period(windows: Sequence[Node]) -> _Period:
    """What the only AlertWindows says."""
    found = _Period()
    for node in windows:
        try:
            if len(windows) > 1:
                raise node.refused(
                    None,
                    "there are several AlertWindows",
                    f"none is taken, and the period is {PERIOD}",
                    "import the specifications with one of them at a time",
                )
            found = _written_period(node)
        except NotCarried as refusal:
            node.give_up(refusal)
        node.close()
    return found


def _written_period(node: Node) -> _Period:
    _check_kind(node, "AlertWindows")
    ours.object_metadata(node, "")
    spec = node.child("spec")
    return _Period(ours.window(spec.text("sloPeriod")), list(_written_tiers(spec)), known=True)


def _written_tiers(spec: Node) -> Iterator[dict[str, Any]]:
    period = ours.length(spec.text("sloPeriod"))
    for severity in ("Page", "Ticket"):
        for speed in ("quick", "slow"):
            tier = spec.child(severity.lower()).child(speed)
            share, long, short = (tier.number("errorBudgetPercent"), tier.text("longWindow"), tier.text("shortWindow"))
            seconds = ours.length(long)
            if not period or not seconds or share is None or share <= 0:
                raise tier.refused(
                    None, "a window or its share is missing", f"the period is {PERIOD}", "write all of them"
                )
            burn_rate = (share * period / 100 / seconds).quantize(Decimal("0.000000001"))
            yield {
                "burnRate": ours.decimal(burn_rate),
                "long": ours.window(long),
                "short": ours.window(short),
                "severity": severity,
            }
