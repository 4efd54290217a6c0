"""Shows all objects of some kinds: a table for people, JSON for programs."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ninefold.cli.shared import cluster, table
from ninefold.kube.api import Manifest
from ninefold.kube.client import Cluster
from ninefold.kube.model import Resource


def show(options: argparse.Namespace, kinds: Sequence[type[Resource]], what: str) -> bool:
    """Whether the cluster answered. `what` begins the sentence for a place without objects, as "There is no gate"."""

    async def listed(api: Cluster, namespace: str) -> Mapping[type[Resource], Sequence[Manifest]]:
        # A user who may read only one namespace sees that namespace.
        here = [kind for kind in kinds if kind.api.namespaced or not namespace]
        lists = await asyncio.gather(*(api.list(kind.api, namespace=namespace) for kind in here))
        return dict(zip(here, lists, strict=True))

    found = cluster.shown(options, listed)
    if found is None:
        return False
    if options.json:
        print(json.dumps(table.as_dict(found), indent=2, ensure_ascii=False))
        return True
    namespace = cluster.namespace(options)
    text = table.as_text(found, datetime.now(UTC), namespaces=not namespace, colour=cluster.colour())
    print(text or f"{what} {cluster.where(namespace)}.")
    return True
