"""A command line as shells complete it: the words that may follow, at each place, with what they mean."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from ninefold.cli.shared.parser import subparsers

_LONGEST = 90
"""Of what a shell shows beside a word, in characters."""


@dataclass(frozen=True, slots=True)
class Switch:
    """An option by all its names. If it takes a value, `choices` are all that it may be; none: a file or a text."""

    names: tuple[str, ...]
    what: str
    value: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A place, such as "gate check": the words that lead deeper or may stand there, and the options."""

    at: str
    words: list[tuple[str, str]]
    options: list[Switch]


def node(at: str, parser: argparse.ArgumentParser) -> Iterator[Place]:
    """A command and its acts."""
    acts = subparsers(parser)
    whats = {
        each.dest: each.help or ""
        for group in parser._actions
        if isinstance(group, argparse._SubParsersAction)
        for each in group._choices_actions
    }
    words = [(name, _short(whats.get(name, ""))) for name in acts]
    words += [(str(choice), "") for action in _positionals(parser) for choice in action.choices or ()]
    yield Place(at, words, [_option(parser, action) for action in parser._actions if action.option_strings])
    for name, act in acts.items():
        yield from node(f"{at} {name}", act)


def _positionals(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if not action.option_strings and not isinstance(action, argparse._SubParsersAction):
            yield action


def _option(parser: argparse.ArgumentParser, action: argparse.Action) -> Switch:
    what = parser._get_formatter()._expand_help(action) if action.help else ""
    choices = tuple(map(str, action.choices or ()))
    return Switch(tuple(action.option_strings), _short(what), action.nargs != 0, choices)


def _short(what: str) -> str:
    return what if len(what) <= _LONGEST else f"{what[: _LONGEST - 1].rstrip()}…"
