"""Writes the rules of an objective and reads back what Prometheus makes of them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from datetime import datetime, timedelta

from ninefold.integrations.prometheus import Prometheus, Refused, Unreachable
from ninefold.kube.api import ALERTMANAGER_CONFIG, CONFIG_MAP, NAMESPACE, PROMETHEUS_RULE, Key, Manifest
from ninefold.kube.controller import Controller, Watch, in_namespace_of
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.correction.occurrences import concerning, in_force
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective import groups
from ninefold.reliability.servicelevelobjective.agreement import Ended, unjudged
from ninefold.reliability.servicelevelobjective.allowances import Allowances
from ninefold.reliability.servicelevelobjective.buckets import Buckets
from ninefold.reliability.servicelevelobjective.composite import check
from ninefold.reliability.servicelevelobjective.detection import measure
from ninefold.reliability.servicelevelobjective.figures import Figures
from ninefold.reliability.servicelevelobjective.health import RuleHealth
from ninefold.reliability.servicelevelobjective.neighbours import Neighbours
from ninefold.reliability.servicelevelobjective.output import OutputChoice
from ninefold.reliability.servicelevelobjective.plan import Observed, plan
from ninefold.reliability.servicelevelobjective.readings import Readings
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import ServiceLevelObjectiveStatus
from ninefold.reliability.servicelevelobjective.verdicts import Verdicts


def _in_namespace(manifest: Manifest, store: Store) -> Iterable[Key]:
    """Those for whom a quota may be another."""
    return store.keys(ServiceLevelObjective.api, manifest["metadata"]["name"])


class ServiceLevelObjectiveController(Controller[ServiceLevelObjective, Observed]):
    """Keeps the rules in the cluster, and says what Prometheus measures by them."""

    resource = ServiceLevelObjective
    watches = (Watch(Correction.api, in_namespace_of(ServiceLevelObjective.api)), Watch(NAMESPACE, _in_namespace))
    children = (PROMETHEUS_RULE, CONFIG_MAP, ALERTMANAGER_CONFIG)
    optional = frozenset({PROMETHEUS_RULE, ALERTMANAGER_CONFIG})

    def __init__(
        self, prometheus: Prometheus, figures: Figures, choice: OutputChoice, *, share_indicators: bool = False
    ) -> None:
        self._figures = figures
        self._health = RuleHealth(prometheus)
        self._verdicts = Verdicts(prometheus)
        self._buckets = Buckets(prometheus)
        self._readings = Readings(prometheus)
        self._neighbours = Neighbours(share=share_indicators, aliases=choice.aliases)
        self._allowances = Allowances(self._neighbours)
        self._prometheus = prometheus
        self._choice = choice

    async def observe(self, resource: ServiceLevelObjective, store: Store, now: datetime) -> Observed:
        missing = check(resource, lambda key: _found(store, key))
        corrections = store.resources(Correction, resource.key.namespace)
        snapshot, correction = self._figures.snapshot, in_force(resource, corrections, now)
        group = self._neighbours.compiled(resource, store, snapshot, lambda slo: concerning(slo, corrections, now))
        output = self._choice.output(served=store.serves(PROMETHEUS_RULE), inhibition=store.serves(ALERTMANAGER_CONFIG))
        names = groups.names(group, output.rules_per_group)
        figure = snapshot.by_id.get(resource.slo_id)
        count = (len(figure.groups) if figure else resource.status.group_count) or 1
        asks = self._readings.estimate(group).cost(count).samples
        allowance = self._allowances.of(resource, group.revision, asks, store)
        if not snapshot.reachable:
            refusal = self._verdicts.known(group) or ""
            return Observed(
                snapshot,
                group,
                self._health.last(names),
                refusal,
                output,
                missing=missing,
                correction=correction,
                allowance=allowance,
            )
        refusal = await self._verdicts.of(group)
        loaded = figure is not None and figure.revision == group.revision
        return Observed(
            snapshot,
            group,
            self._health.of(names, loaded=loaded),
            refusal,
            output,
            bucket="" if refusal else await self._buckets.missing(resource, group),
            detection=await measure(self._prometheus, resource, group.tiers, figure) if figure else None,
            ended=await self._ended(resource, now),
            missing=missing,
            correction=correction,
            # Not while the rules are new to Prometheus: that is when many objectives come at once.
            cost=self._readings.cost(group, count) if loaded else None,
            allowance=allowance,
        )

    async def _ended(self, slo: ServiceLevelObjective, now: datetime) -> Ended | None:
        """What became of a period of the agreement that is over."""
        span = unjudged(slo, now)
        if span is None:
            return None
        ratio = f"max(last_over_time(slo:agreement:error_ratio{{slo_id={json.dumps(slo.slo_id)}}}[1h]))"
        try:
            samples = await self._prometheus.query(ratio, span.end - timedelta(seconds=1))
        except (Unreachable, Refused):
            return None
        return Ended(span, samples[0].value if samples else None)

    def plan(
        self, resource: ServiceLevelObjective, observed: Observed, now: datetime
    ) -> Plan[ServiceLevelObjectiveStatus]:
        return plan(resource, observed, now)

    def concerned(self, manifest: Manifest, store: Store) -> Iterable[Key]:
        yield from self._neighbours.concerned(manifest, store)
        yield from self._allowances.concerned(manifest, store)

    async def feed(self, store: Store) -> AsyncIterator[Key]:
        async for slo_id in self._figures.changes():
            namespace, _, name = slo_id.partition("/")
            yield Key(namespace, name)


def _found(store: Store, key: Key) -> ServiceLevelObjective | None:
    """An objective by its name; None if there is none that can be read."""
    manifest = store.get(ServiceLevelObjective.api, key)
    try:
        return ServiceLevelObjective.parse(manifest) if manifest else None
    except Stalled:
        return None
