"""What a Prometheus has of the series that objectives in files select: for `lint` and `import`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from ninefold.cli.shared.findings import Finding
from ninefold.cli.shared.options import add_access, http_url
from ninefold.cli.shared.resources import Found


def add_arguments(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("series")
    group.add_argument(
        "--prometheus-url",
        type=http_url,
        metavar="URL",
        help="look there whether the selectors of objectives match any series",
    )
    add_access(group)


def findings(options: argparse.Namespace, found: Sequence[Found]) -> list[Finding]:
    """Selectors that match no series: an error where that is wrong whatever happens, a warning where it may be early.

    None without a Prometheus.
    """
    if not options.prometheus_url:
        return []
    # Only now: without it a command starts in half the time.
    from ninefold.cli.shared import series_lookup

    return series_lookup.findings(options, found)
