"""Splits the rules of an objective into groups that are not longer than the server accepts. Pure.

Prometheus evaluates the rules of a group one after another, and groups concurrently. A rule that reads a recording of
an earlier group may therefore read the value of the evaluation before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ninefold.reliability.servicelevelobjective.compiler import Group
from ninefold.reliability.servicelevelobjective.recording.indicator import Rule


def split(group: Group, most: int | None = None) -> list[dict[str, Any]]:
    """The groups in the order of their dependence: `name`, `name/2` and so on, each with at most `most` rules.

    Recordings fill the groups in order, so that an edit does not change earlier groups. The alerts stay together, since
    an alert that moves to another group starts again.
    """
    return [{"name": _name(group, number), "rules": rules} for number, rules in enumerate(_parts(group, most), 1)]


def names(group: Group, most: int | None = None) -> list[str]:
    """The names of these groups."""
    return [_name(group, number) for number, _ in enumerate(_parts(group, most), 1)]


def _name(group: Group, number: int) -> str:
    return group.name if number == 1 else f"{group.name}/{number}"


def _parts(group: Group, most: int | None) -> list[list[Rule]]:
    if most is None or len(group.rules) <= most:
        return [group.rules]
    recordings = _filled([rule for rule in group.rules if "record" in rule], most)
    alerts = _filled([rule for rule in group.rules if "alert" in rule], most)
    if len(alerts) == 1 and len(recordings[-1]) + len(alerts[0]) <= most:
        return [*recordings[:-1], recordings[-1] + alerts[0]]
    return [*recordings, *alerts]


def _filled(rules: Sequence[Rule], most: int) -> list[list[Rule]]:
    return [list(rules[first : first + most]) for first in range(0, len(rules), most)]
