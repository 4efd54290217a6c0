"""`ninefold gate list`: the gates of a namespace, or all, as `ninefold status` shows them."""

from __future__ import annotations

import argparse

from ninefold.cli.shared import listing
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.releasegate.resource import ReleaseGate


def run(options: argparse.Namespace) -> int:
    """The exit code: 0, or 2 if the cluster does not answer."""
    return 0 if listing.show(options, (ClusterReleaseGate, ReleaseGate), "There is no release gate") else 2
