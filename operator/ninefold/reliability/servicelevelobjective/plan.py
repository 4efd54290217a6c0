"""What an objective means: its rules as children, and what Prometheus says about them as status. Pure."""

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
"""The condition that tells of a quota of the namespace that cannot be read."""

PLAUSIBLE = "IndicatorPlausible"
"""The condition that tells of an indicator which counts more bad (or good) events than events."""

RELOAD = timedelta(minutes=5)
"""How long Prometheus may take to load rules that nobody but the operator has changed."""

RECHECK = timedelta(seconds=60)
"""How often to look while nothing moves: figures that move are reported by the feed, the health of rules is not."""


@dataclass(frozen=True, slots=True)
class Observed:
    """What a look saw."""

    snapshot: Snapshot
    group: Group
    """The rules of the objective as compiled for the look."""
    health: Health | None = None
    """The group in Prometheus; None while it has none of that name or cannot say."""
    refusal: str = ""
    """Prometheus' own words if it does not accept an expression."""
    output: Output = field(default_factory=Output)
    bucket: str = ""
    """What to write instead of a threshold for which the histogram has no bucket."""
    detection: Detection | None = None
    """How the alert did that fires now."""
    ended: Ended | None = None
    """A period of the agreement that is to be judged."""
    missing: Sequence[Key] = ()
    """Components of a composite that do not exist."""
    correction: CorrectionInForce | None = None
    """By which nothing counts now."""
    cost: Cost | None = None
    """What the rules cost; None while that is being measured."""
    series: Verdict | None = None
    """The condition SeriesFound; None where it stays as it is."""
    allowance: Allowance = field(default_factory=Allowance)
    """What the quota of the namespace says."""


def plan(slo: ServiceLevelObjective, observed: Observed, now: datetime) -> Plan[ServiceLevelObjectiveStatus]:
    """Raises Stalled for what only the user can mend."""
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
    """Told while more is counted than there can be, and once it is over."""
    if figure is not None and figure.excess is not None:
        counted = "good" if slo.spec.indicator.ratio and slo.spec.indicator.ratio.good else "bad"
        text = (
            f"There are {figure.excess:.3g} times as many {counted} events as events in all: check that {counted} and "
            "total select the same requests. Until then no more than all are counted."
        )
        return {PLAUSIBLE: Verdict("False", "MoreThanAll", text)}
    if figure is not None and find(slo.status.conditions, PLAUSIBLE):
        return {PLAUSIBLE: Verdict("True", "Counted", "No more is counted than there is.")}
    return {}


def _series(observed: Observed) -> dict[str, Verdict]:
    return {SERIES: observed.series} if observed.series else {}


def _quota(slo: ServiceLevelObjective, allowance: Allowance) -> dict[str, Verdict]:
    """Told while a quota cannot be read, and once it can."""
    if allowance.malformed:
        return {QUOTA: Verdict("False", "Malformed", f"{allowance.malformed}. Until then there is no limit.")}
    if find(slo.status.conditions, QUOTA):
        return {QUOTA: Verdict("True", "Understood", "The namespace has no quota, or one that can be read.")}
    return {}


def _due(snapshot: Snapshot, rules: Rules, now: datetime) -> datetime:
    """The next regular look; should Prometheus stay away, in time to say that the figures are fresh no longer.

    That rules were loaded is told by the feed, how they fare only by looking.
    """
    regular = now + (RECHECK / 4 if rules.loaded and rules.health == "Unknown" else RECHECK)
    if snapshot.at is None or snapshot.reachable or not snapshot.fresh(now):
        return regular
    return min(regular, snapshot.at + FRESH)


def _held(slo: ServiceLevelObjective, group: Group) -> Verdict | None:
    """What was reported before a restart holds until Prometheus has been asked, if it was about the same rules."""
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
    """Whether it is only the operator that has just written other rules for the same objective, as it does daily where
    time is corrected: those before still hold."""
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
            f"{observed.snapshot.error}. The rules stay as they are; check how the operator asks it: --prometheus-url, "
            "or its entry in --prometheus-config.",
        )
    if figure is not None and figure.contested:
        text = f"Nobody goes by these figures, nor by a gate's: {figure.contested}."
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
