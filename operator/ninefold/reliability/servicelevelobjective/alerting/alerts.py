"""The alerts of an objective: conditions over its recordings, stable labels, and annotations for responders. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
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
from ninefold.reliability.servicelevelobjective.target import Target

_OF_LABEL = re.compile(r"\{\{ *\$labels\.([a-zA-Z_][a-zA-Z0-9_]*) *\}\}")
_LEFT = "slo:error_budget_left:ratio"


def rules(target: Target, series: RecordedSeries, tiers: list[AlertTier], description: str) -> Iterator[Rule]:
    """An alert for each tier, the fastest first; `description` says what the objective means to users.

    Raises Stalled if a label of the user hides a label of `groupBy`.
    """
    alerting = target.alerting
    for field, labels in (
        ("labels", alerting.labels),
        *((f"{severity.lower()}.labels", alerting.own(severity).labels) for severity in SEVERITIES),
    ):
        if hidden := sorted(set(labels) & set(target.groups)):
            raise Stalled(
                "LabelConflict",
                f"spec.alerting.{field}: {hidden[0]} is a label of groupBy: choose another name for yours",
            )
    for rank, tier in enumerate(tiers, 1):
        own = alerting.own(tier.severity)
        labels = {**_place(target), **alerting.labels, **own.labels, **_labels(target, tier, rank)}
        annotations = _annotations(target, tier, own, description)
        yield {
            "alert": own.name or alerting.name,
            "expr": "\nand\n".join(_conditions(target, series, tier)),
            **({"for": duration(tier.hold)} if tier.hold else {}),
            "labels": labels,
            "annotations": {name: _written_out(text, labels) for name, text in annotations.items()},
        }


def _written_out(text: str, labels: Mapping[str, str]) -> str:
    """Expands the labels that only the alert has: in annotations, Prometheus expands the labels of the series only."""
    return _OF_LABEL.sub(lambda match: match[0] if match[1] == "slo_id" else labels.get(match[1], match[0]), text)


def counted(target: Target) -> tuple[str, ...]:
    """What alerts count in the long windows of tiers: "errors", "events" or neither."""
    if target.alerting.confidence is not None:
        return ("errors", "events")
    return ("errors",) if fewest_errors(target) > 1 else ()


def lower_bound(target: Target, errors: str, events: str) -> str:
    """PromQL of the burn rate that is exceeded with the wanted confidence: Wilson's lower bound of errors / events.

    Wilson, E. B. (1927), "Probable inference, the law of succession, and statistical inference".
    """
    confidence = float(Decimal(target.alerting.confidence or "0") / 100)
    z = NormalDist().inv_cdf(confidence)
    centre = f"{errors} + {z * z / 2:.6f}"
    spread = f"{z:.6f} * sqrt({errors} * ({events} - {errors}) / {events} + {z * z / 4:.6f})"
    return f"({centre} - {spread}) / ({events} + {z * z:.6f}) / {target.budget_text}"


def ongoing(target: Target, series: RecordedSeries, tiers: list[AlertTier]) -> Iterator[Rule]:
    """The recordings that pages wait for."""
    for tier in recovery.held_back(target, tiers):
        yield from recovery.rules(target, series, tier, [*_exceeded(target, series, tier)])


def _conditions(target: Target, series: RecordedSeries, tier: AlertTier) -> Iterator[str]:
    yield from _exceeded(target, series, tier)
    if (fewest := fewest_errors(target)) > 1:
        yield f"{series(f'slo:errors:increase{duration(tier.long)}')} >= {fewest}"
    if recovery.held_back(target, [tier]):
        yield recovery.condition(series, tier)


def _exceeded(target: Target, series: RecordedSeries, tier: AlertTier) -> Iterator[str]:
    k = f"{tier.burn_rate:f}"
    sure = "slo:burn_rate_lower" if target.alerting.confidence else "slo:burn_rate"
    yield f"{series(f'{sure}:{duration(tier.long)}')} > {k}"
    if tier.short != tier.long:
        yield f"{series(f'slo:burn_rate:{duration(tier.short)}')} > {k}"


def _place(target: Target) -> dict[str, str]:
    """The label by which an AlertmanagerConfig finds the alerts of its namespace; none if it is a label of groupBy."""
    return {} if "namespace" in target.groups else {"namespace": target.key.namespace}


def _labels(target: Target, tier: AlertTier, rank: int) -> dict[str, str]:
    groups = target.groups
    return {
        "slo_id": target.slo_id,
        "slo_namespace": target.key.namespace,
        "slo_name": target.key.name,
        **({"slo_group": "/".join(f"{{{{ $labels.{name} }}}}" for name in groups)} if groups else {}),
        "service": target.service,
        "severity": tier.severity.lower(),
        "burn_tier": tier.name,
        "burn_rank": str(rank),
    }


def _annotations(target: Target, tier: AlertTier, own: SeverityAlerts, description: str) -> dict[str, str]:
    alerting, groups = target.alerting, target.groups
    long, times = duration(tier.long), f"more than {tier.burn_rate:f} times " if tier.burn_rate != 1 else ""
    group = f" ({', '.join(f'{name} {{{{ $labels.{name} }}}}' for name in groups)})" if groups else ""
    over = "is sure to have burned" if alerting.confidence else "burned"
    runbook = own.runbook or alerting.runbook
    address = runbook if runbook and runbook.startswith(("http://", "https://")) else None
    links = {"runbook": runbook, "runbook_url": address, "dashboard": alerting.dashboard}
    return {
        "summary": f"{target.service}: {target.key.name}{group} burns its error budget {times}faster than allowed",
        "description": (
            f"{target.slo_id}{group} promises {target.percent} % over {target.period}. Over {long} it {over} "
            "{{ $value | humanize }} times the budget allowed; when this alert fires, about "
            f"{_percent(tier.spends / target.window)} % of the budget has gone."
            + (f" {description}" if description else "")
        ),
        "budget_left": _asked(groups, _LEFT, "humanizePercentage", "not known"),
        "time_to_exhaustion": _asked(
            groups, "slo:time_to_exhaustion:seconds", "humanizeDuration", _without_time(groups)
        ),
        **{name: text for name, text in links.items() if text},
        **alerting.annotations,
        **own.annotations,
    }


def _without_time(groups: Sequence[str]) -> str:
    """The text if no time to exhaustion is recorded: the budget is spent, or not known, or the last hour does not spend
    it."""
    spent = _asked(groups, f"{_LEFT} <= 0", "", "the budget is not spent at the rate of the last hour", "it is spent")
    return _asked(groups, _LEFT, "", "not known", spent)


def _asked(groups: Sequence[str], query: str, form: str, otherwise: str, shown: str = "") -> str:
    """A template that queries a recording of the alert's own group: its value in a form, or `shown` if there is a
    value;
    `otherwise` if there is none."""
    name, _, comparison = query.partition(" ")
    labels = ("slo_id", *groups)
    matchers = ",".join(f"{label}=%q" for label in labels)
    values = " ".join(f"$labels.{label}" for label in labels)
    text = f"{name}{{{matchers}}}{f' {comparison}' if comparison else ''}"
    value = shown or f"{{{{ . | first | value | {form} }}}}"
    return f'{{{{ with printf "{text}" {values} | query }}}}{value}{{{{ else }}}}{otherwise}{{{{ end }}}}'


def _percent(share: Decimal) -> str:
    return f"{(share * 100).quantize(Decimal('0.1')).normalize():f}"
