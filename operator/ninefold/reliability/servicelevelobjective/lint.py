"""Checks of an objective in files that need other files, as a controller makes them in a cluster: whether its rules can
be made, and whether other objectives exist. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal

from ninefold.domain.resource_set import Diagnostic, ResourceSet
from ninefold.domain.selectors.objectives import OBJECTIVES, absent
from ninefold.kube.api import Key
from ninefold.kube.errors import Stalled
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.namespace.corrections import concerning
from ninefold.reliability.servicelevelobjective.output.manifests import Output, manifests
from ninefold.reliability.servicelevelobjective.recording import composite
from ninefold.reliability.servicelevelobjective.resource import Composite, ServiceLevelObjective
from ninefold.reliability.servicelevelobjective.seldom_meant import doubts

_BURN = "slo:burn_rate:"


def check(slo: ServiceLevelObjective, others: ResourceSet) -> Iterator[Diagnostic]:
    windows = others.once(recorded_windows)[slo.key]
    if isinstance(windows, Stalled):
        yield Diagnostic.of(windows.message)
    for index, name in enumerate(slo.spec.depends_on):
        if not others.get(ServiceLevelObjective, Key(slo.key.namespace, name)):
            yield Diagnostic(("spec", "dependsOn", index), absent(OBJECTIVES, name, slo.key.namespace), warning=True)
    for path, sentence in doubts(slo):
        yield Diagnostic(tuple(path), sentence, warning=True)
    if slo.spec.indicator.composite is not None:
        yield from _composite(slo, slo.spec.indicator.composite, others)


def _composite(slo: ServiceLevelObjective, made_of: Composite, others: ResourceSet) -> Iterator[Diagnostic]:
    objectives = others.by_key(ServiceLevelObjective)
    try:
        missing = composite.check(slo, objectives.get)
    except Stalled as stalled:
        yield Diagnostic.of(stalled.message)
        return
    for key in missing:
        yield Diagnostic(("spec", "indicator", "composite"), absent(OBJECTIVES, key.name, key.namespace), warning=True)
    if missing:
        return
    kept = composite.attainable(made_of, [objectives[key].objective for key in composite.components(slo)])
    if kept < slo.objective:
        percent = (kept * 100).quantize(Decimal("0.001")).normalize()
        message = (
            f"components that just keep their objectives make {percent:f} % of it: promise no more than that, "
            "or ask more of them"
        )
        yield Diagnostic(("spec", "objective"), message, warning=True)


def recorded_windows(others: ResourceSet) -> Mapping[Key, frozenset[str] | Stalled]:
    """The windows whose burn rates each objective records, or why its rules cannot be made."""
    known = others.all(Correction)
    return {slo.key: _windows(slo, known, others) for slo in others.all(ServiceLevelObjective)}


def _windows(slo: ServiceLevelObjective, known: list[Correction], others: ResourceSet) -> frozenset[str] | Stalled:
    try:
        group = Group(slo, concerning(slo, known, others.now))
        manifests(slo, group, Output())
    except Stalled as stalled:
        return stalled
    names = (rule.get("record", "") for rule in group.rules)
    return frozenset(name.removeprefix(_BURN) for name in names if name.startswith(_BURN))
