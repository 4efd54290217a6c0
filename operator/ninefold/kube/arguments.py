"""Parsers of command-line option values. Each raises an error that argparse turns into a message. Pure."""

from __future__ import annotations

import argparse

from ninefold.kube.fields import seconds


def labels(text: str) -> dict[str, str]:
    """The labels in "a=b,c=d"."""
    pairs = [pair.partition("=") for pair in text.split(",") if pair]
    if not all(equals and name for name, equals, _ in pairs):
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form name=value,name=value")
    return {name: value for name, _, value in pairs}


def duration(text: str) -> int:
    """The seconds in "10m"."""
    try:
        return seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def count(text: str) -> int:
    """A number above 0."""
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return int(text)
