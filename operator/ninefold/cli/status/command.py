"""`ninefold status`: shows the objectives, policies and gates of a namespace or a cluster, and their problems.

Read-only. Exit code: 0 success, 1 the cluster did not answer, 2 a usage error.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ninefold.cli.shared import cluster, listing
from ninefold.cli.shared.parser import Parser
from ninefold.kinds import MODELS

SHOWN = tuple(model for model in MODELS if model.in_category)
"""The kinds of `kubectl get sre`."""


def main(arguments: Sequence[str]) -> int:
    return 0 if listing.show(parser().parse_args(arguments), SHOWN, "Ninefold has no objects") else 1


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold status", description=__doc__)
    cluster.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser
