"""What an objective means: its rules as children, and what Prometheus says about them as status. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ninefold.kube.conditions import READY
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan, Verdict
from ninefold.reliability.servicelevelobjective.figure import FRESH, Figure, Health, Snapshot
from ninefold.reliability.servicelevelobjective.output import Output, manifests, object_name
from ninefold.reliability.servicelevelobjective.resource import (
    DataState,
    Rules,
    ServiceLevelObjective,
    ServiceLevelObjectiveStatus,
)
from ninefold.reliability.servicelevelobjective.rules import Group
from ninefold.reliability.servicelevelobjective.standing import standing

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


def plan(slo: ServiceLevelObjective, observed: Observed, now: datetime) -> Plan[ServiceLevelObjectiveStatus]:
    """Raises Stalled for what only the user can mend."""
    group = observed.group
    if observed.refusal:
        raise Stalled("InvalidPromQL", f"spec.indicator: Prometheus refuses it: {observed.refusal}")
    children = tuple(manifests(slo, group, observed.output))
    if not observed.snapshot.asked and (held := _held(slo, group)):
        return Plan(status=slo.status, ready=held, children=children)
    figure = observed.snapshot.by_id.get(slo.slo_id) if observed.snapshot.fresh(now) else None
    rules = _rules(slo, observed, figure, now)
    shown = standing(slo, _data(figure, rules), figure, now)
    return Plan(
        status=slo.status.model_copy(update={**shown._asdict(), "rules": rules}),
        ready=_ready(observed, rules, now),
        children=children,
        due=_due(observed.snapshot, rules, now),
    )


def _due(snapshot: Snapshot, rules: Rules, now: datetime) -> datetime:
    """The next regular look; should Prometheus stay away, in time to say that the figures are fresh no longer."""
    regular = now + (RECHECK if rules.health != "Unknown" else RECHECK / 4)
    if snapshot.at is None or snapshot.reachable or not snapshot.fresh(now):
        return regular
    return min(regular, snapshot.at + FRESH)


def _held(slo: ServiceLevelObjective, group: Group) -> Verdict | None:
    """What was reported before a restart holds until Prometheus has been asked, if it was about the same rules."""
    rules = slo.status.rules
    if rules is None or rules.revision != group.revision or slo.status.observed_generation != slo.metadata.generation:
        return None
    ready = next((condition for condition in slo.status.conditions if condition.type == READY), None)
    return Verdict(ready.status, ready.reason, ready.message) if ready else None


def _data(figure: Figure | None, rules: Rules) -> DataState:
    if figure is None:
        return "Unknown"
    return "Broken" if rules.health == "Failing" else figure.data


def _rules(slo: ServiceLevelObjective, observed: Observed, figure: Figure | None, now: datetime) -> Rules:
    fresh, revision = observed.snapshot.fresh(now), observed.group.revision
    known = observed.health if fresh else None
    loaded = figure is not None and figure.revision == revision
    error = known.error if known else ""
    return Rules(
        object=object_name(slo, observed.output),
        revision=revision,
        loaded=loaded if fresh else None,
        health="Failing" if error else "Ok" if known and known.evaluated else "Unknown",
        message=error[:1024] or None,
    )


def _ready(observed: Observed, rules: Rules, now: datetime) -> Verdict:
    if rules.loaded is None:
        return Verdict(
            "False" if observed.snapshot.asked else "Unknown",
            "PrometheusUnreachable",
            f"{observed.snapshot.error}. The rules stay as they are; check the operator's --prometheus-url.",
        )
    if rules.health == "Failing":
        return Verdict("False", "RuleFailing", f"Prometheus cannot evaluate a rule: {rules.message}")
    if not rules.loaded:
        return Verdict(
            "False",
            "RulesNotLoaded",
            f"Prometheus does not evaluate revision {rules.revision} of {rules.object} yet; if this lasts, "
            f"{observed.output.advice}.",
        )
    return Verdict("True", "RulesLoaded", f"Prometheus evaluates revision {rules.revision} of {rules.object}.")
