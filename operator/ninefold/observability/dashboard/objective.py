"""Selects the objectives that a dashboard shows, and reads them. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Protocol

from ninefold.domain.selectors.objectives import selects
from ninefold.kube.api import Key, Manifest
from ninefold.kube.errors import Stalled
from ninefold.observability.dashboard.resource import Dashboard
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


class ShownTier(Protocol):
    """An alert of an objective; windows in seconds."""

    @property
    def burn_rate(self) -> Decimal: ...
    @property
    def long(self) -> int: ...
    @property
    def short(self) -> int: ...
    @property
    def severity(self) -> str: ...


Tiers = Callable[[ServiceLevelObjective], Sequence[ShownTier]]
"""Returns the alerts of an objective. Raises Stalled if they cannot be built: the objective's status says why."""


@dataclass(frozen=True, slots=True)
class ShownObjective:
    """An objective, and the alerts of its rules."""

    slo: ServiceLevelObjective
    tiers: tuple[ShownTier, ...] = ()

    @property
    def id(self) -> str:
        return self.slo.slo_id

    @property
    def name(self) -> str:
        return self.slo.metadata.name


def shows(dashboard: Manifest, slo: Manifest) -> bool:
    """Whether the manifest of a Dashboard selects an objective."""
    spec: Mapping[str, Any] = dashboard.get("spec") or {}
    wanted = [{"service": spec["service"]}] if spec.get("service") else []
    wanted += [spec["objectives"]] if spec.get("objectives") else []
    return Key.of(slo).namespace == Key.of(dashboard).namespace and all(selects(selector, slo) for selector in wanted)


def chosen(dashboard: Dashboard, slos: Iterable[Manifest]) -> list[Manifest]:
    """Returns the objectives that a dashboard shows, by name; all are of its namespace."""
    wire = dashboard.wire()
    return sorted((slo for slo in slos if shows(wire, slo)), key=Key.of)


def read(manifests: Iterable[Manifest], tiers: Tiers) -> Iterator[ShownObjective]:
    """Yields the valid objectives. An objective whose alerts cannot be built is still shown, without them."""
    for manifest in manifests:
        try:
            slo = ServiceLevelObjective.parse(manifest)
        except Stalled:
            continue
        try:
            yield ShownObjective(slo, tuple(tiers(slo)))
        except Stalled:
            yield ShownObjective(slo)


def uid(dashboard: Key) -> str:
    """Returns the uid of a dashboard in Grafana, which depends only on its name: at most 40 letters, digits, - or _.

    >>> uid(Key("shop", "checkout"))
    'ninefold-1dfc2ea56f23fbee'
    """
    return f"ninefold-{hashlib.sha256(str(dashboard).encode()).hexdigest()[:16]}"


def by_service(dashboards: Iterable[Manifest], namespace: str) -> Mapping[str, str]:
    """Returns the uid of the dashboard of each service of a namespace; with several dashboards, the first by name."""
    uids: dict[str, str] = {}
    for key, manifest in sorted(((Key.of(manifest), manifest) for manifest in dashboards), key=lambda pair: pair[0]):
        service = manifest.get("spec", {}).get("service")
        if service and key.namespace == namespace:
            uids.setdefault(service, uid(key))
    return uids
