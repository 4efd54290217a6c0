"""`ninefold backtest`: reports what the rules of objectives would have done over the history in a Prometheus.

Evaluates the generated rules themselves. Exit code: 0 success, 1 a condition of --fail-on is met or there is no
history, 2 a usage error.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from ninefold.cli.shared import files, history
from ninefold.cli.shared.parser import Parser
from ninefold.kube.model import faults
from ninefold.reliability.backtest.thresholds import FIGURES, Threshold
from ninefold.reliability.servicelevelobjective.fields import Objective

_OBJECTIVE: TypeAdapter[str] = TypeAdapter(Objective)


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    if not history.can_be_read():
        return 1
    # Imported here, since it needs numpy.
    from ninefold.cli.backtest import steps

    return steps.run(options)


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold backtest", description=__doc__)
    files.add_arguments(parser)
    _add_history(parser)
    _add_judgement(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--json", action="store_true", help="print everything as JSON")
    output.add_argument(
        "--backfill", type=Path, metavar="DIR", help="write the history that the rules read into DIR, for promtool"
    )
    output.add_argument("--promtool", metavar="PROGRAM", help="also make blocks of it, in DIR/blocks")
    return parser


def _add_history(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("history")
    history.add_source(group)
    group.add_argument("--days", type=_days, default=30.0, metavar="N", help="how many days to evaluate (default: 30)")
    group.add_argument(
        "--from", dest="begin", type=history.time, metavar="TIME", help="for example 2026-09-01 or 2026-09-01T12:00Z"
    )
    group.add_argument("--to", dest="end", type=history.time, metavar="TIME", help="default: now, or the end of --tsdb")
    group.add_argument(
        "--step", type=history.step, default=60, metavar="TIME", help="how often rules are evaluated (default: 1m)"
    )


def _add_judgement(parser: argparse.ArgumentParser) -> None:
    judgement = parser.add_argument_group("judgement")
    judgement.add_argument(
        "--targets", type=_targets, metavar="A,B,...", help="objectives to try (default: some near the present one)"
    )
    judgement.add_argument(
        "--kept",
        type=_percent,
        default=0.99,
        metavar="PERCENT",
        help="suggest a target that was met this often (default: 99)",
    )
    judgement.add_argument(
        "--most-pages", type=float, default=2.0, metavar="N", help="with at most this many pages per week (default: 2)"
    )
    judgement.add_argument(
        "--incident-budget",
        type=_percent,
        metavar="PERCENT",
        help="an incident costs at least this share of the budget (default: that of the smallest page tier)",
    )
    judgement.add_argument(
        "--noise-budget",
        type=_percent,
        metavar="PERCENT",
        help="a page for a smaller share is noise (default: half of --incident-budget)",
    )
    judgement.add_argument(
        "--fail-on",
        type=_threshold,
        action="extend",
        nargs="+",
        default=[],
        metavar="CONDITION",
        help=f"exit with 1 if an objective meets it, such as pages-per-week>2; also {', '.join(FIGURES)}",
    )


def _days(text: str) -> float:
    days = float(text)
    if not 0 < days <= 800:
        raise argparse.ArgumentTypeError("write a number of days up to 800")
    return days


def _percent(text: str) -> float:
    percent = float(text)
    if not 0 <= percent <= 100:
        raise argparse.ArgumentTypeError("write a percentage of 0 to 100")
    return percent / 100


def _targets(text: str) -> list[str]:
    try:
        return [_OBJECTIVE.validate_python(target.strip()) for target in text.split(",")]
    except ValidationError as error:
        raise argparse.ArgumentTypeError(faults(error)[0][1]) from None


def _threshold(text: str) -> Threshold:
    try:
        return Threshold.parse(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
