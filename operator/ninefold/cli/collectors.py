"""Everything on /metrics beside the instruments of the machinery."""

from __future__ import annotations

from prometheus_client import ProcessCollector
from prometheus_client.registry import Collector

from ninefold.cli.controllers import FOLLOWERS
from ninefold.cli.kinds import KINDS
from ninefold.domain.measurements.sources import Sources
from ninefold.kube.export import HeldObjects, Readiness, Tolerant
from ninefold.kube.store import Store
from ninefold.release.release.metrics import ReleaseMetrics
from ninefold.release.releasegate.metrics import GateMetrics
from ninefold.reliability.correction.metrics import CorrectionMetrics
from ninefold.reliability.errorbudgetpolicy.metrics import PolicyMetrics
from ninefold.reliability.servicelevelobjective.metrics import ObjectiveMetrics


def collectors(store: Store, sources: Sources) -> list[Collector]:
    """What `ninefold run` registers."""
    of_objects = (
        Readiness(store, KINDS),
        ObjectiveMetrics(store, sources),
        CorrectionMetrics(store),
        PolicyMetrics(store),
        GateMetrics(store),
        ReleaseMetrics(store),
        HeldObjects(store, [follower() for followers in FOLLOWERS.values() for follower in followers]),
    )
    return [*map(Tolerant, of_objects), ProcessCollector(registry=None)]
