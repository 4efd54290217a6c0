"""The source of a command's history: a Prometheus, or a Prometheus data directory."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ninefold.cli.shared.options import access, add_access, http_url
from ninefold.cli.shared.progress import Failed
from ninefold.integrations.credentials import Unfit
from ninefold.kube.arguments import duration

if TYPE_CHECKING:
    from ninefold.integrations.prometheus import Prometheus

_LONGEST_STEP = 300
_TIMEOUT = 180.0
"""Seconds for one answer; Prometheus itself stops after 120."""


def add_source(group: argparse._ArgumentGroup) -> None:
    source = group.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus-url", type=http_url, metavar="URL", help="a Prometheus with the history")
    source.add_argument("--tsdb", type=Path, metavar="DIR", help="the data directory of a Prometheus; it is only read")
    add_access(group)
    group.add_argument("--prometheus-binary", default="prometheus", metavar="PROGRAM", help="serves the data of --tsdb")


def can_be_read() -> bool:
    """Whether numpy, which holds the history, is installed; prints an error if it is not."""
    installed = find_spec("numpy") is not None
    if not installed:
        print("ninefold: backtest needs numpy: pip install 'ninefold[backtest]'", file=sys.stderr)
    return installed


@contextmanager
def served(options: argparse.Namespace) -> Iterator[str]:
    """The URL of a Prometheus with the history. Raises NotServed."""
    if options.tsdb is None:
        yield options.prometheus_url
        return
    from ninefold.integrations import tsdb

    with tsdb.serving(options.tsdb, options.prometheus_binary) as url:
        yield url


def client(options: argparse.Namespace, url: str) -> Prometheus:
    """The client for a Prometheus. Raises Failed for credentials that cannot be used."""
    from ninefold.integrations.prometheus import Prometheus

    try:
        return Prometheus(access(options, url, timeout=_TIMEOUT))
    except Unfit as error:
        raise Failed(f"the credentials for Prometheus: {error}") from None


async def newest(options: argparse.Namespace, prometheus: Prometheus) -> datetime:
    """The end of the history: now, or the end of the directory's data."""
    if options.tsdb is None:
        return datetime.now(UTC)
    from ninefold.integrations import tsdb

    ends = [block.end for block in tsdb.blocks(options.tsdb)]
    last = await prometheus.newest()
    if not ends and last is None:
        raise Failed(f"{options.tsdb} holds no sample")
    return max([*ends, *([last] if last else [])])


def time(text: str) -> datetime:
    """The type of an option that takes a moment."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time: write 2026-09-01 or 2026-09-01T12:00Z") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def step(text: str) -> int:
    """The type of an option for the evaluation interval, in seconds."""
    length = duration(text)
    if not 0 < length <= _LONGEST_STEP:
        raise argparse.ArgumentTypeError("write a step of 1s to 5m: rules look back 5 minutes")
    return length
