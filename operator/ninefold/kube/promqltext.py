"""PromQL as text: the bounds of untrusted expressions, checked before any parser runs, and its syntax tree. Pure.

A parser recurses with each bracket and each operator, and a printer indents by them: a short text may take minutes and
gigabytes, or the whole stack. Within these bounds an expression takes milliseconds.
"""

from __future__ import annotations

import json
import re

import promql_parser

LONGEST = 4096
"""Characters."""
MOST_OPERATORS = 100
DEEPEST = 40
"""Brackets within brackets."""

_QUOTED = r"""(?:"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|`[^`]*`)"""
_RAW = re.compile(r"""(?P<raw>`[^`]*`)|"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'|\#[^\n]*""")
_WORD = re.compile(
    # Strings, comments, numbers, and the matchers of a selector: none of them makes a tree deeper.
    rf"""{_QUOTED} | \#[^\n]* | [0-9][0-9a-zA-Z_.]* | \{{(?:{_QUOTED}|[^}}"'`{{])*\}}
      | (?P<open>[(\[{{]) | (?P<close>[)\]}}])
      | (?P<operator>==|!=|[<>]=?|[-+*/%^]|\b(?:and|or|unless|atan2)\b)
      | \w+ | .""",
    re.VERBOSE | re.IGNORECASE | re.DOTALL,
)


def excess(text: str) -> str:
    """The exceeded bound, as a sentence that says what to write; "" if there is none."""
    if len(text) > LONGEST:
        return f"write at most {LONGEST} characters"
    depth = deepest = operators = 0
    for word in _WORD.finditer(text):
        match word.lastgroup:
            case "open":
                depth += 1
                deepest = max(deepest, depth)
            case "close":
                depth -= 1
            case "operator":
                operators += 1
    if operators > MOST_OPERATORS:
        return f"write at most {MOST_OPERATORS} operators, not {operators}: record parts of it with your own rules"
    if deepest > DEEPEST:
        return f"nest at most {DEEPEST} brackets, not {deepest}: record parts of it with your own rules"
    return ""


def parse(text: str) -> promql_parser.Expr:
    """The syntax tree. Raises ValueError for text that is not PromQL.

    The parser reads escapes in back quotes, where Prometheus has none, so such strings get double quotes first.
    """
    if "`" in text:
        text = _RAW.sub(lambda match: _quoted(match["raw"]) if match["raw"] else match[0], text)
    return promql_parser.parse(text)


def _quoted(raw: str) -> str:
    return json.dumps(raw[1:-1], ensure_ascii=False)
