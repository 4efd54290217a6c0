"""Writes the rules of an objective, and reads their results back from Prometheus."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from ninefold.domain.measurements.sources import PrometheusSource, PrometheusSources
from ninefold.integrations.prometheus import Prometheus, QueryRefused, Unreachable
from ninefold.kube.api import ALERTMANAGER_CONFIG, CONFIG_MAP, NAMESPACE, PROMETHEUS_RULE, Key, Manifest
from ninefold.kube.conditions import reported
from ninefold.kube.controller import Controller, Watch, in_namespace_of, written
from ninefold.kube.errors import Stalled
from ninefold.kube.plan import Plan, Verdict
from ninefold.kube.store import Store
from ninefold.reliability.correction.resource import Correction, correcting
from ninefold.reliability.servicelevelobjective.cost.measured import Readings
from ninefold.reliability.servicelevelobjective.feedback.acceptance import Verdicts
from ninefold.reliability.servicelevelobjective.feedback.buckets import Buckets
from ninefold.reliability.servicelevelobjective.feedback.detection import measure
from ninefold.reliability.servicelevelobjective.feedback.rule_health import RuleHealth
from ninefold.reliability.servicelevelobjective.feedback.series_search import SeriesSearch, of_components
from ninefold.reliability.servicelevelobjective.feedback.sla import Ended, unjudged
from ninefold.reliability.servicelevelobjective.feedback.unmatched import SERIES
from ninefold.reliability.servicelevelobjective.namespace.allowances import Allowances
from ninefold.reliability.servicelevelobjective.namespace.corrections import concerning, in_force
from ninefold.reliability.servicelevelobjective.namespace.neighbours import Neighbours
from ninefold.reliability.servicelevelobjective.output import groups
from ninefold.reliability.servicelevelobjective.output.manifests import CONTENTS, OutputChoice
from ninefold.reliability.servicelevelobjective.plan import Observed, plan
from ninefold.reliability.servicelevelobjective.recording.composite import check, components
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.status import ServiceLevelObjectiveStatus


def _in_namespace(manifest: Manifest, store: Store) -> Iterable[Key]:
    """The objectives whose quota may have changed."""
    return store.keys(ServiceLevelObjective.api, manifest["metadata"]["name"])


class _Asked:
    """One Prometheus, and what the operator remembers of its answers."""

    def __init__(self, source: PrometheusSource) -> None:
        self.prometheus, self.figures = source.prometheus, source.figures
        self.health = RuleHealth(source.prometheus)
        self.verdicts = Verdicts(source.prometheus)
        self.buckets = Buckets(source.prometheus)
        self.readings = Readings(source.prometheus)
        self.search = SeriesSearch(source.prometheus)
        self._labels = source.rule_labels

    def choice(self, choice: OutputChoice) -> OutputChoice:
        """The output with the labels by which this Prometheus selects rules."""
        return replace(choice, labels={**choice.labels, **self._labels})


class ServiceLevelObjectiveController(Controller[ServiceLevelObjective, Observed]):
    """Keeps the rules in the cluster, and reports what Prometheus measures with them."""

    resource = ServiceLevelObjective
    watches = (
        Watch(Correction.api, in_namespace_of(ServiceLevelObjective.api), reads=written),
        Watch(NAMESPACE, _in_namespace),
    )
    children = (PROMETHEUS_RULE, CONFIG_MAP, ALERTMANAGER_CONFIG)
    optional = frozenset({PROMETHEUS_RULE, ALERTMANAGER_CONFIG})
    contents = CONTENTS

    def __init__(self, sources: PrometheusSources, choice: OutputChoice, *, share_indicators: bool = False) -> None:
        self._sources = sources
        self._asked = {source.name: _Asked(source) for source in sources.all}
        self._neighbours = Neighbours(share=share_indicators, aliases=choice.aliases)
        self._allowances = Allowances(self._neighbours)
        self.indexes = (self._neighbours.alike,)
        self._choice = choice

    async def observe(self, resource: ServiceLevelObjective, store: Store, now: datetime) -> Observed:
        asked = self._asked[self._sources.named(resource.key, resource.spec.prometheus).name]
        missing = check(resource, lambda key: _found(store, key))
        snapshot, correction = asked.figures.snapshot, in_force(resource, _corrections(resource, store), now)
        group = self._neighbours.compiled(
            resource, store, snapshot, lambda slo: concerning(slo, _corrections(slo, store), now)
        )
        output = asked.choice(self._choice).output(
            served=store.serves(PROMETHEUS_RULE), inhibition=store.serves(ALERTMANAGER_CONFIG)
        )
        names = groups.names(group, output.rules_per_group)
        figure = snapshot.by_id.get(resource.slo_id)
        count = (len(figure.groups) if figure else resource.status.group_count) or 1
        asks = asked.readings.estimate(group).cost(count).samples
        allowance = self._allowances.of(resource, group.revision, asks, store)
        if not snapshot.reachable:
            refusal = asked.verdicts.known(group) or ""
            return Observed(
                snapshot,
                group,
                asked.health.last(names),
                refusal,
                output,
                missing=missing,
                correction=correction,
                allowance=allowance,
            )
        refusal = await asked.verdicts.of(group)
        loaded = figure is not None and figure.revision == group.revision
        believed = figure is None or not figure.contested
        return Observed(
            snapshot,
            group,
            asked.health.of(names, loaded=loaded),
            refusal,
            output,
            bucket="" if refusal else await asked.buckets.missing(resource, group),
            detection=await measure(asked.prometheus, group, figure, resource.status.last_detection)
            if figure
            else None,
            ended=await self._ended(asked.prometheus, resource, now) if believed else None,
            missing=missing,
            correction=correction,
            # Not while Prometheus does not have the rules yet: many objectives may arrive at the same time.
            cost=asked.readings.cost(group, count) if loaded else None,
            allowance=allowance,
            series=self._series(asked.search, resource, store) if loaded else None,
        )

    def _series(self, search: SeriesSearch, slo: ServiceLevelObjective, store: Store) -> Verdict | None:
        parts = components(slo)
        if not parts:
            return search.verdict(slo)
        found = ((key.name, _found(store, key)) for key in parts)
        return of_components({name: reported(part.status.conditions, SERIES) if part else None for name, part in found})

    async def _ended(self, prometheus: Prometheus, slo: ServiceLevelObjective, now: datetime) -> Ended | None:
        """The result of a period of the agreement that is over."""
        span = unjudged(slo, now)
        if span is None:
            return None
        ratio = f"max(last_over_time(slo:agreement:error_ratio{{slo_id={json.dumps(slo.slo_id)}}}[1h]))"
        try:
            samples = await prometheus.query(ratio, span.end - timedelta(seconds=1))
        except (Unreachable, QueryRefused):
            return None
        return Ended(span, samples[0].value if samples else None)

    def plan(
        self, resource: ServiceLevelObjective, observed: Observed, now: datetime
    ) -> Plan[ServiceLevelObjectiveStatus]:
        return plan(resource, observed, now)

    def concerned(self, before: Manifest | None, now: Manifest | None, store: Store) -> Iterable[Key]:
        yield from self._neighbours.concerned(before, now, store)
        yield from self._allowances.concerned(before, now, store)

    async def feed(self, store: Store) -> AsyncIterator[Key]:
        async for slo_id in self._sources.changes():
            namespace, _, name = slo_id.partition("/")
            yield Key(namespace, name)


def _corrections(slo: ServiceLevelObjective, store: Store) -> list[Correction]:
    """The valid Corrections that apply to an objective."""
    manifest = store.get(ServiceLevelObjective.api, slo.key)
    keys = [Key.of(correction) for correction in correcting(manifest, store)] if manifest else []
    return [correction for key in keys if (correction := store.resource(Correction, key)) is not None]


def _found(store: Store, key: Key) -> ServiceLevelObjective | None:
    """An objective by its name; None if it does not exist or is invalid."""
    manifest = store.get(ServiceLevelObjective.api, key)
    try:
        return ServiceLevelObjective.parse(manifest) if manifest else None
    except Stalled:
        return None
