"""Where a command reads history from: a Prometheus, or the data directory of one."""

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
from ninefold.kube.fields import seconds

if TYPE_CHECKING:
    from ninefold.integrations.prometheus import Prometheus

_LONGEST_STEP = 300
_TIMEOUT = 180.0
"""Seconds for one answer; Prometheus itself gives up after 120."""


def add_source(group: argparse._ArgumentGroup) -> None:
    source = group.add_mutually_exclusive_group(required=True)
    source.add_argument("--prometheus-url", type=http_url, metavar="URL", help="a Prometheus that has it")
    source.add_argument("--tsdb", type=Path, metavar="DIR", help="the data directory of a Prometheus; it is only read")
    add_access(group)
    group.add_argument("--prometheus-binary", default="prometheus", metavar="PROGRAM", help="serves the data of --tsdb")


def can_be_read() -> bool:
    """Whether what history is kept in here is installed; if not, that is printed."""
    found = find_spec("numpy") is not None
    if not found:
        print("ninefold: backtest needs numpy: pip install 'ninefold[backtest]'", file=sys.stderr)
    return found


@contextmanager
def served(options: argparse.Namespace) -> Iterator[str]:
    """The URL of a Prometheus that has it. Raises NotServed."""
    if options.tsdb is None:
        yield options.prometheus_url
        return
    from ninefold.integrations import tsdb

    with tsdb.serving(options.tsdb, options.prometheus_binary) as url:
        yield url


def client(options: argparse.Namespace, url: str) -> Prometheus:
    """Raises Failed for credentials that cannot be used."""
    from ninefold.integrations.prometheus import Prometheus

    try:
        return Prometheus(access(options, url, timeout=_TIMEOUT))
    except Unfit as error:
        raise Failed(f"the credentials for Prometheus: {error}") from None


async def newest(options: argparse.Namespace, prometheus: Prometheus) -> datetime:
    """When it ends: now, or with the data of the directory."""
    if options.tsdb is None:
        return datetime.now(UTC)
    from ninefold.integrations import tsdb

    ends = [block.end for block in tsdb.blocks(options.tsdb)]
    last = await prometheus.newest()
    if not ends and last is None:
        raise Failed(f"there is not one sample in {options.tsdb}")
    return max([*ends, *([last] if last else [])])


def time(text: str) -> datetime:
    """The type of an option that names a moment."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no time: write 2026-09-01 or 2026-09-01T12:00Z") from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def step(text: str) -> int:
    """The type of an option for the evaluation interval, in seconds."""
    try:
        found = seconds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    if not 0 < found <= _LONGEST_STEP:
        raise argparse.ArgumentTypeError("write a step of 1s to 5m: rules look back 5 minutes")
    return found
