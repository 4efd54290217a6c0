"""Rules with one fault each, as people and refactorings make them: a proof is worth as much as it notices of these."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

Rule = dict[str, Any]

_DURATION = re.compile(r"(?<=[\[: ])(\d+)([mhd])(?=[\]:)]| offset|$)")
_NUMBER = re.compile(r"(?<![\w.:\"{])(\d+(?:\.\d+)?)(?![\w.:\"}])")


_EQUIVALENT = (
    # Counted and errors are 0 where they are missing, and errors are there exactly where events are.
    (r"slo:counted:", r"or vector\(0\)"),
    (r"slo:coverage:rate", r"events at .* is errors"),
    # Where there are too many bad events, all events are bad ones.
    (r"slo:indicator_excess:", r"events at .* is errors"),
    # What is older than the present hour carries another label and is left out all the same.
    (r"slo:\w+:hour", r"1h at .* is 2h"),
)
"""Faults that change no figure: which recordings, and which faults."""


@dataclass(frozen=True)
class Mutant:
    """All rules of a group, one of them changed."""

    what: str
    rules: list[Rule]


def mutants(rules: Sequence[Rule]) -> Iterator[Mutant]:
    """Every fault in every rule."""
    seen = {str(list(rules))}
    for index, rule in enumerate(rules):
        name = rule.get("record") or f"{rule['alert']} {rule['labels'].get('burn_tier')}"
        for what, changed in _faults(rule):
            made = copy.deepcopy(list(rules))
            made[index : index + 1] = [] if changed is None else [changed]
            same = any(re.match(record, name) and re.fullmatch(fault, what) for record, fault in _EQUIVALENT)
            if str(made) not in seen and not same:
                seen.add(str(made))
                yield Mutant(f"{name}: {what}", made)


def _faults(rule: Rule) -> Iterator[tuple[str, Rule | None]]:
    yield "left out", None
    for what, expression in _expressions(rule["expr"]):
        yield what, {**rule, "expr": expression}
    for label in rule["labels"]:
        if f'{label}="' in rule["expr"]:
            # The expression has it from what it reads.
            continue
        labels = {name: value for name, value in rule["labels"].items() if name != label}
        yield f"without its label {label}", {**rule, "labels": labels}


def _expressions(expression: str) -> Iterator[tuple[str, str]]:
    """The expression with one fault, and which."""
    yield from _wrong_numbers(expression)
    yield from _wrong_windows(expression)
    yield from _wrong_words(expression)
    if not expression.startswith("vector("):
        yield "or vector(0)", f"({expression}) or vector(0)"
    for condition in expression.split("\nand\n")[1:]:
        yield f"without the condition {condition}", expression.replace(f"\nand\n{condition}", "")


def _wrong_numbers(expression: str) -> Iterator[tuple[str, str]]:
    for match in _NUMBER.finditer(expression):
        if match[1] != "0":
            value = f"{float(match[1]) * 1.5:.9g}"
            yield f"{match[1]} at {match.start()} is {value}", _replaced(expression, match, value)


def _wrong_windows(expression: str) -> Iterator[tuple[str, str]]:
    for match in _DURATION.finditer(expression):
        longer = f"{int(match[1]) * 2}{match[2]}"
        yield f"{match[0]} at {match.start()} is {longer}", _replaced(expression, match, longer)
    for name in sorted(set(re.findall(r"slo:burn_rate:\w+", expression))):
        for other in ("slo:burn_rate:5m", "slo:burn_rate:1h"):
            if other != name:
                yield f"{name} is {other}", expression.replace(name, other)
    for match in re.finditer(r" offset (?!1ms)\w+", expression):
        yield f"without{match[0]}", _replaced(expression, match, "")


_SWAPS = (
    ("errors", "events"),
    ("events", "errors"),
    (">", "<"),
    (" and ", " or "),
    ("\nand\n", "\nor\n"),
    (" or ", " and "),
    ("sum by", "max by"),
    ("sum_over_time", "avg_over_time"),
    ("sum(", "avg("),
    ("rate(", "delta("),
)


def _wrong_words(expression: str) -> Iterator[tuple[str, str]]:
    for old, new in _SWAPS:
        for match in re.finditer(re.escape(old), expression):
            yield f"{old.strip()} at {match.start()} is {new.strip()}", _replaced(expression, match, new)


def _replaced(text: str, match: re.Match[str], new: str) -> str:
    return text[: match.start()] + new + text[match.end() :]
