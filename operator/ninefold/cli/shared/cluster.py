"""How a command asks a cluster: which namespace, through which kubeconfig, and what people read where that fails."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TypeVar

from ninefold.cli.shared.options import length
from ninefold.kube.client import ApiError, Cluster, NotFound, connect, current_namespace
from ninefold.kube.metrics import Metrics

AnswerT = TypeVar("AnswerT")
_VERDICT = timedelta(seconds=15)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of a command that shows what a namespace has, or all."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="every namespace")
    add_context(parser)


def add_context(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--context", help="the context of the kubeconfig (default: its current one)")
    parser.add_argument("--kubeconfig", action=_Kubeconfig, metavar="FILE", help="instead of KUBECONFIG")


class _Kubeconfig(argparse.Action):
    """Whoever asks a cluster, here or in a program of its own, finds it as if it had been in the environment."""

    def __call__(self, _parser: object, options: argparse.Namespace, value: object, _option: object = None) -> None:
        os.environ["KUBECONFIG"] = str(value)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """How long an act waits for the operator's verdict."""
    parser.add_argument(
        "--wait",
        type=length,
        default=_VERDICT,
        metavar="TIME",
        help="wait so long for the operator to look at it (15s)",
    )


def namespace(options: argparse.Namespace) -> str:
    """The namespace that is meant, "" for all."""
    if getattr(options, "all_namespaces", False):
        return ""
    return options.namespace or current_namespace(options.context)


def shown(options: argparse.Namespace, question: Callable[[Cluster, str], Awaitable[AnswerT]]) -> AnswerT | None:
    """The answer to a question about a namespace; None if the cluster cannot be asked, which is printed."""
    try:
        return asyncio.run(answered(options.context, lambda cluster: question(cluster, namespace(options))))
    except NotFound:
        print("ninefold: the cluster does not know our kinds: kubectl apply --server-side -f crds/", file=sys.stderr)
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
    return None


def acted(options: argparse.Namespace, act: Callable[[Cluster], Awaitable[int]], forbidden: int = 1) -> int:
    """The exit code of an act on a cluster; `forbidden` if the API server refuses it, 2 if it cannot be tried."""
    try:
        return asyncio.run(answered(options.context, act))
    except NotFound as error:
        place = "in the cluster" if getattr(options, "cluster", False) else where(namespace(options))
        print(f"ninefold: {error.message} {place}; `ninefold status -A` shows what there is", file=sys.stderr)
        return 2
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
        return forbidden if error.status == 403 else 2


async def answered(context: str | None, question: Callable[[Cluster], Awaitable[AnswerT]]) -> AnswerT:
    """The answer, over a connection of its own. Raises ApiError."""
    cluster = await connect(Metrics(), context)
    try:
        return await question(cluster)
    finally:
        await cluster.close()


def colour() -> bool:
    """Whether who reads it sees colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def where(namespace: str) -> str:
    """For a sentence: "in namespace shop"."""
    return f"in namespace {namespace}" if namespace else "in any namespace"
