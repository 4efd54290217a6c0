"""Which alerts say nothing new while others fire, as inhibition rules of Alertmanager: one incident, one page. Pure.

- Of one objective (and group) the faster tier speaks: what it sees, the slower ones see later.
- While an objective pages on which another depends, or of which a composite is made, that other one is silent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from ninefold.kube.api import ALERTMANAGER_CONFIG, Key, Manifest
from ninefold.reliability.servicelevelobjective.resource import ServiceLevelObjective

MOST_TIERS = 8
_SAME = ["slo_id", "slo_group"]
"""What tells an objective and its group; a label that both lack is equal to Alertmanager."""

_OURS = 'burn_tier=~".+"'
"""A label that no alert but ours has; what they are called is for the objective to say."""

InhibitRule = dict[str, Any]


def dependencies(slo: ServiceLevelObjective) -> list[str]:
    """The slo_ids of the objectives that it depends on, in the order in which they are written."""
    composite = slo.spec.indicator.composite
    names = [*slo.spec.depends_on, *(component.objective for component in (composite.components if composite else ()))]
    return [str(Key(slo.key.namespace, name)) for name in dict.fromkeys(names)]


def inhibit_rules(slos: Iterable[ServiceLevelObjective]) -> list[InhibitRule]:
    """For `inhibit_rules` in the configuration of Alertmanager. The first ones are the same whatever the objectives."""
    return [*_faster(), *(_silenced(slo.slo_id, each) for slo in slos for each in dependencies(slo))]


def _faster() -> Iterator[InhibitRule]:
    for rank in range(1, MOST_TIERS):
        slower = "|".join(str(other) for other in range(rank + 1, MOST_TIERS + 1))
        yield {
            "source_matchers": [_OURS, f'burn_rank="{rank}"'],
            "target_matchers": [_OURS, f'burn_rank=~"{slower}"'],
            "equal": _SAME,
        }


def _silenced(slo_id: str, dependency: str) -> InhibitRule:
    return {
        "source_matchers": [_OURS, 'severity="page"', f"slo_id={json.dumps(dependency)}"],
        "target_matchers": [_OURS, f"slo_id={json.dumps(slo_id)}"],
    }


def manifests(slo: ServiceLevelObjective) -> list[Manifest]:
    """An AlertmanagerConfig with what concerns this objective alone; none if it depends on no other."""
    found = dependencies(slo)
    if not found:
        return []

    def matches(**labels: str) -> list[dict[str, str]]:
        ours = {"name": "burn_tier", "value": ".+", "matchType": "=~"}
        return [ours, *({"name": name, "value": value, "matchType": "="} for name, value in labels.items())]

    rules = [
        {
            "sourceMatch": matches(severity="page", slo_id=dependency),
            "targetMatch": matches(slo_id=slo.slo_id),
        }
        for dependency in found
    ]
    return [
        {
            "apiVersion": ALERTMANAGER_CONFIG.api_version,
            "kind": ALERTMANAGER_CONFIG.kind,
            "metadata": {"name": f"slo-{slo.metadata.name}-inhibition", "namespace": slo.metadata.namespace},
            "spec": {"inhibitRules": rules},
        }
    ]
