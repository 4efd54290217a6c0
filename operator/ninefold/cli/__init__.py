"""The command `ninefold`, also reachable as `kubectl ninefold`. Each subcommand is a module, imported when called."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from importlib import import_module

from ninefold import __version__
from ninefold.cli.shared import similar

COMMANDS = {
    "run": "run the operator",
    "render": "print what the controller would apply for the resources in files",
    "lint": "check resources in files as the API server and the controllers would",
    "import": "convert objectives of Sloth, Pyrra or OpenSLO to ServiceLevelObjectives, and report what changes",
    "export": "convert objectives to OpenSLO, and report what OpenSLO cannot express",
    "backtest": "report what the rules of objectives in files would have done over the history in a Prometheus",
    "gate": "check a release gate, close and open it by hand, override it in an emergency",
    "policy": "forgive the spent budget of a deleted or changed objective",
    "status": "show the objectives, policies and gates of a cluster",
    "releases": "show the record of releases and the DORA metrics",
    "completion": "print a completion script for bash, zsh or fish",
    "crds": "print or write the CustomResourceDefinitions",
}

_CONVERTERS = {"import": "ninefold.cli.convert.import_", "export": "ninefold.cli.convert.export"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand; returns the exit code: 0 success, 1 a finding, 2 a usage error."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if not words or words[0] in {"-h", "--help", "help"}:
        print(_usage())
        return 0
    if words[0] in {"--version", "version"}:
        print(f"ninefold {__version__}")
        return 0
    if words[0] not in COMMANDS:
        hint = similar.question(words[0], COMMANDS)
        print(f"ninefold: there is no command {words[0]!r}{hint}\n\n{_usage()}", file=sys.stderr)
        return 2
    try:
        code: int = import_module(module(words[0])).main(words[1:])
        sys.stdout.flush()
    except BrokenPipeError:
        # The reader, such as `head`, has closed the pipe; Python would report this again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    return code


def module(command: str) -> str:
    """The module of a command, in the folder with its name, except the two converters."""
    return _CONVERTERS.get(command, f"ninefold.cli.{command}.command")


def _usage() -> str:
    width = max(map(len, COMMANDS))
    lines = "\n".join(f"  {name:<{width}}  {help_text}" for name, help_text in COMMANDS.items())
    return f"Usage: ninefold COMMAND [OPTIONS]\n\n{lines}\n\nninefold COMMAND --help shows its options."
