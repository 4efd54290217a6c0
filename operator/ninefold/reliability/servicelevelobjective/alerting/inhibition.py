"""Inhibition rules of Alertmanager for alerts that add nothing while others fire: one incident, one page. Pure.

- The faster tier of an objective (and group) inhibits the slower tiers, which detect the same failures later.
- While an objective pages, it inhibits the objectives that depend on it and the composites that contain it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ninefold.kube.api import ALERTMANAGER_CONFIG, Key, Manifest
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

MOST_TIERS = 8
_SAME = ["slo_id", "slo_group"]
"""The labels that identify an objective and its group; Alertmanager treats a label that both lack as equal."""

_NINEFOLD = 'burn_tier=~".+"'
"""A label that only Ninefold's alerts have; the objective decides their names."""

InhibitRule = dict[str, Any]


def dependencies(slo: ServiceLevelObjective) -> list[str]:
    """The slo_ids of the objectives that an objective depends on, in the order in which they are written."""
    composite = slo.spec.indicator.composite
    names = [*slo.spec.depends_on, *(component.objective for component in (composite.components if composite else ()))]
    return [str(Key(slo.key.namespace, name)) for name in dict.fromkeys(names)]


def inhibit_rules(slos: Iterable[ServiceLevelObjective]) -> list[InhibitRule]:
    """The `inhibit_rules` for the configuration of Alertmanager. The first rules do not depend on the objectives."""
    return [*_faster(), *(_silenced(slo.slo_id, dependency) for slo in slos for dependency in dependencies(slo))]


def _faster() -> Iterator[InhibitRule]:
    for rank in range(1, MOST_TIERS):
        slower = "|".join(str(other) for other in range(rank + 1, MOST_TIERS + 1))
        yield {
            "source_matchers": [_NINEFOLD, f'burn_rank="{rank}"'],
            "target_matchers": [_NINEFOLD, f'burn_rank=~"{slower}"'],
            "equal": _SAME,
        }


def _silenced(slo_id: str, dependency: str) -> InhibitRule:
    return {
        "source_matchers": [_NINEFOLD, 'severity="page"', f"slo_id={json.dumps(dependency)}"],
        "target_matchers": [_NINEFOLD, f"slo_id={json.dumps(slo_id)}"],
    }


def manifests(slo: ServiceLevelObjective) -> list[Manifest]:
    """An AlertmanagerConfig with the rules for this objective alone; empty if it depends on no other objective."""
    names = dependencies(slo)
    if not names:
        return []

    def matches(**labels: str) -> list[dict[str, str]]:
        any_tier = {"name": "burn_tier", "value": ".+", "matchType": "=~"}
        return [any_tier, *({"name": name, "value": value, "matchType": "="} for name, value in labels.items())]

    rules = [
        {
            "sourceMatch": matches(severity="page", slo_id=dependency),
            "targetMatch": matches(slo_id=slo.slo_id),
        }
        for dependency in names
    ]
    return [
        {
            "apiVersion": ALERTMANAGER_CONFIG.api_version,
            "kind": ALERTMANAGER_CONFIG.kind,
            "metadata": {"name": f"slo-{slo.metadata.name}-inhibition", "namespace": slo.metadata.namespace},
            "spec": {"inhibitRules": rules},
        }
    ]
