"""Renders the objects that the controller would create for an objective. Pure."""

from __future__ import annotations

import argparse
from collections.abc import Mapping

from ninefold.domain.resource_set import ResourceSet
from ninefold.kube.api import Key, Manifest
from ninefold.reliability.correction.resource import Correction
from ninefold.reliability.servicelevelobjective.compiler import Compile
from ninefold.reliability.servicelevelobjective.namespace import shared_indicator
from ninefold.reliability.servicelevelobjective.namespace.corrections import concerning
from ninefold.reliability.servicelevelobjective.output import manifests as output
from ninefold.reliability.servicelevelobjective.recording import indicator
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective


def render(slo: ServiceLevelObjective, others: ResourceSet, options: argparse.Namespace) -> list[Manifest]:
    """The objects of an objective, with these options. Raises Stalled."""
    choice = output.Output(
        "ConfigMap" if options.plain else options.rules,
        options.rule_labels,
        options.alertmanager_config,
        options.rules_per_group,
        options.aliases == "sloth",
    )
    shared = compilers(others) if options.share_indicators else {}
    base = shared.get(slo.key, indicator.base)
    return output.render(slo, choice, concerning(slo, others.all(Correction), others.now), base)


def compilers(others: ResourceSet) -> Mapping[Key, Compile]:
    """How each objective that shares its indicator compiles it."""
    return others.once(_compilers)


def _compilers(others: ResourceSet) -> Mapping[Key, Compile]:
    return shared_indicator.compilers(others.all(ServiceLevelObjective))
