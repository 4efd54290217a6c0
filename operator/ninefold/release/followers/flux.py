"""Kustomizations and HelmReleases that are suspended while the gate that they follow is closed. Pure."""

from __future__ import annotations

from datetime import datetime

from ninefold.kube.api import HELM_RELEASE, KUSTOMIZATION, Manifest
from ninefold.kube.fields import rfc3339
from ninefold.kube.follower import Hold, LetGo
from ninefold.release.followers.gate_follower import GateFollower, Ruling
from ninefold.release.workloads.annotation import HELD_BY

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"
"""The annotation that asks Flux for an immediate reconciliation; any new value counts."""


class _Suspended(GateFollower):
    writes = ("suspend",)

    def held(self, manifest: Manifest, ruling: Ruling, now: datetime) -> Hold:
        return Hold({"metadata": {"annotations": {HELD_BY: str(ruling.gate)}}, "spec": {"suspend": True}})

    def free(self, manifest: Manifest, now: datetime) -> LetGo:
        return LetGo(parting={"metadata": {"annotations": {REQUESTED_AT: rfc3339(now)}}})


class KustomizationFollower(_Suspended):
    api = KUSTOMIZATION


class HelmReleaseFollower(_Suspended):
    api = HELM_RELEASE
