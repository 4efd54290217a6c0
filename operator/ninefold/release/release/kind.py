"""How Ninefold serves Releases."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ninefold.domain.kind import Kind, Parts
from ninefold.kube.controller import AnyController
from ninefold.kube.store import Store
from ninefold.release.release.resource import Release

if TYPE_CHECKING:
    from prometheus_client.registry import Collector

    from ninefold.domain.measurements.sources import PrometheusSources


def _controller() -> type[AnyController]:
    from ninefold.release.release.controller import ReleaseController

    return ReleaseController


def _make(parts: Parts) -> AnyController:
    from ninefold.release.release.controller import ReleaseController

    return ReleaseController(parts.sources, parts.delivered)


def _metrics(store: Store, sources: PrometheusSources) -> Collector:
    from ninefold.release.release.metrics import ReleaseMetrics

    return ReleaseMetrics(store)


KIND = Kind(
    model=Release,
    controller=_controller,
    make=_make,
    metrics=_metrics,
    record=True,
    words={"Succeeded": "good", "RolledBack": "bad", "Aborted": "bad"},
    no_sample="the operator writes the record of releases",
)
