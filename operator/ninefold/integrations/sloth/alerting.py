"""Converts the alerts of a Sloth SLO to `alerting`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from ninefold.integrations.sloth.service import SlothService, recorded
from ninefold.integrations.translation import ours
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget

_LABELS = {"sloth_service": "service", "sloth_slo": "slo_name", "sloth_id": "slo_id", "sloth_severity": "severity"}
"""Labels of Sloth's alerts, and their names on Ninefold's alerts."""


def alerting_of(slo: Node, service: SlothService, spec: Mapping[str, Any]) -> dict[str, Any]:
    alerting, names = slo.child("alerting"), service.names
    alerts = {"page": alerting.child(names.page), "ticket": alerting.child(names.ticket)}
    off = {severity: alert.flag("disable") for severity, alert in alerts.items()}
    labels = {**service.labels, **recorded(slo, service.target)}
    labels |= ours.alert_labels(alerting.child("labels"), alerting.mapping("labels"), service.target)
    name, silent = ours.alert_name(alerting), all(off.values())
    made = {
        "disabled": silent,
        "name": "" if silent else name,
        "tiers": None if silent else _tiers(alerting, service, spec),
        "labels": ours.few(alerting, labels),
        **ours.alert_annotations(alerting.child("annotations"), alerting.mapping("annotations"), _LABELS, labels),
        **{name: _of_severity(name, alert, labels, service.target, off) for name, alert in alerts.items()},
    }
    return {name: value for name, value in made.items() if value}


def _of_severity(
    severity: str, alert: Node, shared: Mapping[str, str], target: ImportTarget, off: Mapping[str, bool]
) -> dict[str, Any]:
    """The fields that only the alerts of one severity have."""
    labels, annotations = alert.mapping("labels"), alert.mapping("annotations")
    if off[severity]:
        for field, values in (("labels", labels), ("annotations", annotations)):
            if values:
                alert.changed(
                    field, "the alert is disabled", f"its {field} have no effect in Sloth either", "leave them out"
                )
        return {} if all(off.values()) else {"disabled": True}
    _severity(alert.child("labels"), severity, labels)
    own = ours.few(alert, ours.alert_labels(alert.child("labels"), labels, target))
    texts = ours.alert_annotations(alert.child("annotations"), annotations, _LABELS, {**shared, **own})
    dashboard = texts.pop("dashboard", None)
    if dashboard:
        texts["annotations"] = {**texts["annotations"], "dashboard": dashboard}
    return {name: value for name, value in {"labels": own, **texts}.items() if value}


def _severity(labels: Node, severity: str, values: dict[str, str]) -> None:
    value = values.pop("severity", severity)
    if value != severity:
        labels.changed(
            "severity",
            f'severity="{value}" becomes severity="{severity}"',
            "the severities of Ninefold's alerts are page and ticket",
            f'match severity="{severity}" in routes',
        )


_USUAL = [("14.4", "1h"), ("6", "6h"), ("3", "1d"), ("1", "3d")]
"""Burn rates and long windows of Sloth's alerts at 30d."""


def _listed(tiers: Sequence[tuple[str, str]]) -> str:
    return ", ".join(f"{rate}x/{long}" for rate, long in tiers)


def _tiers(alerting: Node, service: SlothService, spec: Mapping[str, Any]) -> list[dict[str, Any]] | None:
    """The tiers of an AlertWindows; None for the tiers that Ninefold computes, which equal Sloth's at 30d."""
    usual, written = [dict(tier) for tier in service.target.tiers(spec)], service.period.tiers
    if written is None:
        _found(alerting, spec, [(tier["burnRate"], tier["long"]) for tier in usual])
        return None
    if not usual or any(Decimal(tier["burnRate"]) <= 1 for tier in written):
        return written
    alerting.changed(
        None,
        "a ticket at a burn rate of 1 is added",
        "a list of tiers must hold a tier that detects any overspending; it carries the same labels as the others",
        'drop burn_tier=~"1x/.*" in Alertmanager if no one needs it',
    )
    return [*written, min(usual, key=lambda tier: Decimal(tier["burnRate"]))]


def _found(alerting: Node, spec: Mapping[str, Any], found: Sequence[tuple[str, str]]) -> None:
    """Report how the tiers that Ninefold computes differ from Sloth's."""
    if found and found != _USUAL:
        alerting.changed(
            None,
            f"Sloth's alerts at {_listed(_USUAL)} become {_listed(found)}",
            f"at {spec['objective']} % an outage cannot burn fast enough for all of them",
            "check the output of `ninefold render`, or write spec.alerting.tiers",
        )
    if "ratio" in spec["indicator"]:
        alerting.changed(
            None,
            "no page starts after an outage has ended, and a single error raises no alert",
            "Sloth's alerts do both",
            "write spec.alerting.tiers, which apply exactly as written, and minimumErrors: 1 if you want both",
        )
