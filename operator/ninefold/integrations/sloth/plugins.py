"""Sloth's plugins that change its rules: none is converted, and each is reported. Pure."""

from __future__ import annotations

from ninefold.integrations.translation.foreign import Node

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


def report(node: Node, name: str) -> None:
    chain = node.child(name)
    if chain.flag("overridePrevious"):
        chain.lost(
            "overridePrevious",
            "Sloth's own plugins were replaced",
            "the rules are Ninefold's",
            "check the output of `ninefold render`",
        )
    for plugin in chain.children("chain"):
        identity, priority, config = plugin.text("id"), plugin.text("priority"), plugin.raw("config")
        known = next((part for part in _PLUGINS if f"/{part}" in identity), "")
        details = f" at priority {priority}" if priority else ""
        details += f", with config {config}" if config else ""
        (plugin.changed if known in _HARMLESS else plugin.lost)(
            None,
            f"the SLO plugin {identity}{details} is not converted",
            "Sloth's plugins change rules that Ninefold does not write",
            _PLUGINS.get(
                known, "check the output of `ninefold render` for missing parts, and write your own rule for them"
            ),
        )
