"""The delivery tools whose objects a gate can hold (`ninefold run --hold`)."""

from __future__ import annotations

from ninefold.domain.kind import Tool
from ninefold.kube.api import APPLICATION, HELM_RELEASE, KUSTOMIZATION
from ninefold.kube.follower import Follower


def _argocd() -> tuple[type[Follower], ...]:
    from ninefold.release.followers.argocd import AppProjectFollower

    return (AppProjectFollower,)


def _flux() -> tuple[type[Follower], ...]:
    from ninefold.release.followers.flux import HelmReleaseFollower, KustomizationFollower

    return (KustomizationFollower, HelmReleaseFollower)


TOOLS = {"argocd": Tool((APPLICATION,), _argocd), "flux": Tool((KUSTOMIZATION, HELM_RELEASE), _flux)}
