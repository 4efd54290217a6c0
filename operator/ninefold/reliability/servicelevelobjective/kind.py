"""How Ninefold serves ServiceLevelObjectives."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ninefold.domain.kind import Kind, Parts
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kube.api import Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.store import Store
from ninefold.reliability.servicelevelobjective.options import add_to_render, add_to_run
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from ninefold.domain.measurements.sources import PrometheusSources


def _controller() -> type[AnyController]:
    from ninefold.reliability.servicelevelobjective.controller import ServiceLevelObjectiveController

    return ServiceLevelObjectiveController


def _make(parts: Parts) -> AnyController:
    from ninefold.reliability.servicelevelobjective.controller import ServiceLevelObjectiveController
    from ninefold.reliability.servicelevelobjective.output.manifests import OutputChoice

    options = parts.options
    choice = OutputChoice(options.rules, options.rule_labels, options.rules_per_group, options.aliases == "sloth")
    return ServiceLevelObjectiveController(parts.sources, choice, share_indicators=options.share_indicators)


def _metrics(store: Store, sources: PrometheusSources) -> Collector:
    from ninefold.reliability.servicelevelobjective.metrics import ObjectiveMetrics

    return ObjectiveMetrics(store, sources)


def _lint(slo: ServiceLevelObjective, others: ResourceSet) -> Iterable[Diagnostic]:
    from ninefold.reliability.servicelevelobjective.lint import check

    return check(slo, others)


def _render(slo: ServiceLevelObjective, others: ResourceSet, options: argparse.Namespace) -> Sequence[Manifest]:
    from ninefold.reliability.servicelevelobjective.render import render

    return render(slo, others, options)


def _policies() -> list[Manifest]:
    from ninefold.reliability.servicelevelobjective.output.protection import protection
    from ninefold.reliability.servicelevelobjective.seldom_meant import warning_manifests

    return [*warning_manifests(), *protection()]


KIND = Kind(
    model=ServiceLevelObjective,
    controller=_controller,
    make=_make,
    metrics=_metrics,
    run_options=add_to_run,
    lint=_lint,
    render=_render,
    render_options=add_to_render,
    policies=_policies,
    words={"Healthy": "good", "Idle": "quiet", "Unknown": "attention", "Broken": "bad", "Contested": "bad"},
)
