"""Every controller, in the order of the kinds: `ninefold run` makes one of each, and the rights follow from them.

And every follower, by the name of its tool: `ninefold run --hold` makes those that it is told to.
"""

from __future__ import annotations

from ninefold.kube.api import APPLICATION, HELM_RELEASE, KUSTOMIZATION, Api
from ninefold.kube.controller import AnyController
from ninefold.kube.follower import Follower
from ninefold.observability.dashboard.controller import DashboardController
from ninefold.release.argocd.followers import AppProjectFollower
from ninefold.release.clusterreleasegate.controller import ClusterReleaseGateController
from ninefold.release.flux.followers import HelmReleaseFollower, KustomizationFollower
from ninefold.release.override.controller import OverrideController
from ninefold.release.release.controller import ReleaseController
from ninefold.release.releasegate.controller import ReleaseGateController
from ninefold.reliability.correction.controller import CorrectionController
from ninefold.reliability.errorbudgetpolicy.controller import ErrorBudgetPolicyController
from ninefold.reliability.servicelevelobjective.controller import ServiceLevelObjectiveController

CONTROLLERS: tuple[type[AnyController], ...] = (
    ServiceLevelObjectiveController,
    CorrectionController,
    ErrorBudgetPolicyController,
    ReleaseGateController,
    ClusterReleaseGateController,
    OverrideController,
    ReleaseController,
    DashboardController,
)

DELIVERED: dict[str, tuple[Api, ...]] = {"argocd": (APPLICATION,), "flux": (KUSTOMIZATION, HELM_RELEASE)}
"""What a tool delivers by, which is recorded as releases where it follows a gate."""

FOLLOWERS: dict[str, tuple[type[Follower], ...]] = {
    "argocd": (AppProjectFollower,),
    "flux": (KustomizationFollower, HelmReleaseFollower),
}
