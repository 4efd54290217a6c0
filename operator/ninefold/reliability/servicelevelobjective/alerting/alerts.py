"""The alerts of an objective: conditions over its recordings, stable labels, what whoever is woken must know. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from statistics import NormalDist

from ninefold.kube.errors import Stalled
from ninefold.kube.fields import duration
from ninefold.reliability.servicelevelobjective.alert_fields import SeverityAlerts
from ninefold.reliability.servicelevelobjective.alerting import recovery
from ninefold.reliability.servicelevelobjective.alerting.quiet import fewest_errors
from ninefold.reliability.servicelevelobjective.alerting.tiers import SEVERITIES, AlertTier
from ninefold.reliability.servicelevelobjective.recording.indicator import Rule
from ninefold.reliability.servicelevelobjective.recording.series import RecordedSeries
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

_OF_LABEL = re.compile(r"\{\{ *\$labels\.([a-zA-Z_][a-zA-Z0-9_]*) *\}\}")
_LEFT = "slo:error_budget_left:ratio"


def rules(slo: ServiceLevelObjective, series: RecordedSeries, tiers: list[AlertTier]) -> Iterator[Rule]:
    """One alert a tier, the fastest first. Raises Stalled if a label of the user hides one of `groupBy`."""
    alerting = slo.spec.alerting
    for field, labels in (
        ("labels", alerting.labels),
        *((f"{severity.lower()}.labels", alerting.own(severity).labels) for severity in SEVERITIES),
    ):
        if hidden := sorted(set(labels) & set(slo.spec.group_by)):
            raise Stalled(
                "LabelConflict",
                f"spec.alerting.{field}: {hidden[0]} is a label of groupBy: choose another name for yours",
            )
    for rank, tier in enumerate(tiers, 1):
        own = alerting.own(tier.severity)
        labels = {**_place(slo), **alerting.labels, **own.labels, **_labels(slo, tier, rank)}
        yield {
            "alert": own.name or alerting.name,
            "expr": "\nand\n".join(_conditions(slo, series, tier)),
            **({"for": duration(tier.hold)} if tier.hold else {}),
            "labels": labels,
            "annotations": {name: _written_out(text, labels) for name, text in _annotations(slo, tier, own).items()},
        }


def _written_out(text: str, labels: Mapping[str, str]) -> str:
    """With the labels that only the alert has: to the annotations of a rule Prometheus shows those of the series."""
    return _OF_LABEL.sub(lambda found: found[0] if found[1] == "slo_id" else labels.get(found[1], found[0]), text)


def counted(slo: ServiceLevelObjective) -> tuple[str, ...]:
    """Of what alerts look at numbers, in the long windows of tiers."""
    if slo.spec.alerting.confidence is not None:
        return ("errors", "events")
    return ("errors",) if fewest_errors(slo) > 1 else ()


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


def ongoing(slo: ServiceLevelObjective, series: RecordedSeries, tiers: list[AlertTier]) -> Iterator[Rule]:
    """Recordings that alerts of pages wait for."""
    for tier in recovery.held_back(slo, tiers):
        yield from recovery.rules(slo, series, tier, [*_exceeded(slo, series, tier)])


def _conditions(slo: ServiceLevelObjective, series: RecordedSeries, tier: AlertTier) -> Iterator[str]:
    yield from _exceeded(slo, series, tier)
    if (fewest := fewest_errors(slo)) > 1:
        yield f"{series(f'slo:errors:increase{duration(tier.long)}')} >= {fewest}"
    if recovery.held_back(slo, [tier]):
        yield recovery.condition(series, tier)


def _exceeded(slo: ServiceLevelObjective, series: RecordedSeries, tier: AlertTier) -> Iterator[str]:
    k = f"{tier.burn_rate:f}"
    sure = "slo:burn_rate_lower" if slo.spec.alerting.confidence else "slo:burn_rate"
    yield f"{series(f'{sure}:{duration(tier.long)}')} > {k}"
    if tier.short != tier.long:
        yield f"{series(f'slo:burn_rate:{duration(tier.short)}')} > {k}"


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


def _annotations(slo: ServiceLevelObjective, tier: AlertTier, own: SeverityAlerts) -> dict[str, str]:
    spec = slo.spec
    times = f"more than {tier.burn_rate:f} times " if tier.burn_rate != 1 else ""
    group = f" ({', '.join(f'{name} {{{{ $labels.{name} }}}}' for name in spec.group_by)})" if spec.group_by else ""
    over = "is sure to have burned" if spec.alerting.confidence else "burned"
    runbook = own.runbook or spec.alerting.runbook
    address = runbook if runbook and runbook.startswith(("http://", "https://")) else None
    links = {"runbook": runbook, "runbook_url": address, "dashboard": spec.alerting.dashboard}
    return {
        "summary": f"{spec.service}: {slo.metadata.name}{group} burns its error budget {times}faster than allowed",
        "description": (
            f"{slo.slo_id}{group} promises {spec.objective} % over {spec.window}. Over {duration(tier.long)} it {over} "
            "{{ $value | humanize }} times the budget allowed; when this alert fires, about "
            f"{_percent(tier.spends / slo.window)} % of the budget has gone."
            + (f" {spec.description}" if spec.description else "")
        ),
        "budget_left": _asked(slo, _LEFT, "humanizePercentage", "not known"),
        "time_to_exhaustion": _asked(slo, "slo:time_to_exhaustion:seconds", "humanizeDuration", _without_time(slo)),
        **{name: text for name, text in links.items() if text},
        **spec.alerting.annotations,
        **own.annotations,
    }


def _without_time(slo: ServiceLevelObjective) -> str:
    """What is said where no time to exhaustion is recorded: nothing is left, or nothing is known, or the last hour does
    not spend it."""
    spent = _asked(slo, f"{_LEFT} <= 0", "", "the budget is not spent at the rate of the last hour", "it is spent")
    return _asked(slo, _LEFT, "", "not known", spent)


def _asked(slo: ServiceLevelObjective, query: str, form: str, otherwise: str, shown: str = "") -> str:
    """A template that asks for a recording of the alert's own group: its value in a form, or `shown` where it has one;
    `otherwise` where it has none."""
    name, _, comparison = query.partition(" ")
    labels = ("slo_id", *slo.spec.group_by)
    matchers = ",".join(f"{label}=%q" for label in labels)
    values = " ".join(f"$labels.{label}" for label in labels)
    text = f"{name}{{{matchers}}}{f' {comparison}' if comparison else ''}"
    value = shown or f"{{{{ . | first | value | {form} }}}}"
    return f'{{{{ with printf "{text}" {values} | query }}}}{value}{{{{ else }}}}{otherwise}{{{{ end }}}}'


def _percent(share: Decimal) -> str:
    return f"{(share * 100).quantize(Decimal('0.1')).normalize():f}"
