"""`ninefold gate sign`: prints the signature that identifies the webhooks of a Flagger canary. It needs no cluster."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from ninefold.kube.api import Key
from ninefold.release.gate_api.access import signature


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("canary", type=_canary, metavar="NAMESPACE/NAME", help="the Canary")
    parser.add_argument(
        "--key-file",
        type=Path,
        required=True,
        metavar="FILE",
        help="the operator's key file; its first line is the key",
    )


def sign(options: argparse.Namespace) -> int:
    """The exit code."""
    try:
        lines = [line.strip() for line in options.key_file.read_bytes().splitlines() if line.strip()]
    except OSError as error:
        print(f"ninefold: {options.key_file} cannot be read: {error.strerror}", file=sys.stderr)
        return 2
    if not lines:
        print(f"ninefold: {options.key_file} is empty: write a key into it, one per line", file=sys.stderr)
        return 2
    print(signature(lines[0], options.canary))
    return 0


def _canary(text: str) -> Key:
    namespace, slash, name = text.partition("/")
    if not (namespace and slash and name) or "/" in name:
        raise argparse.ArgumentTypeError(f"{text!r} is not of the form NAMESPACE/NAME")
    return Key(namespace, name)
