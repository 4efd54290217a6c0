"""Checks of a Correction in files that need other files, as a controller makes them in a cluster. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.domain.selectors.objectives import names_missing, nothing_selected, selects
from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.occurrences import verified
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def check(correction: Correction, others: ResourceSet) -> Iterator[Diagnostic]:
    try:
        verified(correction)
    except Stalled as stalled:
        yield Diagnostic.of(stalled.message)
    objectives, namespace = correction.spec.objectives, correction.key.namespace
    slos = [slo for slo in others.manifests(ServiceLevelObjective) if slo["metadata"]["namespace"] == namespace]
    yield from names_missing(objectives, namespace, {slo["metadata"]["name"] for slo in slos})
    if objectives.names is None and not any(selects(objectives.wire(), slo) for slo in slos):
        yield Diagnostic(("spec", "objectives"), nothing_selected(namespace), warning=True)
