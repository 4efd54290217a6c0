"""`ninefold gate list`: the gates of a namespace, or all, as `ninefold status` shows them."""

from __future__ import annotations

import argparse
import json
from datetime import UTC, datetime

from ninefold.cli.shared import cluster, table
from ninefold.kube.api import Manifest
from ninefold.kube.client import Cluster
from ninefold.kube.model import Resource
from ninefold.release.clusterreleasegate.resource import ClusterReleaseGate
from ninefold.release.releasegate.resource import ReleaseGate


def run(options: argparse.Namespace) -> int:
    """The exit code: 0, or 2 if the cluster does not answer."""
    found = cluster.shown(options, _gates)
    if found is None:
        return 2
    if options.json:
        print(json.dumps(table.as_dict(found), indent=2, ensure_ascii=False))
        return 0
    namespace = cluster.namespace(options)
    text = table.as_text(found, datetime.now(UTC), namespaces=not namespace, colour=cluster.colour())
    print(text or f"There is no release gate {cluster.where(namespace)}.")
    return 0


async def _gates(api: Cluster, namespace: str) -> dict[type[Resource], list[Manifest]]:
    """The gates of a namespace, or of all namespaces and the cluster itself if none is given."""
    kinds: list[type[Resource]] = [ReleaseGate] if namespace else [ClusterReleaseGate, ReleaseGate]
    return {kind: await api.list(kind.api, namespace=namespace) for kind in kinds}
