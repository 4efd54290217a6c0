"""The faults that pydantic finds, in Ninefold's words: each sentence says what to write. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic_core import ErrorDetails

UNKNOWN = "unknown field"

_PLAIN = {
    "missing": "write this field: it is required",
    "extra_forbidden": UNKNOWN,
    "string_type": "write a string here: put a number, true or false in quotes",
    "string_unicode": "write a text in UTF-8",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_type": "write a whole number",
    "int_parsing": "write a whole number",
    "int_parsing_size": "write a smaller number",
    "int_from_float": "write a whole number",
    "float_type": "write a number",
    "float_parsing": "write a number",
    "finite_number": "write a finite number",
    "list_type": "write a list",
    "dict_type": "write a map of names to values",
    "mapping_type": "write a map of names to values",
    "path_type": "write the name of a file",
    "model_type": "write a map of fields here",
    "model_attributes_type": "write a map of fields here",
    **dict.fromkeys(
        (
            "datetime_type",
            "datetime_parsing",
            "datetime_from_date_parsing",
            "datetime_object_invalid",
            "timezone_aware",
        ),
        'write a time with its zone, such as "2026-01-31T12:00:00Z"',
    ),
    "invalid_key": "write a text as the name of a field",
}
_MEASURED: dict[str, Callable[[Mapping[str, Any]], str]] = {
    "literal_error": lambda of: f"write {'one of ' if ' or ' in of['expected'] else ''}{of['expected']}",
    "string_too_long": lambda of: f"write at most {_counted(of['max_length'], 'character')}",
    "string_too_short": lambda of: f"write at least {_counted(of['min_length'], 'character')}",
    "too_long": lambda of: f"write at most {_counted(of['max_length'], 'entry', 'entries')}",
    "too_short": lambda of: f"write at least {_counted(of['min_length'], 'entry', 'entries')}",
    "greater_than": lambda of: f"write more than {of['gt']}",
    "greater_than_equal": lambda of: f"write {of['ge']} or more",
    "less_than": lambda of: f"write less than {of['lt']}",
    "less_than_equal": lambda of: f"write {of['le']} or less",
    "string_pattern_mismatch": lambda of: f"write a text that matches {of['pattern']}",
    "value_error": lambda of: str(of["error"]),
}
_OWN = frozenset({"cel", "quoted"})
"""Faults that Ninefold's own checks find, with their own sentences."""


def sentence(fault: ErrorDetails) -> str:
    """What to write instead of a value."""
    kind = fault["type"]
    if kind in _OWN:
        return fault["msg"]
    if (measured := _MEASURED.get(kind)) is not None:
        return measured(fault.get("ctx", {}))
    return _PLAIN.get(kind, "write another value: `kubectl explain` says which")


def _counted(number: int, singular: str, plural: str = "") -> str:
    return f"{number} {singular if number == 1 else plural or f'{singular}s'}"
