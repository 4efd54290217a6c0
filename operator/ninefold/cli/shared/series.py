"""Checks whether a Prometheus has the series that objectives in files select: for `lint` and `import`."""

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
        help="check in this Prometheus whether the selectors of objectives match any series",
    )
    add_access(group)


def findings(options: argparse.Namespace, found: Sequence[Found]) -> list[Finding]:
    """Selectors that match no series: an error if this is surely wrong, a warning if the series may still appear.

    Empty without a Prometheus.
    """
    if not options.prometheus_url:
        return []
    # Imported here: without it a command starts in half the time.
    from ninefold.cli.shared import series_lookup

    return series_lookup.findings(options, found)
