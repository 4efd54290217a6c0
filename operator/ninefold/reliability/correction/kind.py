"""How Ninefold serves Corrections."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ninefold.domain.kind import Kind
from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.kube.api import Manifest
from ninefold.kube.controller import AnyController
from ninefold.kube.store import Store
from ninefold.reliability.correction.resource import Correction

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from ninefold.domain.measurements.sources import PrometheusSources


def _controller() -> type[AnyController]:
    from ninefold.reliability.correction.controller import CorrectionController

    return CorrectionController


def _metrics(store: Store, sources: PrometheusSources) -> Collector:
    from ninefold.reliability.correction.metrics import CorrectionMetrics

    return CorrectionMetrics(store)


def _lint(correction: Correction, others: ResourceSet) -> Iterable[Diagnostic]:
    from ninefold.reliability.correction.lint import check

    return check(correction, others)


def _render(correction: Correction, others: ResourceSet, options: argparse.Namespace) -> Sequence[Manifest]:
    """No objects of its own. Raises Stalled for an invalid correction, which would change the rules of objectives."""
    from ninefold.reliability.correction.occurrences import verified

    verified(correction)
    return []


KIND = Kind(
    model=Correction,
    controller=_controller,
    metrics=_metrics,
    lint=_lint,
    render=_render,
    admin_only=True,
)
