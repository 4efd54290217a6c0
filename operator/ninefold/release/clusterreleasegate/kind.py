"""How Ninefold serves ClusterReleaseGates."""

from __future__ import annotations

from ninefold.domain.kind import Kind
from ninefold.kube.controller import AnyController
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate


def _controller() -> type[AnyController]:
    from ninefold.release.clusterreleasegate.controller import ClusterReleaseGateController

    return ClusterReleaseGateController


KIND = Kind(model=ClusterReleaseGate, controller=_controller, admin_only=True)
