"""Manifests as YAML, in the style that people write. Pure.

PyYAML takes more than half of the time of rendering a thousand objectives, since it writes any Python object through a
tree of nodes. Manifests are plain: maps with text keys, lists, text, numbers, booleans and null.
PyYAML remains the reader, and a test has it read back everything that is written here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_/($][^\n]*|[0-9.]+([mhdws]|x/[0-9]+[mhdw])")
"""Text that needs no quotes unless a part of it has a meaning: its start is neither a number nor an indicator."""
_MEANS = re.compile(r": | #|:$|\s$|\t")
_WORDS = frozenset(("true", "false", "yes", "no", "on", "off", "y", "n", "null"))


def document(value: Any) -> str:
    """One YAML document of a map or a list; it ends with a line break."""
    lines: list[str] = []
    _block(lines, value, "")
    return "\n".join(lines) + "\n"


def stream(values: Iterable[Any]) -> str:
    """Documents, each after "---"."""
    return "".join(f"---\n{document(value)}" for value in values)


def _block(lines: list[str], value: Any, indent: str) -> None:
    if isinstance(value, Mapping):
        for key, member in value.items():
            _entry(lines, f"{indent}{_scalar(key)}:", member, indent)
        return
    for item in value:
        if isinstance(item, Mapping | list | tuple) and item:
            first = len(lines)
            _block(lines, item, f"{indent}  ")
            lines[first] = f"{indent}- {lines[first][len(indent) + 2 :]}"
        else:
            _entry(lines, f"{indent}-", item, indent)


def _entry(lines: list[str], head: str, value: Any, indent: str) -> None:
    """A value after its key or its dash; a list has the same indentation as its key."""
    if isinstance(value, str):
        if "\n" in value:
            _text(lines, head, value, indent)
        else:
            lines.append(f"{head} {_scalar(value)}")
    elif isinstance(value, Mapping):
        lines.append(head if value else f"{head} {{}}")
        _block(lines, value, f"{indent}  ")
    elif isinstance(value, list | tuple):
        lines.append(head if value else f"{head} []")
        _block(lines, value, indent)
    else:
        lines.append(f"{head} {_number(value)}")


def _number(value: Any) -> str:
    """A number, a boolean or null; with the point that YAML requires before an exponent."""
    text = json.dumps(value)
    return re.sub(r"^(-?[0-9]+)e", r"\1.0e", text)


def _text(lines: list[str], head: str, text: str, indent: str) -> None:
    """Text of several lines."""
    parts = text.removesuffix("\n").split("\n")
    if parts[0][:1] in ("", " ") or not parts[-1] or not all(part.isprintable() for part in parts):
        lines.append(f"{head} {_quoted(text)}")
        return
    lines.append(f"{head} |" if text.endswith("\n") else f"{head} |-")
    lines += [f"{indent}  {part}" if part else "" for part in parts]


@lru_cache(maxsize=8192)
def _scalar(text: str) -> str:
    """Text of one line: unchanged if it can only be text, otherwise in quotes."""
    if not text.isprintable():
        return _quoted(text)
    if _PLAIN.fullmatch(text) and not _MEANS.search(text) and text.lower() not in _WORDS:
        return text
    return "'" + text.replace("'", "''") + "'"


def _quoted(text: str) -> str:
    """In double quotes, with escapes for characters that need one."""
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    number = ord(character)
    return f"\\U{number:08x}" if number > 0xFFFF else f"\\u{number:04x}"
