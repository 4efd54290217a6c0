"""`ninefold completion`: print what completes commands, options and their values in a shell.

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
    """Of the options."""
    parser = Parser(
        prog="ninefold completion", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("shell", choices=tuple(SHELLS), help="for which shell")
    return parser


def nodes() -> list[Place]:
    """The whole command, from its parsers: they are asked once, and not whenever somebody presses the key."""
    from ninefold.cli import COMMANDS, module

    top = Place("", [*COMMANDS.items(), ("version", "print the version")], [])
    return [top, *(each for name in COMMANDS for each in node(name, import_module(module(name)).parser()))]
