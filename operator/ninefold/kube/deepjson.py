"""JSON that is nested deeper than Python can read: an object of somebody else may hold anything, as the values of a
HelmRelease do, and the API server takes it up to 10,000 levels deep.

One such object would end each listing and each watch of its kind, and with them the operator.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 100
"""Levels that are kept of a text that cannot be read as it is; in the place of deeper ones stands null."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]')


class _Decoder(json.JSONDecoder):
    def decode(self, s: str, *args: Any) -> Any:
        try:
            return super().decode(s, *args)
        except RecursionError:
            return super().decode(shallow(s), *args)


def tolerate() -> None:
    """From now on all that reads JSON in this process, kopf and aiohttp too, reads it however deep it is."""
    # Neither of them takes another function for it.
    setattr(json, "_default_decoder", _Decoder())  # noqa: B010 - the stubs do not know it


def shallow(text: str) -> str:
    """The text with null in the place of what is nested too deep.

    >>> shallow("[" * 200 + "]" * 200) == "[" * 100 + "null" + "]" * 100
    True
    """
    kept, start, depth = [], 0, 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
                if depth == DEEPEST + 1:
                    kept += [text[start : token.start()], "null"]
                    start = len(text)
            case "]" | "}":
                if depth == DEEPEST + 1:
                    start = token.end()
                depth -= 1
    return "".join([*kept, text[start:]])
