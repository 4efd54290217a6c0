"""Checks a dashboard in files for errors that otherwise only its controller reports. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.domain.selectors.objectives import names_missing, nothing_selected
from ninefold.kube.errors import Stalled
from ninefold.observability.dashboard.files import observed
from ninefold.observability.dashboard.objective import Tiers
from ninefold.observability.dashboard.plan import render
from ninefold.observability.dashboard.resource import Dashboard


def check(dashboard: Dashboard, others: ResourceSet, tiers: Tiers) -> Iterator[Diagnostic]:
    seen, spec = observed(dashboard, others, tiers), dashboard.spec
    try:
        render(dashboard, seen)
    except Stalled as stalled:
        yield Diagnostic.of(stalled.message)
    if spec.objectives and spec.objectives.names:
        yield from names_missing(spec.objectives, dashboard.key.namespace, seen.names)
    elif not seen.names:
        path = ("spec", "service") if spec.service and not spec.objectives else ("spec",)
        yield Diagnostic(path, nothing_selected(dashboard.key.namespace), warning=True)
