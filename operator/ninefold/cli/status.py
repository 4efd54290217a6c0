"""`ninefold status`: where a namespace or a cluster stands: objectives, policies, gates, and what is wrong with them.

Only reads. Exit code: 0 fine, 1 the cluster could not be asked, 2 a wrong call.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from ninefold.cli import view
from ninefold.cli.kinds import KINDS
from ninefold.kube.api import Manifest
from ninefold.kube.client import ApiError, Cluster, NotFound, connect, current_namespace
from ninefold.kube.metrics import Metrics
from ninefold.kube.model import Resource

Found = Mapping[type[Resource], Sequence[Manifest]]


def main(arguments: Sequence[str]) -> int:
    options = _parser().parse_args(arguments)
    namespace = "" if options.all_namespaces else options.namespace or current_namespace(options.context)
    try:
        found = asyncio.run(_ask(namespace, options.context))
    except NotFound:
        print("ninefold: the cluster does not know our kinds: kubectl apply --server-side -f crds/", file=sys.stderr)
        return 1
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
        return 1
    now = datetime.now(UTC)
    if options.json:
        print(json.dumps(view.as_dict(found), indent=2, ensure_ascii=False))
        return 0
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    where = f"in namespace {namespace}" if namespace else "in any namespace"
    print(view.as_text(found, now, namespaces=not namespace, colour=colour) or f"There is no resource of ours {where}.")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="ninefold status", description=__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="every namespace")
    parser.add_argument("--context", help="the context of the kubeconfig (default: its current one)")
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


async def _ask(namespace: str, context: str | None) -> Found:
    cluster = await connect(Metrics(), context)
    try:
        return await listing(cluster, namespace)
    finally:
        await cluster.close()


async def listing(cluster: Cluster, namespace: str) -> Found:
    """Every object of our kinds by kind, of all namespaces if none is given."""
    lists = await asyncio.gather(*(cluster.list(kind.api, namespace=namespace) for kind in KINDS))
    return dict(zip(KINDS, lists, strict=True))
