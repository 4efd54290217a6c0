"""Reads the two versions of a workload, whatever types their values have. Pure.

A Rollout is a custom resource, in which a list may be a string and an image a number. Each expression checks the type
of a value before it reads the value, and the size of a list before it walks the list: an expression that fails or costs
too much would refuse the change, and an expression that walks a hundred thousand keys would keep the API server busy.
"""

from __future__ import annotations

from ninefold.release.workloads.workload import VOLUME

MOST_PARTS = 96
"""How many containers and image volumes of a pod are compared."""
_MOST_VOLUMES = 512


def mapped(value: str) -> str:
    """CEL: the value if it is a map, otherwise an empty map."""
    return f"(type({value}) == map ? {value} : {{}})"


def listed(value: str) -> str:
    """CEL: the value if it is a list, otherwise an empty list."""
    return f"(type({value}) == list ? {value} : [])"


def _text(owner: str, field: str) -> str:
    """CEL: a field of a map if it is a string, otherwise an empty string."""
    value = f"{owner}.?{field}.orValue('')"
    return f"(type({value}) == string ? {value} : '')"


def _part(prefix: str, name: str, image: str) -> str:
    return f"{{'name': dyn({prefix}{name}), 'image': dyn({image})}}"


_NOTHING = _part("", "''", "''")
_CONTAINER = f"type(c) == map ? {_part('', _text('c', 'name'), _text('c', 'image'))} : {_NOTHING}"
_VOLUME = _part(f"'{VOLUME}' + ", _text("v", "name"), _text("v.image", "reference"))


def _version(old: str, workload: str) -> dict[str, str]:
    """The variables of one version of the workload; their names begin with `old`, which is "old" or "new"."""
    body, template, spec, metadata = (f"variables.{old}{name}" for name in ("Body", "Template", "Spec", "Metadata"))
    containers, volumes = f"variables.{old}Containers", f"variables.{old}Volumes"
    return {
        f"{old}Labels": f"{workload}.metadata.?labels.orValue({{}})",
        f"{old}Body": mapped(f"{workload}.?spec.orValue({{}})"),
        f"{old}Selector": mapped(f"{body}.?selector.orValue({{}})"),
        f"{old}SelectorLabels": mapped(f"variables.{old}Selector.?matchLabels.orValue({{}})"),
        # By kind: otherwise a Rollout could hide its template behind a jobTemplate that runs nothing.
        f"{old}Template": mapped(
            f"(request.kind.kind == 'CronJob' ? {body}.?jobTemplate.?spec.?template : {body}.?template).orValue({{}})"
        ),
        f"{old}Spec": mapped(f"{template}.?spec.orValue({{}})"),
        f"{old}Metadata": mapped(f"{template}.?metadata.orValue({{}})"),
        f"{old}Notes": mapped(f"{metadata}.?annotations.orValue({{}})"),
        f"{old}Containers": f"{listed(f'{spec}.?containers.orValue([])')} + "
        f"{listed(f'{spec}.?initContainers.orValue([])')} + {listed(f'{spec}.?ephemeralContainers.orValue([])')}",
        f"{old}Volumes": listed(f"{spec}.?volumes.orValue([])"),
        f"{old}Large": f"{containers}.size() > {MOST_PARTS} || {volumes}.size() > {_MOST_VOLUMES}",
        # Each container and each image volume, by name and image; empty if the pod is too large to compare.
        f"{old}Parts": f"variables.{old}Large ? [] : {containers}.map(c, {_CONTAINER}) + "
        f"{volumes}.filter(v, type(v) == map && type(v.?image.orValue('')) == map).map(v, {_VOLUME})",
        f"{old}Images": f"variables.{old}Parts.map(p, p.image).filter(i, i != '')",
    }


VARIABLES = {
    "called": "request.kind.kind + '/' + object.metadata.name",
    **_version("old", "oldObject"),
    **_version("new", "object"),
    # A Rollout may refer to its template by name instead.
    "moves": "variables.newBody.?workloadRef.orValue({}) != variables.oldBody.?workloadRef.orValue({})",
    "changed": "variables.moves || variables.newTemplate != variables.oldTemplate",
    "large": f"variables.oldLarge || variables.newLarge || variables.newParts.size() > {MOST_PARTS} || "
    f"variables.oldParts.size() > {MOST_PARTS}",
}
