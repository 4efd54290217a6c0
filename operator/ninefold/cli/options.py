"""Values of options that more than one command takes."""

from __future__ import annotations

import argparse


def labels(text: str) -> dict[str, str]:
    """The labels in "a=b,c=d"; raises what argparse turns into a message."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(equals and name for name, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value,name=value")
    return {name: value for name, _, value in pairs}
