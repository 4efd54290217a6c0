"""Values of options that more than one command takes."""

from __future__ import annotations

import argparse


def labels(text: str) -> dict[str, str]:
    """The labels in "a=b,c=d"; raises what argparse turns into a message."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(equals and name for name, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value,name=value")
    return {name: value for name, _, value in pairs}


def count(text: str) -> int:
    """A number above 0; raises what argparse turns into a message."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)


def add_rule_options(parser: argparse._ActionsContainer) -> None:
    """How rules are written, on which `run` and `render` must agree."""
    parser.add_argument(
        "--aliases",
        choices=("none", "sloth"),
        default="none",
        help="record series under the names of another tool, too",
    )
    parser.add_argument(
        "--rules-per-group",
        type=count,
        metavar="N",
        help="split the rules of an objective into groups of at most N, as Mimir wants (20); "
        "an alert may then come one evaluation later for each further group",
    )
    parser.add_argument(
        "--share-indicators",
        action="store_true",
        help="objectives of a namespace with the same indicator read its raw series once; "
        "the figures of all but one are then up to one evaluation later",
    )
