"""Everything on /metrics in addition to the instruments of the machinery."""

from __future__ import annotations

from prometheus_client import ProcessCollector
from prometheus_client.registry import Collector

from ninefold.domain.measurements.sources import PrometheusSources
from ninefold.kinds import KINDS, MODELS
from ninefold.kube.export import HeldObjects, Readiness, Tolerant
from ninefold.kube.store import Store
from ninefold.release.tools import TOOLS


def collectors(store: Store, sources: PrometheusSources) -> list[Collector]:
    """The collectors that `ninefold run` registers."""
    of_objects = (
        Readiness(store, MODELS),
        *(kind.metrics(store, sources) for kind in KINDS if kind.metrics),
        HeldObjects(store, [follower() for tool in TOOLS.values() for follower in tool.followers()]),
    )
    return [*map(Tolerant, of_objects), ProcessCollector(registry=None)]
