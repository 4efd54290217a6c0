"""The alerts of an objective: conditions over its recordings, stable labels, what whoever is woken must know. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from statistics import NormalDist

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.averages import Series
from ninefold.reliability.servicelevelobjective.indicator import Rule
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.tiers import AlertTier

ALERT = "ErrorBudgetBurn"


def rules(slo: ServiceLevelObjective, series: Series, tiers: list[AlertTier]) -> Iterator[Rule]:
    """One alert a tier, the fastest first. Raises Stalled if a label of the user hides one of `groupBy`."""
    if hidden := sorted(set(slo.spec.alerting.labels) & set(slo.spec.group_by)):
        raise Stalled(
            "LabelConflict", f"spec.alerting.labels: {hidden[0]} is a label of groupBy: choose another name for yours"
        )
    for rank, tier in enumerate(tiers, 1):
        yield {
            "alert": ALERT,
            "expr": "\nand\n".join(_conditions(slo, series, tier)),
            **({"for": duration(tier.hold)} if tier.hold else {}),
            "labels": {**_place(slo), **slo.spec.alerting.labels, **_labels(slo, tier, rank)},
            "annotations": _annotations(slo, tier),
        }


def counts_events(slo: ServiceLevelObjective) -> bool:
    """Whether alerts look at numbers of events."""
    alerting = slo.spec.alerting
    return alerting.minimum_errors is not None or alerting.confidence is not None


def budget_ratio(slo: ServiceLevelObjective) -> str:
    """1 - objective as a decimal: 0.001 for 99.9 %, where floats would say 0.0009999999999999998."""
    return f"{(1 - slo.objective).normalize():f}"


def lower_bound(slo: ServiceLevelObjective, errors: str, events: str) -> str:
    """PromQL of the burn rate that is exceeded with the confidence asked for: Wilson's lower bound of errors / events.

    Wilson, E. B. (1927), "Probable inference, the law of succession, and statistical inference".
    """
    confidence = float(Decimal(slo.spec.alerting.confidence or "0") / 100)
    z = NormalDist().inv_cdf(confidence)
    centre = f"{errors} + {z * z / 2:.6f}"
    spread = f"{z:.6f} * sqrt({errors} * ({events} - {errors}) / {events} + {z * z / 4:.6f})"
    return f"({centre} - {spread}) / ({events} + {z * z:.6f}) / {budget_ratio(slo)}"


def _conditions(slo: ServiceLevelObjective, series: Series, tier: AlertTier) -> Iterator[str]:
    k, alerting = f"{tier.burn_rate:f}", slo.spec.alerting
    sure = "slo:burn_rate_lower" if alerting.confidence else "slo:burn_rate"
    yield f"{series(f'{sure}:{duration(tier.long)}')} > {k}"
    if tier.short != tier.long:
        yield f"{series(f'slo:burn_rate:{duration(tier.short)}')} > {k}"
    if alerting.minimum_errors:
        yield f"{series(f'slo:errors:increase{duration(tier.long)}')} >= {alerting.minimum_errors}"


def _place(slo: ServiceLevelObjective) -> dict[str, str]:
    """The label by which an AlertmanagerConfig finds the alerts of its namespace; not if it means a group."""
    return {} if "namespace" in slo.spec.group_by else {"namespace": slo.metadata.namespace}


def _labels(slo: ServiceLevelObjective, tier: AlertTier, rank: int) -> dict[str, str]:
    groups = slo.spec.group_by
    return {
        "slo_id": slo.slo_id,
        "slo_namespace": slo.metadata.namespace,
        "slo_name": slo.metadata.name,
        **({"slo_group": "/".join(f"{{{{ $labels.{name} }}}}" for name in groups)} if groups else {}),
        "service": slo.spec.service,
        "severity": tier.severity.lower(),
        "burn_tier": tier.name,
        "burn_rank": str(rank),
    }


def _annotations(slo: ServiceLevelObjective, tier: AlertTier) -> dict[str, str]:
    spec = slo.spec
    times = f"more than {tier.burn_rate:f} times " if tier.burn_rate != 1 else ""
    group = f" ({', '.join(f'{name} {{{{ $labels.{name} }}}}' for name in spec.group_by)})" if spec.group_by else ""
    over = "is sure to have burned" if spec.alerting.confidence else "burned"
    links = {"runbook": spec.alerting.runbook, "dashboard": spec.alerting.dashboard}
    return {
        "summary": f"{spec.service}: {slo.metadata.name}{group} burns its error budget {times}faster than allowed",
        "description": (
            f"{slo.slo_id}{group} promises {spec.objective} % over {spec.window}. Over {duration(tier.long)} it {over} "
            "{{ $value | humanize }} times the budget allowed; when this alert fires, about "
            f"{_percent(tier.spends / slo.window)} % of the budget has gone."
            + (f" {spec.description}" if spec.description else "")
        ),
        "budget_left": _asked(slo, "slo:error_budget_left:ratio", "humanizePercentage"),
        "time_to_exhaustion": _asked(slo, "slo:time_to_exhaustion:seconds", "humanizeDuration"),
        **{name: text for name, text in links.items() if text},
        **spec.alerting.annotations,
    }


def _asked(slo: ServiceLevelObjective, name: str, form: str) -> str:
    """A template that asks for a recording of the alert's own group; empty where it has no value."""
    labels = ("slo_id", *slo.spec.group_by)
    matchers = ",".join(f"{label}=%q" for label in labels)
    values = " ".join(f"$labels.{label}" for label in labels)
    query = f'printf "{name}{{{matchers}}}" {values} | query'
    return f"{{{{ range {query} }}}}{{{{ .Value | {form} }}}}{{{{ end }}}}"


def _percent(share: Decimal) -> str:
    return f"{(share * 100).quantize(Decimal('0.1')).normalize():f}"
