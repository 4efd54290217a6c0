"""Plans an objective: its rules as children, and the measurements of Prometheus as status. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ninefold.domain.measurements.measurement import FRESH, DataState, Measurement, Snapshot
from ninefold.kube.api import Key
from ninefold.kube.conditions import find, reported
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan, Verdict
from ninefold.reliability.servicelevelobjective.alerting.tiers import promised
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.cost import estimate
from ninefold.reliability.servicelevelobjective.feedback import sla
from ninefold.reliability.servicelevelobjective.feedback.health import Health
from ninefold.reliability.servicelevelobjective.feedback.shown_figures import standing
from ninefold.reliability.servicelevelobjective.feedback.sla import Ended
from ninefold.reliability.servicelevelobjective.feedback.unmatched import SERIES
from ninefold.reliability.servicelevelobjective.namespace.allowances import EXCEEDED, Allowance
from ninefold.reliability.servicelevelobjective.output.manifests import Output, manifests, object_name
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import (
    CorrectionInForce,
    Cost,
    Detection,
    Rules,
    ServiceLevelObjectiveStatus,
)

QUOTA = "QuotaUnderstood"
"""The condition that reports an invalid quota of the namespace."""

PLAUSIBLE = "IndicatorPlausible"
"""The condition that reports an indicator which counts more bad (or good) events than all events."""

RELOAD = timedelta(minutes=5)
"""How long Prometheus may take to load rules that only the operator has changed."""

RECHECK = timedelta(seconds=60)
"""How often to reconcile while nothing changes: the feed reports new measurements, but not the health of rules."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a reconciliation observed."""

    snapshot: Snapshot
    group: Group
    """The rules of the objective as compiled for this reconciliation."""
    health: Health | None = None
    """The group in Prometheus; None while it has no group of that name or does not answer."""
    refusal: str = ""
    """The message of Prometheus if it does not accept an expression."""
    output: Output = field(default_factory=Output)
    bucket: str = ""
    """What to write instead of a threshold for which the histogram has no bucket."""
    detection: Detection | None = None
    """The detection time of the alert that fires now."""
    ended: Ended | None = None
    """A period of the agreement to judge."""
    missing: Sequence[Key] = ()
    """Components of a composite that do not exist."""
    correction: CorrectionInForce | None = None
    """The Correction that is active now."""
    cost: Cost | None = None
    """What the rules cost; None until that is measured."""
    series: Verdict | None = None
    """The condition SeriesFound; None if it stays unchanged."""
    allowance: Allowance = field(default_factory=Allowance)
    """The decision by the quota of the namespace."""


def plan(slo: ServiceLevelObjective, observed: Observed, now: datetime) -> Plan[ServiceLevelObjectiveStatus]:
    """Raises Stalled for a fault that only the user can fix."""
    group = observed.group
    if observed.refusal:
        raise Stalled("InvalidPromQL", f"spec.indicator: Prometheus refuses it: {observed.refusal}")
    if observed.bucket:
        raise Stalled("NoSuchBucket", observed.bucket)
    if observed.allowance.refusal:
        raise Stalled(EXCEEDED, observed.allowance.refusal)
    children = tuple(manifests(slo, group, observed.output))
    if not observed.snapshot.asked and (held := _held(slo, group)):
        return Plan(status=slo.status, ready=held, children=children)
    figure = observed.snapshot.by_id.get(slo.slo_id) if observed.snapshot.fresh(now) else None
    rules = _rules(slo, observed, figure, now)
    shown = standing(slo, _data(figure, rules), figure, now)
    agreed, notes = sla.stands(slo, figure, observed.ended, now)
    further = {
        "tiers": promised(group.target, group.tiers),
        "last_detection": observed.detection or slo.status.last_detection,
        "agreement": agreed,
        "correction": observed.correction,
        "rules": rules,
        "cost": estimate.shown(slo.status.cost, observed.cost) if observed.cost else slo.status.cost,
    }
    return Plan(
        status=slo.status.model_copy(update={**shown._asdict(), **further}),
        ready=_ready(slo, observed, rules, figure, now),
        conditions={**_plausible(slo, figure), **_quota(slo, observed.allowance), **_series(observed)},
        events=notes,
        children=children,
        due=_due(observed.snapshot, rules, now),
    )


def _plausible(slo: ServiceLevelObjective, figure: Measurement | None) -> dict[str, Verdict]:
    """The condition while the indicator counts more events than there can be, and once when that is over."""
    if figure is not None and figure.excess is not None:
        counted = "good" if slo.spec.indicator.ratio and slo.spec.indicator.ratio.good else "bad"
        text = (
            f"There are {figure.excess:.3g} times as many {counted} events as events in all: check that {counted} and "
            "total select the same requests. Until then, at most all events are counted."
        )
        return {PLAUSIBLE: Verdict("False", "MoreThanAll", text)}
    if figure is not None and find(slo.status.conditions, PLAUSIBLE):
        return {PLAUSIBLE: Verdict("True", "Counted", "The indicator counts at most all events.")}
    return {}


def _series(observed: Observed) -> dict[str, Verdict]:
    return {SERIES: observed.series} if observed.series else {}


def _quota(slo: ServiceLevelObjective, allowance: Allowance) -> dict[str, Verdict]:
    """The condition while the quota is invalid, and once when it is valid."""
    if allowance.malformed:
        return {QUOTA: Verdict("False", "Malformed", f"{allowance.malformed}. Until then there is no limit.")}
    if find(slo.status.conditions, QUOTA):
        return {QUOTA: Verdict("True", "Understood", "The namespace has no quota, or a valid one.")}
    return {}


def _due(snapshot: Snapshot, rules: Rules, now: datetime) -> datetime:
    """The next regular reconciliation; if Prometheus does not answer, in time to report that measurements are stale.

    The feed reports that rules are loaded, but not their health.
    """
    regular = now + (RECHECK / 4 if rules.loaded and rules.health == "Unknown" else RECHECK)
    if snapshot.at is None or snapshot.reachable or not snapshot.fresh(now):
        return regular
    return min(regular, snapshot.at + FRESH)


def _held(slo: ServiceLevelObjective, group: Group) -> Verdict | None:
    """The condition from before a restart, kept until Prometheus has been asked; None if it was about other rules."""
    rules = slo.status.rules
    if rules is None or rules.revision != group.revision or slo.status.observed_generation != slo.metadata.generation:
        return None
    return reported(slo.status.conditions)


def _data(figure: Measurement | None, rules: Rules) -> DataState:
    if figure is None:
        return "Unknown"
    return "Broken" if rules.health == "Failing" and not figure.contested else figure.data


def _rules(slo: ServiceLevelObjective, observed: Observed, figure: Measurement | None, now: datetime) -> Rules:
    fresh, revision = observed.snapshot.fresh(now), observed.group.revision
    known = observed.health if fresh else None
    loaded = figure is not None and figure.revision == revision
    error = known.error if known else ""
    before = slo.status.rules
    return Rules(
        object=object_name(slo, observed.output),
        revision=revision,
        since=before.since or now if before and before.revision == revision else now,
        loaded=loaded if fresh else None,
        health="Failing" if error else "Ok" if known and known.evaluated else "Unknown",
        message=error[:1024] or None,
        reads=observed.group.reads or None,
    )


def _renewed(slo: ServiceLevelObjective, rules: Rules, now: datetime) -> bool:
    """Whether only the operator has just written other rules for the same objective, as it does daily for Corrections:
    the rules before still apply."""
    was = reported(slo.status.conditions)
    same = slo.status.observed_generation == slo.metadata.generation
    return same and was is not None and was.status == "True" and rules.since is not None and now - rules.since < RELOAD


def _ready(
    slo: ServiceLevelObjective, observed: Observed, rules: Rules, figure: Measurement | None, now: datetime
) -> Verdict:
    if rules.loaded is None:
        return Verdict(
            "False" if observed.snapshot.asked else "Unknown",
            "PrometheusUnreachable",
            f"{observed.snapshot.error}. The rules stay unchanged; check how the operator asks it: --prometheus-url, "
            "or its entry in --prometheus-config.",
        )
    if figure is not None and figure.contested:
        text = f"Neither policies nor gates use these measurements: {figure.contested}."
        return Verdict("False", "FiguresContested", text)
    if rules.health == "Failing":
        return Verdict("False", "RuleFailing", f"Prometheus cannot evaluate a rule: {rules.message}")
    if not rules.loaded and figure is not None and _renewed(slo, rules, now):
        return Verdict(
            "True",
            "RulesRenewed",
            f"Prometheus evaluates revision {figure.revision} until it loads {rules.revision} of {rules.object}.",
        )
    if not rules.loaded:
        return Verdict(
            "False",
            "RulesNotLoaded",
            f"Prometheus does not evaluate revision {rules.revision} of {rules.object} yet; if this lasts, "
            f"{observed.output.advice}.",
        )
    if observed.missing:
        return Verdict(
            "False",
            "ComponentMissing",
            f"There is no ServiceLevelObjective {observed.missing[0].name} in this namespace: create it, or change "
            "spec.indicator.composite.",
        )
    return Verdict("True", "RulesLoaded", f"Prometheus evaluates revision {rules.revision} of {rules.object}.")
