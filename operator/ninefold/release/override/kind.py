"""How Ninefold serves Overrides."""

from __future__ import annotations

from ninefold.domain.kind import Kind
from ninefold.kube.controller import AnyController
from ninefold.release.override.resource import Override


def _controller() -> type[AnyController]:
    from ninefold.release.override.controller import OverrideController

    return OverrideController


KIND = Kind(model=Override, controller=_controller)
