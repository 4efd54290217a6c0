"""Converts OpenSLO alert policies to alert tiers. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from ninefold.integrations.openslo.catalog import Catalog, described
from ninefold.integrations.translation import ours
from ninefold.integrations.translation.foreign import Node
from ninefold.integrations.translation.report import ImportTarget, NotCarried
from ninefold.kube.fields import duration

TARGETS = "notification_target"
"""The label that names the notification targets of an SLO's policies."""

MOST = 8
"""The most tiers that an objective may have."""

_STEP = 300
"""Ninefold's alert windows are whole multiples of 5 minutes."""
_PAGES = frozenset({"page", "critical", "high", "sev1", "sev-1", "p1", "p0"})
_UNITS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800, "M": 2_592_000, "Q": 7_776_000, "Y": 31_536_000}


def seconds(text: str) -> int | None:
    """The seconds of a duration shorthand; a month has 30 days, a quarter 90, a year 365. None for any other text."""
    match = re.fullmatch(r"([0-9]{1,9})([mhdwMQY])", text)
    return int(match[1]) * _UNITS[match[2]] if match else None


def alerting(spec: Node, made: Mapping[str, Any], catalog: Catalog, target: ImportTarget) -> dict[str, Any]:
    """The field `alerting` of an objective; `made` holds its other fields."""
    tiers: list[dict[str, Any]] = []
    targets: list[str] = []
    for policy in _policies(spec, catalog):
        try:
            for tier in _tiers(policy, catalog):
                if tier in tiers:
                    policy.changed(None, "the same alert occurs twice", "it is one tier", "keep one of them")
                else:
                    tiers.append(tier)
            targets += _targets(policy, catalog)
        except NotCarried as refusal:
            catalog.give_up(policy, refusal, whole=False)
    if not tiers:
        spec.changed(
            "alertPolicies",
            "no alert policy asks for an alert",
            "alerting is disabled",
            "leave out alerting.disabled to get the alerts that Ninefold computes",
        )
        return {"disabled": True}
    tiers += _slowest(spec, tiers, target.tiers(made))
    if len(tiers) > MOST:
        spec.lost(
            "alertPolicies",
            f"there are {len(tiers)} alerts",
            f"the {MOST - 1} with the highest burn rates are kept, and the one with the lowest",
            "leave out some of them",
        )
        tiers.sort(key=lambda tier: -Decimal(tier["burnRate"]))
        tiers[MOST - 1 : -1] = []
    names = ",".join(dict.fromkeys(targets))
    return {"tiers": tiers, **({"labels": {TARGETS: names}} if names else {})}


def _policies(spec: Node, catalog: Catalog) -> Iterator[Node]:
    for policy in spec.children("alertPolicies"):
        if "alertPolicyRef" not in policy:
            yield policy
            continue
        name = policy.text("alertPolicyRef")
        found = catalog.find("AlertPolicy", name)
        if found is not None:
            yield found
        else:
            policy.lost(
                "alertPolicyRef",
                f"the AlertPolicy {name} is not in the input",
                "its alert is missing",
                "import it together with the SLO",
            )


def _tiers(policy: Node, catalog: Catalog) -> list[dict[str, Any]]:
    described(policy, "AlertPolicy")
    spec = policy.child("spec")
    if spec.flag("alertWhenNoData"):
        spec.lost(
            "alertWhenNoData",
            "missing data raises no alert",
            "it is the data state Unknown or Broken",
            'alert on ninefold_slo_data_state{state=~"Unknown|Broken"}',
        )
    if spec.flag("alertWhenResolved"):
        spec.changed(
            "alertWhenResolved",
            "Alertmanager reports that an alert has ended",
            "each receiver decides whether to send it",
            "set send_resolved there",
        )
    breaching = spec.flag("alertWhenBreaching")
    conditions = [_condition(condition, catalog) for condition in spec.children("conditions")]
    found = [_tier(condition) for condition in conditions if condition is not None]
    if found and not breaching:
        spec.changed(
            "alertWhenBreaching",
            "the policy does not alert while its condition is met",
            "its condition makes no alert",
            "write alertWhenBreaching: true if it should",
        )
        return []
    return found


def _condition(policy_condition: Node, catalog: Catalog) -> Node | None:
    if "conditionRef" not in policy_condition:
        return policy_condition
    name = policy_condition.text("conditionRef")
    found = catalog.find("AlertCondition", name)
    if found is None:
        policy_condition.lost(
            "conditionRef",
            f"the AlertCondition {name} is not in the input",
            "its alert is missing",
            "import it together with the SLO",
        )
    return found


def _tier(node: Node) -> dict[str, Any]:
    described(node, "AlertCondition")
    spec = node.child("spec")
    condition = spec.child("condition")
    if condition.text("kind") not in ("", "burnrate"):
        raise condition.refused("kind", "only burn rates raise alerts", "the alert is missing", "write kind: burnrate")
    _compared(condition)
    threshold, long = condition.number("threshold"), seconds(condition.text("lookbackWindow"))
    if threshold is None or threshold <= 0 or not long:
        raise condition.refused(
            None,
            "a condition needs a threshold above 0 and a lookbackWindow",
            "the alert is missing",
            "write both",
        )
    window = _stepped(condition, "lookbackWindow", long)
    short = max(1, round(window / 12 / _STEP)) * _STEP
    condition.changed(
        None,
        f"the condition also has a short window of {duration(short)}",
        "the alert ends soon after the burn, not only when the burn leaves the long window",
        "write the same window for short and long if you do not want that",
    )
    hold = seconds(condition.text("alertAfter") or "0m")
    return {
        "burnRate": ours.decimal(threshold),
        "long": duration(window),
        "short": duration(short),
        "severity": _severity(spec),
        **({"for": duration(hold)} if hold else {}),
    }


def _compared(condition: Node) -> None:
    op = condition.text("op")
    if op in ("lt", "lte"):
        condition.lost(
            "op",
            f"{op} would alert while the burn rate is low, and is read as gt",
            "the alert is about burning faster than the threshold",
            "write gt",
        )
    elif op == "gte":
        condition.changed("op", "gte is read as gt", "exactly the threshold does not alert", "no action is needed")
    elif op != "gt":
        condition.lost("op", f"{op or 'no op'} is read as gt", "the alert is about burning too fast", "write gt")


def _stepped(condition: Node, name: str, length: int) -> int:
    """A length rounded up to whole steps; reports a change."""
    made = -(-length // _STEP) * _STEP
    if made != length:
        condition.changed(
            name,
            f"{name} is {duration(made)} instead of {duration(length)}",
            "windows of alerts are whole multiples of 5m",
            "write a multiple of 5m",
        )
    return made


def _severity(spec: Node) -> str:
    written = spec.text("severity")
    severity = "Page" if written.lower() in _PAGES else "Ticket"
    if written != severity.lower():
        spec.changed(
            "severity",
            f"the severity {written or '(none)'} becomes {severity.lower()}",
            "the severities of Ninefold's alerts are page and ticket",
            f'match severity="{severity.lower()}" in routes',
        )
    return severity


def _targets(policy: Node, catalog: Catalog) -> Iterator[str]:
    spec = policy.child("spec")
    for target in spec.children("notificationTargets"):
        name = target.text("targetRef")
        found = catalog.find("AlertNotificationTarget", name) if name else target
        if found is None:
            target.changed(
                "targetRef",
                f"the AlertNotificationTarget {name} is not in the input",
                f"alerts carry its name in the label {TARGETS}",
                "route by it in Alertmanager",
            )
            yield name
            continue
        described(found, "AlertNotificationTarget")
        name = name or found.child("metadata").text("name")
        way = found.child("spec").text("target")
        found.changed(
            None,
            f"the notification target {name} ({way}) is the label {TARGETS}",
            "Ninefold sends nothing itself: Alertmanager does",
            "create a receiver for it, and route by the label",
        )
        yield name


def _slowest(
    spec: Node, tiers: Sequence[Mapping[str, Any]], usual: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """A list of tiers must hold a tier that detects any overspending."""
    if not usual or any(Decimal(tier["burnRate"]) <= 1 for tier in tiers):
        return
    spec.changed(
        "alertPolicies",
        "a ticket at a burn rate of 1 is added",
        "without it a slow burn would spend the budget unnoticed",
        'drop severity="ticket" in Alertmanager if no one needs it',
    )
    yield dict(min(usual, key=lambda tier: Decimal(tier["burnRate"])))
