"""`ninefold completion`: prints a script that completes commands, options and values in a shell.

source <(ninefold completion bash)                                          bash, in ~/.bashrc
ninefold completion zsh > "${fpath[1]}/_ninefold"                           zsh, once
ninefold completion fish > ~/.config/fish/completions/ninefold.fish         fish, once
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib import import_module

from ninefold.cli.completion import bash, fish, zsh
from ninefold.cli.completion.tree import Place, node
from ninefold.cli.shared.parser import Parser

SHELLS = {"bash": bash.script, "zsh": zsh.script, "fish": fish.script}


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    print(SHELLS[options.shell](nodes()), end="")
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(
        prog="ninefold completion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shell", choices=tuple(SHELLS), help="the shell")
    return parser


def nodes() -> list[Place]:
    """The whole command, from its parsers: read once, not at each key press."""
    from ninefold.cli import COMMANDS, module

    top = Place("", [*COMMANDS.items(), ("version", "print the version")], [])
    return [top, *(place for name in COMMANDS for place in node(name, import_module(module(name)).parser()))]
