"""Recognizes changes that only restart pods: annotations and environment variables of tools, by their names. Pure.

kubectl and similar tools write a time into an annotation of the template. Reloaders of Secrets write a hash, some of
them into an environment variable. The gate lists the names (`restartedBy`); a change of anything else is not a restart.
"""

from __future__ import annotations

from ninefold.release.gate.spec import RESTART_ANNOTATIONS, RESTART_ENVIRONMENT

_MOST_NOTES = 256
_MOST_CONTAINERS = 24
_MOST_ENVIRONMENT = 256


def _is_one_of(names: str, name: str) -> str:
    """CEL: whether a name is in the list, in full or by its beginning."""
    begins = f"n.endsWith('*') && {name}.startsWith(n.substring(0, n.size() - 1))"
    return f"{names}.exists(n, n == {name} || ({begins}))"


def same_notes(before: str, after: str) -> str:
    """CEL: whether two maps of annotations differ only in those of a restart."""
    of_tool = _is_one_of("variables.restartNotes", "k")
    return (
        f"{before}.size() <= {_MOST_NOTES} && {after}.size() <= {_MOST_NOTES} && "
        f"{after}.all(k, (k in {before} && {before}[k] == {after}[k]) || {of_tool}) && "
        f"{before}.all(k, k in {after} || {of_tool})"
    )


_OF_TOOL = (
    "(type(e) == map && type(e.?name.orValue(0)) == string && "
    f"{_is_one_of('variables.restartEnvironment', 'e.name')} && e.all(k, k in ['name', 'value']))"
)
"""CEL: whether an entry of a container's environment is a plain value with a name that a tool uses."""


def _rest(container: str) -> str:
    return f"{container}.?env.orValue([]).filter(e, !{_OF_TOOL})"


def _ordinary(containers: str) -> str:
    """CEL: whether each entry has the shape of a container, and none has too many environment variables to compare."""
    return (
        f"{containers}.all(c, type(c) == map && type(c.?name.orValue(0)) == string && "
        f"type(c.?env.orValue([])) == list && c.?env.orValue([]).size() <= {_MOST_ENVIRONMENT})"
    )


_SAME_CONTAINER = (
    "c.all(k, k == 'env' || (k in o && o[k] == c[k])) && o.all(k, k == 'env' || k in c) && "
    f"{_rest('c')} == {_rest('o')}"
)

_MOST_KEYS = 64


def _same_but(part: str, keys: list[str]) -> str:
    """CEL: whether two maps differ only in the values of these keys."""
    old, new = f"variables.old{part}", f"variables.new{part}"
    return (
        f"{old}.size() <= {_MOST_KEYS} && {new}.size() <= {_MOST_KEYS} && "
        f"{new}.all(k, k in {keys} || (k in {old} && {old}[k] == {new}[k])) && {old}.all(k, k in {keys} || k in {new})"
    )


VARIABLES = {
    # Pods inherit finalizers from the template, too.
    "sameRest": f"{_same_but('Template', ['metadata', 'spec'])} && {_same_but('Metadata', ['labels', 'annotations'])}",
    "restartNotes": f"params.spec.?restartedBy.?annotations.orValue({list(RESTART_ANNOTATIONS)})",
    "restartEnvironment": f"params.spec.?restartedBy.?environment.orValue({list(RESTART_ENVIRONMENT)})",
    "comparable": f"variables.newContainers.size() <= {_MOST_CONTAINERS} && "
    "variables.newContainers.size() == variables.oldContainers.size() && "
    f"{_ordinary('variables.newContainers')} && {_ordinary('variables.oldContainers')}",
    "sameSpec": "variables.newSpec == variables.oldSpec || (variables.comparable && "
    "variables.newSpec.all(k, k in ['containers', 'initContainers'] || "
    "(k in variables.oldSpec && variables.oldSpec[k] == variables.newSpec[k])) && "
    "variables.oldSpec.all(k, k in variables.newSpec) && "
    # In the same order, so that no container becomes an init container.
    "variables.newContainers.map(c, c.name) == variables.oldContainers.map(c, c.name) && "
    "variables.newSpec.?initContainers.orValue([]).size() == variables.oldSpec.?initContainers.orValue([]).size() && "
    f"variables.newContainers.all(c, variables.oldContainers.exists(o, o.name == c.name && {_SAME_CONTAINER})))",
    "restart": "params.spec.?restarts.orValue('Allow') == 'Allow' && !variables.moves && "
    "variables.newParts == variables.oldParts && variables.sameRest && "
    "variables.newMetadata.?labels.orValue({}) == variables.oldMetadata.?labels.orValue({}) && "
    f"{same_notes('variables.oldNotes', 'variables.newNotes')} && variables.sameSpec",
}
