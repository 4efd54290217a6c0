"""The reasons of conditions and Events, read from the code."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ninefold.domain.kind import Kind

_ROOT = Path(__file__).parents[2]
_GIVERS = {"Stalled": (0, "Stalled"), "Waiting": (0, "waits"), "Verdict": (1, "condition"), "Note": (1, "Event")}
"""The calls that give a reason: the index of the reason argument, which the sentence follows, and how it appears."""


@dataclass(frozen=True, slots=True, order=True)
class GivenReason:
    """One reason, with the kinds that give it and its sentences."""

    name: str
    kinds: tuple[str, ...]
    shows: tuple[str, ...]
    sentences: tuple[str, ...]


def reasons(kinds: Sequence[Kind]) -> list[GivenReason]:
    """All reasons by name. An ellipsis replaces each value in a sentence."""
    trees = {file: ast.parse(file.read_text(encoding="utf-8")) for file in sorted(_ROOT.rglob("*.py"))}
    constants = {name: text for tree in trees.values() for name, text in _constants(tree)}
    found: dict[str, tuple[set[str], set[str], dict[str, None]]] = {}
    for file, tree in trees.items():
        for name, shows, sentence in _given(tree, constants):
            of_kinds, ways, sentences = found.setdefault(name, (set(), set(), {}))
            of_kinds.add(_kind_of(file, kinds))
            ways.add(shows)
            sentences.update({sentence: None} if sentence else {})
    return [
        GivenReason(name, tuple(sorted(of_kinds)), tuple(sorted(ways)), tuple(sentences))
        for name, (of_kinds, ways, sentences) in sorted(found.items())
    ]


def _given(tree: ast.Module, constants: dict[str, str]) -> Iterator[tuple[str, str, str]]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in _GIVERS:
            continue
        place, shows = _GIVERS[node.func.id]
        arguments = [_text(argument, constants) for argument in node.args]
        name = arguments[place] if len(arguments) > place else ""
        if re.fullmatch(r"[A-Z][A-Za-z]+", name):
            sentence = arguments[place + 1] if len(arguments) > place + 1 else ""
            yield name, shows, sentence if any(map(str.isalpha, sentence)) else ""


def _text(node: ast.expr, constants: dict[str, str]) -> str:
    """The text of an expression, with an ellipsis for each value that only a running operator knows."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return constants.get(node.id, "…")
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part, constants) for part in node.values)
    return "…"


def _constants(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield from ((target.id, node.value.value) for target in node.targets if isinstance(target, ast.Name))


def _kind_of(file: Path, kinds: Sequence[Kind]) -> str:
    """The kind whose folder holds the file; "" for files that several kinds share."""
    folders = {kind.model.__name__.lower(): kind.api.kind for kind in kinds}
    stage_and_kind = file.relative_to(_ROOT).parts[:2]
    return folders.get(stage_and_kind[-1], "")
