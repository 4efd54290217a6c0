"""The command line for shell completion: the words that may follow at each place, with descriptions."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

from ninefold.cli.shared.parser import subparsers

_LONGEST = 90
"""The longest description that a shell shows, in characters."""


@dataclass(frozen=True, slots=True)
class Switch:
    """An option with all its names. If it takes a value, `choices` are the allowed values; empty: a file or a text."""

    names: tuple[str, ...]
    what: str
    value: bool
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A place, such as "gate check": the subcommands and words that may follow, and the options."""

    at: str
    words: list[tuple[str, str]]
    options: list[Switch]

    @property
    def entered(self) -> str:
        """The place before and the word that leads here. A top-level command follows an empty place, so it starts with
        one blank."""
        return self.at if " " in self.at else f" {self.at}"


def node(at: str, parser: argparse.ArgumentParser) -> Iterator[Place]:
    """A command and its subcommands."""
    acts = subparsers(parser)
    summaries = {
        action.dest: action.help or ""
        for group in parser._actions
        if isinstance(group, argparse._SubParsersAction)
        for action in group._choices_actions
    }
    words = [(name, _short(summaries.get(name, ""))) for name in acts]
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
