"""The compiler: one objective becomes one group of recordings and alerts, in the order of their dependence. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective import averages
from ninefold.reliability.servicelevelobjective.averages import HOUR, SHORT_LIMIT, Series
from ninefold.reliability.servicelevelobjective.indicator import expressions
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.tiers import STEP, AlertTier, tiers

Rule = dict[str, Any]
ALERT = "ErrorBudgetBurn"
DAY = 86_400


class Group:
    """The compiled group of one objective: its name, its rules, and the revision that slo:info carries."""

    def __init__(self, slo: ServiceLevelObjective) -> None:
        """Raises Stalled for an indicator that cannot be parsed or a tier that cannot fire."""
        slo_id = slo.slo_id
        self.name = f"ninefold/{slo_id}"
        series, alerts = Series(slo_id), tiers(slo)
        events, errors = expressions(slo.spec.indicator, series("slo:events:rate5m"))
        self.user_expressions = (events, errors)
        """What came from the user, for Prometheus' own verdict."""
        rules = [
            *_base(slo, events, errors),
            *_hourly(series, slo.window),
            *_burn_rates(slo, series, alerts),
            *_budget(slo, series),
        ]
        for rule in rules:
            rule["labels"] = {"slo_id": slo_id}
        alert_rules = [_alert(slo, series, tier) for tier in alerts]
        info = {"slo_id": slo_id, **_description(slo)}
        self.revision = _hash([self.name, rules, info, alert_rules])
        labels = {**info, "revision": self.revision}
        rules.append({"record": "slo:info", "expr": "vector(1)", "labels": labels})
        self.rules: list[Rule] = rules + alert_rules

    def as_dict(self) -> dict[str, Any]:
        """As in a rule file and in a PrometheusRule."""
        return {"name": self.name, "rules": self.rules}


def _base(slo: ServiceLevelObjective, events: str, errors: str) -> Iterator[Rule]:
    yield _record("slo:objective:ratio", f"vector({slo.objective.normalize():f})")
    yield _record("slo:events:rate5m", events)
    yield _record("slo:errors:rate5m", errors)


def _hourly(series: Series, window: int) -> Iterator[Rule]:
    for what in ("events", "errors"):
        yield _record(f"slo:{what}:rate1h", averages.hour_mean(series, f"slo:{what}:rate5m"))
    if window <= SHORT_LIMIT:
        return
    yield _record("slo:coverage:rate5m", f"{series('slo:events:rate5m')} * 0 + 1")
    yield _record("slo:coverage:rate1h", averages.hour_mean(series, "slo:coverage:rate5m"))
    for what in ("events", "errors", "coverage"):
        yield _record(f"slo:{what}:hour", averages.hour_so_far(series, f"slo:{what}:rate5m"))


def _burn_rates(slo: ServiceLevelObjective, series: Series, alerts: list[AlertTier]) -> Iterator[Rule]:
    # 1 h and 6 h are also what people and policies look at.
    windows = {STEP, HOUR, *({6 * HOUR} if slo.window >= DAY else ())}
    for tier in alerts:
        windows |= {tier.long, tier.short}
    for window in sorted(windows):
        errors, events = (averages.in_alert_window(series, what, window)[0] for what in ("errors", "events"))
        ratio = f"({errors}) / (({events}) > 0)"
        yield _record(f"slo:burn_rate:{duration(window)}", f"{ratio} / {_budget_ratio(slo)}")


def _budget(slo: ServiceLevelObjective, series: Series) -> Iterator[Rule]:
    errors, events = (averages.in_objective_window(series, what, slo.window) for what in ("errors", "events"))
    yield _record("slo:error_ratio:window", f"({errors}) / (({events}) > 0)")
    yield _record("slo:error_budget_left:ratio", f"1 - {series('slo:error_ratio:window')} / {_budget_ratio(slo)}")
    yield _record("slo:coverage:ratio", averages.coverage(series, slo.window))


def _budget_ratio(slo: ServiceLevelObjective) -> str:
    """1 - objective as a decimal: 0.001 for 99.9 %, where floats would say 0.0009999999999999998."""
    return f"{(1 - slo.objective).normalize():f}"


def _alert(slo: ServiceLevelObjective, series: Series, tier: AlertTier) -> Rule:
    k, spec = f"{tier.burn_rate:f}", slo.spec
    windows = dict.fromkeys((tier.long, tier.short))
    conditions = [f"{series(f'slo:burn_rate:{duration(window)}')} > {k}" for window in windows]
    if spec.alerting.minimum_errors:
        errors, unit = averages.in_alert_window(series, "errors", tier.long)
        conditions.append(f"on () ({errors}) * {unit} >= {spec.alerting.minimum_errors}")
    times = f"more than {k} times " if tier.burn_rate != 1 else ""
    share = tier.burn_rate * tier.long / slo.window * 100
    annotations = {
        "summary": f"{spec.service}: {slo.metadata.name} burns its error budget {times}faster than allowed",
        "description": (
            f"{slo.slo_id} promises {spec.objective} % over {spec.window.rolling}. Over {duration(tier.long)} it "
            "burned {{ $value | humanize }} times the budget allowed; when this alert fires, "
            f"about {_text(share)} % of the budget has gone." + (f" {spec.description}" if spec.description else "")
        ),
        **({"runbook": spec.alerting.runbook} if spec.alerting.runbook else {}),
        **spec.alerting.annotations,
    }
    return {
        "alert": ALERT,
        "expr": "\nand\n".join(conditions),
        **({"for": duration(tier.hold)} if tier.hold else {}),
        "labels": {
            **spec.alerting.labels,
            "slo_id": slo.slo_id,
            "slo_namespace": slo.metadata.namespace,
            "slo_name": slo.metadata.name,
            "service": spec.service,
            "severity": tier.severity.lower(),
            "burn_tier": tier.name,
        },
        "annotations": annotations,
    }


def _description(slo: ServiceLevelObjective) -> dict[str, str]:
    """The labels of slo:info, the only place of what describes an objective."""
    return {
        "service": slo.spec.service,
        "namespace": slo.metadata.namespace,
        "name": slo.metadata.name,
        "window": slo.spec.window.rolling,
        "objective": f"{slo.objective.normalize():f}",
    }


def _record(name: str, expression: str) -> Rule:
    return {"record": name, "expr": expression}


def _text(value: Decimal) -> str:
    return f"{value.quantize(Decimal('0.1')).normalize():f}"


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:10]
