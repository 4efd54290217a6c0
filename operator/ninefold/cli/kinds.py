"""Every kind that Ninefold serves, in the order in which people meet them."""

from __future__ import annotations

from ninefold.kube.model import Resource

KINDS: tuple[type[Resource], ...] = ()
