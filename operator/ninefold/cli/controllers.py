"""Every controller, in the order of the kinds: `ninefold run` makes one of each, and the rights follow from them."""

from __future__ import annotations

from ninefold.kube.controller import AnyController

CONTROLLERS: tuple[type[AnyController], ...] = ()
