"""`ninefold gate backtest`: its options. The steps are in steps.py, which needs numpy.

Exit code: 0 success, 1 no result, 2 a usage error.
"""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta

from ninefold.cli.shared import cluster, history
from ninefold.kube.fields import seconds


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="GATE", nargs="?", help="only this gate (default: all)")
    what = parser.add_argument_group("resources to replay")
    what.add_argument(
        "-f",
        "--filename",
        action="extend",
        nargs="+",
        metavar="FILE",
        help="gates, policies and objectives in files or directories (default: those of the cluster)",
    )
    what.add_argument("-R", "--recursive", action="store_true", help="also read subdirectories")
    what.add_argument(
        "-n",
        "--namespace",
        help="the namespace in the cluster, or of objects in files that name none (default: the context's; default)",
    )
    cluster.add_context(what)
    what.add_argument(
        "--against",
        action="extend",
        nargs="+",
        metavar="FILE",
        help="replay a second time, with the objects in these files instead of those of the same kind and name",
    )
    what.add_argument(
        "--releases",
        action="extend",
        nargs="+",
        metavar="FILE",
        help="records of releases, as kubectl get releases -o yaml prints them (default: those of the cluster, "
        "none with -f)",
    )
    group = parser.add_argument_group("history")
    history.add_source(group)
    group.add_argument(
        "--since",
        type=_since,
        default=timedelta(days=30),
        metavar="TIME",
        help="for example 90d, 2026-09-01 or 2026-09-01T12:00Z (default: 30d)",
    )
    group.add_argument("--until", type=history.time, metavar="TIME", help="default: now, or the end of --tsdb")
    group.add_argument(
        "--step",
        type=history.step,
        default=60,
        metavar="TIME",
        help="how often rules are evaluated and measurements read (default: 1m)",
    )
    group.add_argument(
        "--recompute",
        action="store_true",
        help="evaluate the objectives' rules over scraped series, instead of reading their recordings",
    )
    parser.add_argument("--json", action="store_true", help="print everything as JSON")


def run(options: argparse.Namespace) -> int:
    if not history.can_be_read():
        return 1
    # Imported here, since it needs numpy.
    from ninefold.cli.gate.backtest import steps

    return steps.run(options)


def _since(text: str) -> datetime | timedelta:
    try:
        length = timedelta(seconds=seconds(text))
    except ValueError:
        return history.time(text)
    if not timedelta() < length <= timedelta(days=800):
        raise argparse.ArgumentTypeError("write a time of up to 800d")
    return length
