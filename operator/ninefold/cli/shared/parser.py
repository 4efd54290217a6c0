"""The parser of a command's options: a usage error takes two lines, the fault first.

argparse prints every option above the fault: thirty lines for `ninefold run`.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from typing import NoReturn

from ninefold.cli.shared import similar


class Parser(argparse.ArgumentParser):
    """argparse's parser, with short errors and hints."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}{_hint(self, message)}\n{self.prog} --help shows its options\n")


def subparsers(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The subcommands of a command, by name."""
    groups = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    return {name: act for group in groups for name, act in group.choices.items()}


def _hint(parser: argparse.ArgumentParser, message: str) -> str:
    """A suggestion for an option or a subcommand that does not exist."""
    if unknown := re.match(r"unrecognized arguments: (?:\S+ )*?(--[\w-]+)", message):
        return similar.question(unknown[1], _options(parser))
    if unknown := re.match(r"argument (?:ACT|\S+): invalid choice: '?([^' ]+)'? ", message):
        return similar.question(unknown[1], subparsers(parser))
    return ""


def _options(parser: argparse.ArgumentParser) -> Iterator[str]:
    yield from parser._option_string_actions
    for act in subparsers(parser).values():
        yield from _options(act)
