"""Writes the rules of an objective and reads back what Prometheus makes of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime

from ninefold.integrations.prometheus import Prometheus
from ninefold.kube.api import CONFIG_MAP, PROMETHEUS_RULE, Key
from ninefold.kube.controller import Controller
from ninefold.kube.plan import Plan
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.figures import Figures
from ninefold.reliability.servicelevelobjective.health import RuleHealth
from ninefold.reliability.servicelevelobjective.output import OutputChoice
from ninefold.reliability.servicelevelobjective.plan import Observed, plan
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective, ServiceLevelObjectiveStatus
from ninefold.reliability.servicelevelobjective.rules import Group
from ninefold.reliability.servicelevelobjective.verdicts import Verdicts


class ServiceLevelObjectiveController(Controller[ServiceLevelObjective, Observed]):
    """Keeps the rules in the cluster, and says what Prometheus measures by them."""

    resource = ServiceLevelObjective
    children = (PROMETHEUS_RULE, CONFIG_MAP)
    optional = frozenset({PROMETHEUS_RULE})

    def __init__(self, prometheus: Prometheus, figures: Figures, choice: OutputChoice) -> None:
        self._figures = figures
        self._health = RuleHealth(prometheus)
        self._verdicts = Verdicts(prometheus)
        self._choice = choice

    async def observe(self, resource: ServiceLevelObjective, store: Store, now: datetime) -> Observed:
        group, snapshot = Group(resource), self._figures.snapshot
        output = self._choice.output(served=store.serves(PROMETHEUS_RULE))
        if not snapshot.reachable:
            return Observed(snapshot, group, self._health.last(group.name), self._verdicts.known(group) or "", output)
        refusal = await self._verdicts.of(group)
        figure = snapshot.by_id.get(resource.slo_id)
        loaded = figure is not None and figure.revision == group.revision
        health = self._health.of(group.name, loaded=loaded)
        return Observed(snapshot, group, health, refusal, output)

    def plan(
        self, resource: ServiceLevelObjective, observed: Observed, now: datetime
    ) -> Plan[ServiceLevelObjectiveStatus]:
        return plan(resource, observed, now)

    async def feed(self, store: Store) -> AsyncIterator[Key]:
        async for slo_id in self._figures.changes():
            namespace, _, name = slo_id.partition("/")
            yield Key(namespace, name)
