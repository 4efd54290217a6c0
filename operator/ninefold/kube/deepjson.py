"""JSON that is nested deeper than Python can read. Another owner's object may hold anything, such as the values of a
HelmRelease, and the API server accepts it up to 10,000 levels deep.
One such object would end each listing and each watch of its kind, and so end the operator.
"""

from __future__ import annotations

import json
import re
from typing import Any

DEEPEST = 100
"""Levels that are kept of a text that is nested too deep to read; null replaces deeper levels."""
_TOKEN = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{\]}]')


class _Decoder(json.JSONDecoder):
    def decode(self, s: str, *args: Any) -> Any:
        try:
            return super().decode(s, *args)
        except RecursionError:
            return super().decode(shallow(s), *args)


def tolerate() -> None:
    """From now on every reader of JSON in this process, including kopf and aiohttp, accepts any depth."""
    # Neither library accepts another decoder.
    setattr(json, "_default_decoder", _Decoder())  # noqa: B010 - the stubs do not know it


def shallow(text: str) -> str:
    """The text with null for each value that is nested too deep.

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
