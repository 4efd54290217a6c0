"""AppProjects whose Applications Argo CD does not sync while the gate that they follow is closed. Pure.

    metadata:
      annotations:
        ninefold.dev/release-gate: shop/checkout
        ninefold.dev/manual-sync: "true"

With the second annotation people may still sync by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from ninefold.kube.api import GROUP, Api, Manifest
from ninefold.kube.follower import Replace, Wanted
from ninefold.kube.store import Store
from ninefold.release.followers.argocd_windows import OURS, Window, held, let_go, renewal, until
from ninefold.release.followers.gate_follower import GateFollower, Ruling
from ninefold.release.workloads.annotation import HELD_BY

MANUAL = f"{GROUP}/manual-sync"
"""The annotation with which a closed gate blocks only automatic syncs of Argo CD, and not people."""


_MINE = f"w.?description.orValue('').startsWith('{OURS}')"


def _entries(spec: str) -> str:
    return f"variables.{spec}.?syncWindows.orValue([])"


class AppProjectFollower(GateFollower):
    api = Api("argoproj.io", "v1alpha1", "AppProject", "appprojects")
    writes = ("syncWindows",)
    rules = (
        (
            f"{_entries('new')}.filter(w, !{_MINE}) == {_entries('old')}.filter(w, !{_MINE}) && "
            f"{_entries('new')}.filter(w, {_MINE}).all(w, w.?kind.orValue('') == 'deny')",
            "the operator may add one deny entry to spec.syncWindows, and must leave the other entries unchanged",
        ),
    )

    def wanted(self, manifest: Manifest, store: Store, now: datetime) -> Wanted:
        wanted = super().wanted(manifest, store, now)
        patch = wanted.do.patch if isinstance(wanted.do, Replace) else {}
        moments = (wanted.due, renewal(patch.get("spec", {}).get("syncWindows") or ()))
        return replace(wanted, due=min(filter(None, moments), default=None))

    def held(self, manifest: Manifest, ruling: Ruling, now: datetime) -> Replace:
        manual = _notes(manifest).get(MANUAL) == "true"
        windows = held(_windows(manifest), ruling.gate, manual=manual, now=now)
        return Replace({"metadata": {"annotations": {HELD_BY: str(ruling.gate)}}, "spec": {"syncWindows": windows}})

    def free(self, manifest: Manifest, now: datetime) -> Replace:
        notes = _notes(manifest)
        if not any(name in notes for name in self.asks):
            # Also if a user removed both annotations: the API server would refuse the write, and the entry ends by
            # itself.
            return Replace({})
        left = {"syncWindows": let_go(_windows(manifest)) or None} if self.holds(manifest) else {}
        return Replace({"metadata": {"annotations": {HELD_BY: None}}, "spec": left})

    def holds(self, manifest: Manifest) -> bool:
        return any(until(window) for window in _windows(manifest))


def _notes(manifest: Manifest) -> Mapping[str, str]:
    return manifest["metadata"].get("annotations") or {}


def _windows(manifest: Manifest) -> Sequence[Window]:
    return manifest["spec"].get("syncWindows") or ()
