"""`ninefold status`: shows the objectives, policies and gates of a namespace or a cluster, and their problems.

Read-only. Exit code: 0 success, 1 the cluster did not answer, 2 a usage error.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ninefold.cli.shared import cluster, table
from ninefold.cli.shared.parser import Parser
from ninefold.kinds import MODELS
from ninefold.kube.api import Manifest
from ninefold.kube.client import Cluster
from ninefold.kube.model import Resource

SHOWN = tuple(model for model in MODELS if model.in_category)
"""The kinds of `kubectl get sre`."""

Found = Mapping[type[Resource], Sequence[Manifest]]


def main(arguments: Sequence[str]) -> int:
    options = parser().parse_args(arguments)
    found = cluster.shown(options, listing)
    if found is None:
        return 1
    now = datetime.now(UTC)
    if options.json:
        print(json.dumps(table.as_dict(found), indent=2, ensure_ascii=False))
        return 0
    namespace = cluster.namespace(options)
    text = table.as_text(found, now, namespaces=not namespace, colour=cluster.colour())
    print(text or f"Ninefold has no objects {cluster.where(namespace)}.")
    return 0


def parser() -> argparse.ArgumentParser:
    """The parser of the options."""
    parser = Parser(prog="ninefold status", description=__doc__)
    cluster.add_arguments(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


async def listing(cluster: Cluster, namespace: str) -> Found:
    """Every object of the kinds shown, by kind; of all namespaces, and of the cluster itself, if none is given."""
    # A user who may read only one namespace sees that namespace.
    kinds = [kind for kind in SHOWN if kind.api.namespaced or not namespace]
    lists = await asyncio.gather(*(cluster.list(kind.api, namespace=namespace) for kind in kinds))
    return dict(zip(kinds, lists, strict=True))
