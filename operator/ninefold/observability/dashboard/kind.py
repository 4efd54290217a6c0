"""How Ninefold serves Dashboards."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence

from ninefold.domain.kind import Kind, Parts
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kube.api import Manifest
from ninefold.kube.controller import AnyController
from ninefold.observability.dashboard.resource import Dashboard


def _controller() -> type[AnyController]:
    from ninefold.observability.dashboard.controller import DashboardController

    return DashboardController


def _make(parts: Parts) -> AnyController:
    from ninefold.observability.dashboard.controller import DashboardController
    from ninefold.reliability.servicelevelobjective.alerting.solver import tiers

    return DashboardController(tiers)


def _lint(dashboard: Dashboard, others: ResourceSet) -> Iterable[Diagnostic]:
    from ninefold.observability.dashboard.lint import check
    from ninefold.reliability.servicelevelobjective.alerting.solver import tiers

    return check(dashboard, others, tiers)


def _render(dashboard: Dashboard, others: ResourceSet, options: argparse.Namespace) -> Sequence[Manifest]:
    from ninefold.observability.dashboard.files import render
    from ninefold.reliability.servicelevelobjective.alerting.solver import tiers

    return [render(dashboard, others, tiers, plain=bool(options.plain))]


KIND = Kind(model=Dashboard, controller=_controller, make=_make, lint=_lint, render=_render)
