"""A command's requests to a cluster: the namespace, the kubeconfig, and error messages."""

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
    """The options of a command that shows one namespace or all."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument("-n", "--namespace", help="default: that of the kubeconfig's context")
    where.add_argument("-A", "--all-namespaces", action="store_true", help="every namespace")
    add_context(parser)


def add_context(parser: argparse._ActionsContainer) -> None:
    parser.add_argument("--context", help="the context of the kubeconfig (default: its current one)")
    parser.add_argument(
        "--kubeconfig", action=_Kubeconfig, metavar="FILE", help="the kubeconfig to use instead of KUBECONFIG"
    )


class _Kubeconfig(argparse.Action):
    """Sets KUBECONFIG, so that this process and programs that it starts use the file."""

    def __call__(self, _parser: object, options: argparse.Namespace, value: object, _option: object = None) -> None:
        os.environ["KUBECONFIG"] = str(value)


def add_wait(parser: argparse.ArgumentParser) -> None:
    """How long an action waits for the operator's verdict."""
    parser.add_argument(
        "--wait",
        type=length,
        default=_VERDICT,
        metavar="TIME",
        help="how long to wait for the operator to reconcile it (default: 15s)",
    )


def namespace(options: argparse.Namespace) -> str:
    """The namespace of the command, "" for all."""
    if getattr(options, "all_namespaces", False):
        return ""
    return options.namespace or current_namespace(options.context)


def shown(options: argparse.Namespace, question: Callable[[Cluster, str], Awaitable[AnswerT]]) -> AnswerT | None:
    """The answer to a question about a namespace; None, after printing why, if the cluster does not answer."""
    try:
        return asyncio.run(answered(options.context, lambda cluster: question(cluster, namespace(options))))
    except NotFound:
        print(
            "ninefold: the cluster does not have Ninefold's CRDs: kubectl apply --server-side -f crds/", file=sys.stderr
        )
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
    return None


def acted(options: argparse.Namespace, act: Callable[[Cluster], Awaitable[int]], forbidden: int = 1) -> int:
    """The exit code of an action on a cluster; `forbidden` if the API server refuses it, 2 if it cannot run."""
    try:
        return asyncio.run(answered(options.context, act))
    except NotFound as error:
        place = "in the cluster" if getattr(options, "cluster", False) else where(namespace(options))
        print(f"ninefold: {error.message} {place}; `ninefold status -A` shows all objects", file=sys.stderr)
        return 2
    except ApiError as error:
        print(f"ninefold: {error.message}", file=sys.stderr)
        return forbidden if error.status == 403 else 2


async def answered(context: str | None, question: Callable[[Cluster], Awaitable[AnswerT]]) -> AnswerT:
    """The answer, over its own connection. Raises ApiError."""
    cluster = await connect(Metrics(), context)
    try:
        return await question(cluster)
    finally:
        await cluster.close()


def colour() -> bool:
    """Whether the output is a terminal that shows colours."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def where(namespace: str) -> str:
    """For a sentence: "in namespace shop"."""
    return f"in namespace {namespace}" if namespace else "in any namespace"
