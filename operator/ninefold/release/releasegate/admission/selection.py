"""Selects the workloads that a gate covers, by the rules that workload.py applies for the status. Pure."""

from __future__ import annotations

from ninefold.release.workloads.selector import SERVICE_LABELS, TEAM_LABELS

_WANTED = "variables.wanted"


def _any_of(labels: str, keys: tuple[str, ...], value: str) -> str:
    """CEL: whether one of these keys has the value."""
    return f"{list(keys)}.exists(k, {labels}[?k].orValue('') == {value})"


def _carries(labels: str) -> str:
    """CEL: whether a gate covers a workload that carries these labels."""
    by_labels = f"{_WANTED}.matchLabels.all(k, {labels}[?k].orValue('') == {_WANTED}.matchLabels[k])"
    return " || ".join(
        (
            f"has({_WANTED}.matchLabels) && {by_labels}",
            f"has({_WANTED}.service) && {_any_of(labels, SERVICE_LABELS, f'{_WANTED}.service')}",
            f"has({_WANTED}.team) && {_any_of(labels, TEAM_LABELS, f'{_WANTED}.team')}",
        )
    )


VARIABLES = {
    "wanted": "params.spec.workloads",
    "named": f"has({_WANTED}.scope) || {_WANTED}.?names.orValue([]).exists(n, n == variables.called)",
    # Reads the old object: a request cannot remove itself from the scope.
    "scoped": f"variables.named || {_carries('variables.oldSelectorLabels')} || {_carries('variables.oldLabels')}",
    # To remove the labels that the gate selects by would be the first step around it. The selector of a Rollout can
    # change.
    "leaves": "variables.scoped && !variables.named && "
    f"!({_carries('variables.newSelectorLabels')}) && !({_carries('variables.newLabels')})",
}
